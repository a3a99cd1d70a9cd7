import { fewDescriptors } from './scenarios/few-descriptors.ts';
import { proxyOverhead } from './scenarios/proxy-overhead.ts';
import { rollingRestart } from './scenarios/rolling-restart.ts';
import { smallMemory } from './scenarios/small-memory.ts';
import { upstreamTrouble } from './scenarios/upstream-trouble.ts';
import { describeScenarios } from './support/describe-scenarios.ts';

describeScenarios(
  'the proxied path, on both lanes',
  [
    ['R10: mixes nothing up, keeps little and repeats nothing when the upstream misbehaves', upstreamTrouble],
    ['R12: ends streams between events and fails no call when replicas restart behind nginx', rollingRestart],
    ['R16: lives in 256 MB with streams, large bodies and bombs', smallMemory],
    ['R17: neither spins nor loses a stream when it has no descriptor left', fewDescriptors],
    ['R26: answers everything at a steady pace', proxyOverhead],
  ],
  false,
);
