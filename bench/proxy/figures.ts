/** The figures that are promised, under the names they are published with. */
import { spread, type Spread } from '../measure.ts';
import type { SubjectName } from './subjects.ts';

export const fieldNames = [
  'cpu_ratio_haproxy',
  'cpu_ratio_haproxy_standard',
  'sse_ratio_haproxy',
  'sse_ratio_haproxy_standard',
  'added_p50_us',
  'added_p99_us',
  'p99_ratio_haproxy',
  'first_byte_us',
  'kib_per_stream',
  'kib_per_stream_standard',
  'bad_tokens_per_cpu_second',
  'bad_tokens_memory_slope_mb',
  'scale_2',
] as const;

export type FieldName = (typeof fieldNames)[number];

export type Fields = Partial<Record<FieldName, Spread>>;

/** Figures of each proxy, by their names. */
export type Measured = Readonly<Partial<Record<SubjectName, Readonly<Record<string, Spread>>>>>;

/** What one part of the run found: the promised figures, and what they were made of. */
export interface PartFigures {
  readonly fields: Fields;
  readonly measured: Measured;
  /** What else one has to know to judge them. */
  readonly notes?: Readonly<Record<string, unknown>>;
  /** Calls and streams that were not answered as they should. */
  readonly failed: number;
}

/** Compares what was measured side by side, round for round: what slowed down a round slowed down both. */
export function compare(
  left: readonly number[],
  right: readonly number[],
  how: (left: number, right: number) => number,
  digits: number,
): Spread | undefined {
  const rounds = left.flatMap((value, round) => {
    const other = right[round];
    return other === undefined ? [] : [how(value, other)];
  });
  return rounds.length === 0 ? undefined : spread(rounds, digits);
}

export function ratio(left: number, right: number): number {
  return left / right;
}

export function difference(left: number, right: number): number {
  return left - right;
}

/** Leaves out what could not be measured. */
export function presentFields(fields: Readonly<Partial<Record<FieldName, Spread | undefined>>>): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
