import type { Scenario } from '../support/scenario.ts';
import { badTokenFlood } from './bad-token-flood.ts';
import { evictions } from './evictions.ts';
import { failover } from './failover.ts';
import { fewDescriptors } from './few-descriptors.ts';
import { flush } from './flush.ts';
import { keyRotation } from './key-rotation.ts';
import { overload } from './overload.ts';
import { proxyOverhead } from './proxy-overhead.ts';
import { redisKilled } from './redis-killed.ts';
import { redisSlow } from './redis-slow.ts';
import { refreshRace } from './refresh-race.ts';
import { replicaCutOff } from './replica-cut-off.ts';
import { replicaKilled } from './replica-killed.ts';
import { restartStorm } from './restart-storm.ts';
import { rollingRestart } from './rolling-restart.ts';
import { smallDisk } from './small-disk.ts';
import { smallMemory } from './small-memory.ts';
import { upstreamTrouble } from './upstream-trouble.ts';

/** Every fault there is a scenario for, by the number that docs/reliability.md gives it. */
export const scenarios: ReadonlyMap<string, Scenario> = new Map([
  ['R1', redisKilled],
  ['R2', redisSlow],
  ['R3', failover],
  ['R4', evictions],
  ['R5', flush],
  ['R6', replicaCutOff],
  ['R10', upstreamTrouble],
  ['R11', replicaKilled],
  ['R12', rollingRestart],
  ['R13', refreshRace],
  ['R14', restartStorm],
  ['R15', keyRotation],
  ['R16', smallMemory],
  ['R17', fewDescriptors],
  ['R19', smallDisk],
  ['R20', badTokenFlood],
  ['R23', overload],
  ['R26', proxyOverhead],
]);
