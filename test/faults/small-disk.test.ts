import { smallDisk } from './scenarios/small-disk.ts';
import { describeScenarios } from './support/describe-scenarios.ts';

describeScenarios(
  'one node on SQLite',
  [['R19: forgets nothing it acknowledged when its disk is full, torn or damaged', smallDisk]],
  false,
);
