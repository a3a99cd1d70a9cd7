import { failover } from './scenarios/failover.ts';
import { describeScenarios } from './support/describe-scenarios.ts';

describeScenarios('two replicas whose Redis fails over and loses writes', [
  ['R3: redeem no code twice, and let nothing that comes back outlive the honest client', failover],
]);
