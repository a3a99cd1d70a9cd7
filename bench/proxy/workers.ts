/**
 * Two workers against one. The load generator needs a core as well, so calls per second on two cores cannot be seen
 * here; what can be is the CPU time of a call when two workers share the work. A core gives one CPU second each second:
 * two cores give 2 ÷ (CPU seconds of a call with two workers) calls, one gives 1 ÷ (those with one worker).
 */
import { join } from 'node:path';

import { bothCores, measuredCore } from '../cores.ts';
import { compare, type PartFigures, presentFields } from './figures.ts';
import { measureSlice, warmUp } from './calls.ts';
import type { Options } from './options.ts';
import { spread } from '../measure.ts';
import { startMeasuredGatehouse, type Subject, type Surroundings } from './subjects.ts';

export async function measureWorkers(
  { rounds, seconds }: Options,
  surroundings: Surroundings,
): Promise<PartFigures> {
  const one = await startWorkers(1, measuredCore, surroundings);
  const two = await startWorkers(2, bothCores, surroundings);
  const taken = { one: [] as number[], two: [] as number[] };
  let failed = 0;
  try {
    for (const subject of [one, two]) await warmUp(subject, seconds);
    for (let round = 0; round < rounds; round += 1) {
      const slices = [
        await measureSlice(one, { connections: 64, seconds }),
        await measureSlice(two, { connections: 64, seconds }),
      ] as const;
      taken.one.push(slices[0].cpu);
      taken.two.push(slices[1].cpu);
      failed += slices[0].failed + slices[1].failed;
    }
  } finally {
    await one.stop();
    await two.stop();
  }
  const scale = compare(taken.one, taken.two, (alone, shared) => (2 * alone) / shared, 2);
  const measured = {
    fast: { one_worker_cpu_us: spread(taken.one, 1), two_workers_cpu_us: spread(taken.two, 1) },
  };
  return { fields: presentFields({ scale_2: scale }), measured, failed };
}

/** Processes share a store, and that is one in a file. */
function startWorkers(
  count: number,
  cores: string | undefined,
  surroundings: Surroundings,
): Promise<Subject> {
  const store = join(surroundings.folder, `workers-${count}.sqlite`);
  const env = { WORKERS: String(count), STORE_PATH: store };
  return startMeasuredGatehouse('fast', surroundings, env, { cores });
}
