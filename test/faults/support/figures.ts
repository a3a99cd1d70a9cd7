import type { Answer, Operation } from './history.ts';

/** Named numbers of a run, in the order they were noted. Milliseconds, megabytes and counts say so in their names. */
export type Figures = Readonly<Record<string, number>>;

/** The value below which `share` (0 to 1) of all lie; 0 of nothing. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

/** How long answers took: `NAME p50 ms`, `p99`, `worst`. */
export function latencies(name: string, answers: readonly Answer[]): Figures {
  const durations = answers.map(({ startedAt, endedAt }) => endedAt - startedAt);
  return {
    [`${name} p50 ms`]: quantile(durations, 0.5),
    [`${name} p99 ms`]: quantile(durations, 0.99),
    [`${name} worst ms`]: quantile(durations, 1),
  };
}

export function ofOperation(answers: readonly Answer[], operation: Operation): readonly Answer[] {
  return answers.filter((answer) => answer.operation === operation);
}

export function between(answers: readonly Answer[], from: number, to: number): readonly Answer[] {
  return answers.filter(({ startedAt }) => startedAt >= from && startedAt < to);
}

export function succeeded(answers: readonly Answer[]): readonly Answer[] {
  return answers.filter(({ result }) => result.outcome === 'success');
}

export function refusedWith(answers: readonly Answer[], status: number): readonly Answer[] {
  return answers.filter(({ result }) => result.outcome === 'refused' && result.status === status);
}

/** Milliseconds from `moment` to the end of the first success that began after it; undefined when there is none. */
export function firstSuccessAfter(answers: readonly Answer[], moment: number): number | undefined {
  const ends = succeeded(answers)
    .filter(({ startedAt }) => startedAt >= moment)
    .map(({ endedAt }) => endedAt);
  return ends.length === 0 ? undefined : Math.min(...ends) - moment;
}
