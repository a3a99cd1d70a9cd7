import { describe, expect, it } from 'vitest';

import { Corpus } from './lanes/corpus.ts';
import { fuzzLanes } from './lanes/fuzz-lanes.ts';

const seed = Number(process.env['FUZZ_SEED'] ?? 1);

describe('the fast lane', () => {
  it('says what the standard lane says, to clients and upstreams, whatever it gets', async () => {
    const corpus = Corpus.read();
    expect(corpus.size).toBeGreaterThan(0);
    const differences: object[] = [];
    const counts = await fuzzLanes({
      seed,
      seconds: 5,
      corpus,
      isKeeping: false,
      onDifference: (laneCase, { fast, standard }) => differences.push({ case: laneCase, fast, standard }),
    });
    expect(differences).toEqual([]);
    expect(counts.different).toBe(0);
    // Served by both lanes and passed on, not all refused.
    expect(counts.calls).toBeGreaterThan(counts.cases / 10);
  });
});
