import type { Spread } from '../measure.ts';
import { type FieldName, fieldNames, type Fields } from './figures.ts';

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
  readonly measured: Readonly<Record<string, unknown>>;
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
  const took = collectSpreads(report.measured).map(([name, spread]) => [name, formatSpread(spread)]);
  return [
    ...markdown([['figure', 'what it is', 'median (min to max)', 'target'], ...lines]),
    '',
    ...markdown([['measured', 'median (min to max)'], ...took]),
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

/** Every spread in what was measured, named by its path. */
function collectSpreads(value: unknown, path = ''): ReadonlyArray<readonly [string, Spread]> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [];
  if (isSpread(value)) return [[path, value]];
  return Object.entries(value).flatMap(([name, each]) =>
    collectSpreads(each, path === '' ? name : `${path} ${name}`),
  );
}

function isSpread(value: object): value is Spread {
  return 'median' in value && 'min' in value && 'max' in value && 'runs' in value;
}
