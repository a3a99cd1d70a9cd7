import type { Scenario } from '../support/scenario.ts';
import { refreshRace } from './refresh-race.ts';
import { replicaKilled } from './replica-killed.ts';
import { restartStorm } from './restart-storm.ts';

/** Every fault there is a scenario for, by the number that docs/reliability.md gives it. */
export const scenarios: ReadonlyMap<string, Scenario> = new Map([
  ['R11', replicaKilled],
  ['R13', refreshRace],
  ['R14', restartStorm],
]);
