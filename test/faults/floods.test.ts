import { badTokenFlood } from './scenarios/bad-token-flood.ts';
import { overload } from './scenarios/overload.ts';
import { describeScenarios } from './support/describe-scenarios.ts';

describeScenarios(
  'a gatehouse that is flooded, on both lanes',
  [
    ['R20: refuses bad tokens by itself, all of them alike', badTokenFlood],
    ['R23: serves on with three times the calls it can serve', overload],
  ],
  false,
);
