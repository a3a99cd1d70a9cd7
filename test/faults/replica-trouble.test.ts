import { keyRotation } from './scenarios/key-rotation.ts';
import { refreshRace } from './scenarios/refresh-race.ts';
import { replicaKilled } from './scenarios/replica-killed.ts';
import { restartStorm } from './scenarios/restart-storm.ts';
import { describeScenarios } from './support/describe-scenarios.ts';

describeScenarios('two replicas in trouble themselves', [
  ['R11: lose no session and make no second branch when one is killed', replicaKilled],
  ['R13: agree on one successor for five copies of a token, and notice thieves', refreshRace],
  ['R14: serve everybody who refreshes while all of them restart', restartStorm],
  ['R15: refuse nothing while keys rotate, and everything of a destroyed key', keyRotation],
]);
