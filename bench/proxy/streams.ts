/** Memory of idle event streams: what a proxy grows by when it holds thousands of them. */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

import { times } from '../effort.ts';
import { spread } from '../measure.ts';
import { type PartFigures, presentFields } from './figures.ts';
import { openStreams, runCalls } from './load.ts';
import { startSubject, type SubjectName, type Surroundings } from './subjects.ts';

const wanted = times(9_500, 20);
const settleMilliseconds = times(4_000, 100);
/** For what a process has open besides its streams. */
const spareDescriptors = 500;

export async function measureStreams(
  names: readonly SubjectName[],
  rounds: number,
  surroundings: Surroundings,
  progress: (text: string) => void,
): Promise<PartFigures> {
  const count = Math.min(wanted, Math.floor((openFilesLimit() - spareDescriptors) / 2));
  const kibibytes = new Map<SubjectName, number[]>(names.map((name) => [name, []]));
  let failed = 0;
  for (let round = 0; round < rounds; round += 1) {
    progress(`streams, round ${round + 1} of ${rounds}`);
    for (const name of names) {
      const result = await measureOne(name, count, surroundings);
      kibibytes.get(name)?.push(result.kibibytesEach);
      failed += result.failed;
    }
  }
  const spreads = new Map([...kibibytes].map(([name, values]) => [name, spread(values, 1)]));
  return {
    fields: presentFields({
      kib_per_stream: spreads.get('fast'),
      kib_per_stream_standard: spreads.get('standard'),
    }),
    measured: Object.fromEntries([...spreads].map(([name, each]) => [name, { kib_per_stream: each }])),
    notes: { streams: count },
    failed,
  };
}

/** In a process of its own: memory that streams have left behind would be reused by the next. */
async function measureOne(
  name: SubjectName,
  count: number,
  surroundings: Surroundings,
): Promise<{ kibibytesEach: number; failed: number }> {
  const subject = await startSubject(name, surroundings);
  try {
    const { port, tokens } = subject;
    await runCalls({ port, tokens, seconds: times(1, 0.1), connections: 16 });
    await sleep(settleMilliseconds / 4);
    const before = subject.residentKibibytes();
    const streams = await openStreams(port, tokens, count);
    await sleep(settleMilliseconds);
    const grown = subject.residentKibibytes() - before;
    await streams.close();
    return { kibibytesEach: grown / count, failed: streams.failed };
  } finally {
    await subject.stop();
  }
}

/** Two of them are a stream: Node has raised its own limit as far as it may, and what it starts inherits that. */
function openFilesLimit(): number {
  const limit = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
  return Number(limit ?? 1024);
}
