import { evictions } from './scenarios/evictions.ts';
import { flush } from './scenarios/flush.ts';
import { redisKilled } from './scenarios/redis-killed.ts';
import { redisSlow } from './scenarios/redis-slow.ts';
import { replicaCutOff } from './scenarios/replica-cut-off.ts';
import { describeScenarios } from './support/describe-scenarios.ts';

describeScenarios('two replicas whose Redis is in trouble', [
  ['R1: serve calls, refuse tokens and recover when Redis is killed', redisKilled],
  ['R2: serve calls and lose no login while Redis is slow, lossy or silent', redisSlow],
  ['R4: accept nothing that Redis evicted', evictions],
  ['R5: accept nothing that Redis forgot', flush],
  ['R6: redeem each code once while one of them is cut off', replicaCutOff],
]);
