/**
 * Two workers against one. The load generator needs a core as well, so calls per second on two cores cannot be seen
 * here; what can be is the CPU time of a call when two workers share the work. A core gives one CPU second each second:
 * two cores give 2 ÷ (CPU seconds of a call with two workers) calls, one gives 1 ÷ (those with one worker). One of the
 * two then shares its core with the load generator; both workers on the measured core alone are shown beside it, and
 * pay for taking turns.
 */
import { join } from 'node:path';

import { bothCores, measuredCore } from '../cores.ts';
import { compare, type PartFigures, presentFields } from './figures.ts';
import { measureSlice, type Slice, warmUp } from './calls.ts';
import type { Options } from './options.ts';
import { spread } from '../measure.ts';
import { startMeasuredGatehouse, type Subject, type Surroundings } from './subjects.ts';

export async function measureWorkers(options: Options, surroundings: Surroundings): Promise<PartFigures> {
  const subjects: Subject[] = [];
  try {
    subjects.push(await startWorkers(1, measuredCore, surroundings));
    subjects.push(await startWorkers(2, measuredCore, surroundings));
    subjects.push(await startWorkers(2, bothCores, surroundings));
    const taken = await takeTurns(subjects, options);
    const [alone = [], sharing = [], apart = []] = taken.map((slices) => slices.map(({ cpu }) => cpu));
    const measured = {
      one_worker_cpu_us: spread(alone, 1),
      two_workers_cpu_us: spread(apart, 1),
      two_workers_on_one_core_cpu_us: spread(sharing, 1),
    };
    return {
      fields: presentFields({ scale_2: compare(alone, apart, (one, two) => (2 * one) / two, 2) }),
      measured: { fast: measured },
      failed: taken.flat().reduce((sum, { failed }) => sum + failed, 0),
    };
  } finally {
    for (const subject of subjects) await subject.stop();
  }
}

/** The slices of each, in the order in which they are given. */
async function takeTurns(
  subjects: readonly Subject[],
  { rounds, seconds }: Options,
): Promise<ReadonlyArray<readonly Slice[]>> {
  const taken = subjects.map((): Slice[] => []);
  for (const subject of subjects) await warmUp(subject, seconds);
  for (let round = 0; round < rounds; round += 1) {
    for (const [index, subject] of subjects.entries()) {
      taken[index]?.push(await measureSlice(subject, { connections: 64, seconds }));
    }
  }
  return taken;
}

/** Processes share a store, and that is one in a file. */
function startWorkers(
  count: number,
  cores: string | undefined,
  surroundings: Surroundings,
): Promise<Subject> {
  const store = join(surroundings.folder, `workers-${count}-${cores ?? 'any'}.sqlite`);
  const env = { WORKERS: String(count), STORE_PATH: store };
  return startMeasuredGatehouse('fast', surroundings, env, { cores });
}
