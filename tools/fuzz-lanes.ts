/**
 * Runs the differential fuzzer of the two lanes: `npm run fuzz:lanes -- --minutes 10 --seed 7`. Keeps cases that are the
 * first of their kind in test/fuzz/lanes/corpus, but in CI, writes each difference to a file, with the smallest case that
 * shows it, and ends with 1 when there was one. `--replay FILE` plays such a file alone.
 */
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { Corpus } from '../test/fuzz/lanes/corpus.ts';
import { fuzzLanes } from '../test/fuzz/lanes/fuzz-lanes.ts';
import { type LaneCase, parseCase } from '../test/fuzz/lanes/lane-case.ts';
import { type Comparison, startLanePair } from '../test/fuzz/lanes/lane-pair.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '2' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
    replay: { type: 'string' },
  },
});

if (values.replay === undefined) await fuzz(Number(values.minutes), Number(values.seed));
else await replay(values.replay);

async function fuzz(minutes: number, seed: number): Promise<void> {
  if (!(minutes > 0) || !Number.isSafeInteger(seed))
    throw new Error('--minutes N --seed S: both are numbers');
  const isKeeping = process.env['CI'] === undefined;
  const corpus = Corpus.read();
  const began = performance.now();
  const counts = await fuzzLanes({ seed, seconds: minutes * 60, corpus, isKeeping, onDifference: report });
  const rate = Math.round(counts.cases / ((performance.now() - began) / 1000));
  console.log(
    `fuzz:lanes seed ${seed}: ${counts.cases} cases (${rate}/s), ${counts.calls} calls upstream, ` +
      `${counts.same} same, ${counts.serial} same but served one by one, ${counts.unsteady} unsteady, ` +
      `${counts.different} different; corpus ${corpus.size} (${corpus.added} new)`,
  );
  process.exitCode = counts.different === 0 ? 0 : 1;
}

function report(laneCase: LaneCase, comparison: Comparison): void {
  const file = join(mkdtempSync(join(tmpdir(), 'fuzz-lanes-')), 'case.json');
  writeFileSync(file, `${JSON.stringify(laneCase, undefined, 1)}\n`);
  console.log(`different: ${file}`);
  show(laneCase, comparison);
}

function show(laneCase: LaneCase, { verdict, fast, standard }: Comparison): void {
  console.log(JSON.stringify({ verdict, case: laneCase, fast, standard }, shorten, 2));
}

function shorten(_: string, value: unknown): unknown {
  return typeof value === 'string' && value.length > 1500 ? `${value.slice(0, 1500)}…` : value;
}

async function replay(file: string): Promise<void> {
  const laneCase = parseCase(readFileSync(file, 'utf8'));
  const pair = await startLanePair();
  const comparison = await pair.compare(laneCase);
  await pair.close();
  show(laneCase, comparison);
  process.exitCode = comparison.verdict === 'different' ? 1 : 0;
}
