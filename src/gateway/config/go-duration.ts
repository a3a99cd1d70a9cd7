import { ValueProblem } from './setting.ts';

export interface DurationRange {
  readonly minSeconds: number;
  readonly maxSeconds: number;
  /** The range in words, for the fix. */
  readonly text: string;
}

const secondsPerUnit: Readonly<Record<string, number>> = {
  ns: 1e-9,
  us: 1e-6,
  µs: 1e-6,
  μs: 1e-6,
  ms: 1e-3,
  s: 1,
  m: 60,
  h: 3600,
};

const wholeDuration = /^([+-]?)((?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+)$/;
const oneTerm = /(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g;

/**
 * Reads a duration in the syntax of Go (`168h`, `1h30m`, `120s`, a bare `0`; there is no unit for days). Seconds,
 * parts of a second rounded up.
 * @throws ValueProblem
 */
export function parseDuration(text: string, range: DurationRange): number {
  const seconds = readSeconds(text);
  if (seconds === undefined) {
    throw new ValueProblem(
      'is not a duration',
      `write hours, minutes or seconds, such as 168h, 2m or 120s (${range.text})`,
    );
  }
  if (seconds < range.minSeconds || seconds > range.maxSeconds) {
    throw new ValueProblem('is out of range', `choose ${range.text}`);
  }
  return Math.ceil(seconds);
}

function readSeconds(text: string): number | undefined {
  if (/^[+-]?0$/.test(text)) return 0;
  const match = wholeDuration.exec(text);
  if (match === null) return undefined;
  let seconds = 0;
  for (const [, amount, unit] of (match[2] ?? '').matchAll(oneTerm)) {
    seconds += Number(amount) * (secondsPerUnit[unit ?? ''] ?? Number.NaN);
  }
  return match[1] === '-' ? -seconds : seconds;
}
