/**
 * The two lanes against each other: the same bytes, cut in the same way, to two gatehouses that differ in nothing but
 * `FAST_LANE`, each before an upstream of its own that gives the same answers. Both must say the same to the client, and
 * the same to the upstream, and as often. Cases are made by a generator that knows what a request looks like, and by
 * changing bytes of cases that were interesting before.
 */
import * as fc from 'fast-check';

import { createSeededRandom, type SeededRandom } from '../../faults/support/seeded-random.ts';
import { mutateCase } from './byte-mutator.ts';
import type { Corpus } from './corpus.ts';
import type { LaneCase } from './lane-case.ts';
import { type Comparison, type LanePair, startLanePair, type Verdict } from './lane-pair.ts';
import { reduceCase } from './reduce-case.ts';
import { structuredCase } from './request-texts.ts';

export interface FuzzOptions {
  readonly seed: number;
  readonly seconds: number;
  readonly corpus: Corpus;
  /** Whether new verdict classes are kept in the folder. */
  readonly isKeeping: boolean;
  /** Told of each difference, with the smallest case found that shows it. */
  readonly onDifference: (laneCase: LaneCase, comparison: Comparison) => void;
}

export type FuzzCounts = Record<Verdict | 'cases' | 'calls', number>;

const pairCount = 3;
/** What a gatehouse logs and emits is kept by its harness: a new one now and then. */
const casesPerPair = 8000;
const batchSize = 100;
const maxDifferences = 20;

export async function fuzzLanes(options: FuzzOptions): Promise<FuzzCounts> {
  const counts: FuzzCounts = { cases: 0, calls: 0, same: 0, serial: 0, unsteady: 0, different: 0 };
  const next = makeCases(options);
  const end = performance.now() + options.seconds * 1000;
  const isOver = (): boolean => performance.now() > end || counts.different >= maxDifferences;

  async function work(): Promise<void> {
    while (!isOver()) {
      const pair = await startLanePair();
      for (let played = 0; played < casesPerPair && !isOver(); played += 1) await playOne(pair, next());
      await pair.close();
    }
  }

  async function playOne(pair: LanePair, laneCase: LaneCase): Promise<void> {
    const comparison = await pair.compare(laneCase);
    counts.cases += 1;
    counts.calls += comparison.fast.requests.length;
    counts[comparison.verdict] += 1;
    if (comparison.verdict === 'unsteady') return;
    if (comparison.verdict !== 'different') {
      options.corpus.offer(comparison.verdictClass, laneCase, options.isKeeping);
      return;
    }
    const reduced = await reduceCase(laneCase, (each) => pair.seemsDifferent(each));
    const again = await pair.compare(reduced);
    if (again.verdict === 'different') options.onDifference(reduced, again);
    else options.onDifference(laneCase, comparison);
  }

  await Promise.all(Array.from({ length: pairCount }, work));
  return counts;
}

/** First all that is kept; then, in turns, new ones and old ones with other bytes. */
function makeCases({ seed, corpus }: FuzzOptions): () => LaneCase {
  const random = createSeededRandom(seed);
  const fresh = sampleCases(random);
  const kept = [...corpus.cases].toReversed();
  return () => {
    const old = kept.pop();
    if (old !== undefined) return old;
    const chance = random.below(10);
    if (chance < 4 || corpus.size === 0) return fresh();
    return mutateCase(chance < 6 ? fresh() : random.pick(corpus.cases), random.pick(corpus.cases), random);
  };
}

function sampleCases(random: SeededRandom): () => LaneCase {
  let batch: LaneCase[] = [];
  return () => {
    if (batch.length === 0)
      batch = fc.sample(structuredCase, { numRuns: batchSize, seed: random.below(2 ** 31) });
    const [laneCase] = batch.splice(batch.length - 1, 1);
    if (laneCase === undefined) throw new TypeError('no case was made');
    return laneCase;
  };
}
