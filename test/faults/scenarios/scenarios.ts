import type { Scenario } from '../support/scenario.ts';
import { redisKilled } from './redis-killed.ts';
import { redisSlow } from './redis-slow.ts';
import { refreshRace } from './refresh-race.ts';
import { replicaCutOff } from './replica-cut-off.ts';
import { replicaKilled } from './replica-killed.ts';
import { restartStorm } from './restart-storm.ts';

/** Every fault there is a scenario for, by the number that docs/reliability.md gives it. */
export const scenarios: ReadonlyMap<string, Scenario> = new Map([
  ['R1', redisKilled],
  ['R2', redisSlow],
  ['R6', replicaCutOff],
  ['R11', replicaKilled],
  ['R13', refreshRace],
  ['R14', restartStorm],
]);
