import type { Spread } from '../measure.ts';
import { type FieldName, fieldNames, type Fields, type Measured } from './figures.ts';
import { subjectNames } from './subjects.ts';

/** Everything a run found. The figures stand once more on top of it, under their names: medians, or null. */
export interface Report extends Readonly<Record<string, unknown>> {
  readonly date: string;
  readonly machine: Readonly<Record<string, unknown>>;
  readonly versions: Readonly<Record<string, string | undefined>>;
  readonly settings: { readonly rounds: number; readonly seconds: number };
  /** What could not be measured, and why. */
  readonly left_out: readonly string[];
  readonly failed: number;
  readonly spreads: Fields;
  /** By part, by proxy, by name of the figure. */
  readonly measured: Readonly<Record<string, Measured>>;
  readonly notes: Readonly<Record<string, unknown>>;
}

/** What each figure is, and what it should be. */
const rows: Readonly<Record<FieldName, readonly [meaning: string, target: string]>> = {
  cpu_ratio_haproxy: ['CPU of a call ÷ HAProxy', '≤ 1.6'],
  cpu_ratio_haproxy_standard: ['the same, standard lane', '≤ 2.6'],
  sse_ratio_haproxy: ['CPU of an answer of five events ÷ HAProxy', '≤ 1.6'],
  sse_ratio_haproxy_standard: ['the same, standard lane', ''],
  added_p50_us: ['p50 at 2,000 calls/s over HAProxy, µs', '< 60'],
  added_p99_us: ['p99 at 2,000 calls/s over HAProxy, µs', ''],
  p99_ratio_haproxy: ['p99 at 2,000 calls/s ÷ HAProxy', '≤ 1.5'],
  first_byte_us: ['first event after the upstream wrote it, µs', '< 1,000'],
  kib_per_stream: ['memory of an idle stream, KiB', '≤ 12'],
  kib_per_stream_standard: ['the same, standard lane', '≤ 24'],
  bad_tokens_per_cpu_second: ['bad tokens refused in a CPU second', '≥ 50,000'],
  bad_tokens_memory_slope_mb: ['memory grown by a million bad tokens, MB', 'flat'],
  scale_2: ['two workers ÷ one, by CPU time', '≥ 1.85'],
};

/** For people: the figures as a Markdown table, then what each proxy took. */
export function formatTable(report: Report): string {
  const lines = fieldNames.map((name) => {
    const [meaning, target] = rows[name];
    return [name, meaning, formatSpread(report.spreads[name]), target];
  });
  const notes = report.left_out.map((note) => `left out: ${note}`);
  const failures = report.failed === 0 ? [] : [`failed calls and streams: ${report.failed}`];
  return [
    ...markdown([['figure', 'what it is', 'median (min to max)', 'target'], ...lines]),
    '',
    ...markdown([['measured', ...subjectNames], ...listMeasured(report.measured)]),
    '',
    ...notes,
    ...failures,
    '',
  ].join('\n');
}

function markdown([head = [], ...body]: ReadonlyArray<readonly string[]>): string[] {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...body.map(line)];
}

function formatSpread(spread: Spread | undefined): string {
  if (spread === undefined) return '–';
  const format = (value: number): string => value.toLocaleString('en');
  if (spread.runs === 1) return format(spread.median);
  return `${format(spread.median)} (${format(spread.min)} to ${format(spread.max)})`;
}

/** A row for each figure of each part, a column for each proxy. */
function listMeasured(measured: Report['measured']): ReadonlyArray<readonly string[]> {
  return Object.entries(measured).flatMap(([part, bySubject]) => {
    const figures = new Set(Object.values(bySubject).flatMap((each) => Object.keys(each)));
    return [...figures].map((figure) => [
      `${part}: ${figure}`,
      ...subjectNames.map((name) => formatSpread(bySubject[name]?.[figure])),
    ]);
  });
}
