import { ValueProblem } from './setting.ts';

/**
 * Reads a whole number in decimal digits.
 * @throws ValueProblem
 */
export function parseInteger(text: string, min: number, max: number = Number.MAX_SAFE_INTEGER): number {
  const range = max === Number.MAX_SAFE_INTEGER ? `${min} or more` : `${min} to ${max}`;
  if (!/^[+-]?\d+$/.test(text)) throw new ValueProblem('is not an integer', `write a whole number, ${range}`);
  const value = Number(text);
  if (value < min || value > max) throw new ValueProblem('is out of range', `choose ${range}`);
  return value;
}

/**
 * Reads a decimal number that is not negative.
 * @throws ValueProblem
 */
export function parseNonNegativeNumber(text: string): number {
  const value = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : Number.NaN;
  if (!Number.isFinite(value)) throw new ValueProblem('is not a number', 'write a number, such as 5 or 0.5');
  if (value < 0) throw new ValueProblem('is negative', 'choose 0 or more; 0 means no limit');
  return value;
}

/**
 * Reads a switch.
 * @throws ValueProblem
 */
export function parseOnOff(text: string): boolean {
  if (text === 'on' || text === 'off') return text === 'on';
  throw new ValueProblem('is neither on nor off', 'write on or off');
}

/** The items of a comma-separated list, trimmed, empty ones left out. */
export function splitList(text: string): string[] {
  return text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

/**
 * Reads a moment as RFC 3339 writes it; parts of a second are rounded up, so that a cut-off never spares what the
 * operator meant to cut off.
 * @throws ValueProblem
 */
export function parseMoment(text: string): number {
  const match =
    /^(\d{4})-(\d\d)-(\d\d)T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d+)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$/.exec(
      text,
    );
  const milliseconds = match === null ? Number.NaN : Date.parse(text);
  const day = new Date(Date.UTC(Number(match?.[1]), Number(match?.[2]) - 1, Number(match?.[3])));
  // Date.parse turns 30 February into 2 March.
  if (Number.isNaN(milliseconds) || day.getUTCDate() !== Number(match?.[3])) {
    throw new ValueProblem('is not an RFC 3339 time', 'write it like 2026-11-21T07:30:00Z');
  }
  return Math.ceil(milliseconds / 1000);
}
