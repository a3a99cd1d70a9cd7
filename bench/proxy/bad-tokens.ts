/** A flood of bad tokens, no two alike: how many a second of CPU refuses, and whether memory grows with them. */
import { join } from 'node:path';

import { times } from '../effort.ts';
import { spread } from '../measure.ts';
import { warmUp } from './calls.ts';
import type { PartFigures } from './figures.ts';
import { runCalls } from './load.ts';
import { startSubject, type Surroundings } from './subjects.ts';
import { writeBadTokens } from './tokens.ts';

const count = times(1_000_000, 500);
const secondsAtMost = times(400, 10);
const sampleMilliseconds = times(250, 10);

interface Sample {
  /** Part of the flood that is over, 0 to 1, when it comes evenly. */
  readonly at: number;
  readonly megabytes: number;
}

export async function measureBadTokens(surroundings: Surroundings): Promise<PartFigures> {
  const subject = await startSubject('fast', surroundings);
  try {
    await warmUp(subject, times(2, 0.1));
    const tokens = join(surroundings.folder, 'bad-tokens');
    writeBadTokens(tokens, subject.publicUrl);
    const memory = watchMemory(subject.residentKibibytes);
    const before = subject.cpuMilliseconds();
    const plan = { port: subject.port, tokens, seconds: secondsAtMost, connections: 64, count, status: 401 };
    const result = await runCalls(plan).finally(memory.stop);
    const cpuSeconds = (subject.cpuMilliseconds() - before) / 1000;
    const refused = result.calls;
    const samples = memory.samples();
    return {
      fields: {
        bad_tokens_per_cpu_second: spread([refused / cpuSeconds]),
        bad_tokens_memory_slope_mb: spread([slopePerMillion(samples, refused)], 1),
      },
      measured: { fast: { cpu_us: spread([(cpuSeconds * 1e6) / refused], 1) } },
      notes: {
        refused,
        resident_mb: samples.filter((_, index) => index % Math.ceil(samples.length / 20) === 0).map(rounded),
      },
      failed: result.failed,
    };
  } finally {
    await subject.stop();
  }
}

interface MemoryWatch {
  readonly stop: () => void;
  readonly samples: () => readonly Sample[];
}

function watchMemory(residentKibibytes: () => number): MemoryWatch {
  const kibibytes = [residentKibibytes()];
  const timer = setInterval(() => kibibytes.push(residentKibibytes()), sampleMilliseconds);
  return {
    stop: () => clearInterval(timer),
    samples: () =>
      kibibytes.map((value, index) => ({ at: index / kibibytes.length, megabytes: (value * 1024) / 1e6 })),
  };
}

/** Megabytes for each million tokens: a straight line through the second half. The first fills caches and heap. */
function slopePerMillion(samples: readonly Sample[], tokens: number): number {
  const half = samples.slice(Math.floor(samples.length / 2));
  const meanOf = (pick: (sample: Sample) => number): number =>
    half.reduce((sum, sample) => sum + pick(sample), 0) / half.length;
  const [at, megabytes] = [meanOf((sample) => sample.at), meanOf((sample) => sample.megabytes)];
  const together = meanOf((sample) => (sample.at - at) * (sample.megabytes - megabytes));
  const alone = meanOf((sample) => (sample.at - at) ** 2);
  return alone === 0 ? 0 : (together / alone) * (1e6 / tokens);
}

function rounded({ megabytes }: Sample): number {
  return Number(megabytes.toFixed(1));
}
