import type { EpochSeconds } from '../clock.ts';

/**
 * A record as Redis holds it: who wrote it (8 characters), its end in epoch seconds (11 digits), the value.
 *
 * The writer's mark is drawn for each write: an operation that is repeated because its answer was lost knows its own
 * write by it, also when another caller writes the very same value. The end is judged by the callers' clock, like in
 * every other store; Redis' own expiry comes a little later and only tidies up.
 */
export function formatRecord(writer: string, expiresAt: EpochSeconds, value: string): string {
  return `${writer}${String(Math.ceil(expiresAt)).padStart(endLength, '0')}${value}`;
}

/** 6 random bytes in base64url. */
export const writerBytes = 6;
const writerLength = 8;
const endLength = 11;
const headLength = writerLength + endLength;

/** Replicas' clocks may differ by this much before Redis forgets what one of them still believes in. */
const tidyUpAfterSeconds = 60;

export function redisLifeMilliseconds(expiresAt: EpochSeconds, nowMilliseconds: number): string {
  const life = (Math.ceil(expiresAt) + tidyUpAfterSeconds) * 1000 - nowMilliseconds;
  return String(Math.max(1, Math.ceil(life)));
}

/** The live value; undefined when it is over. @throws Error when the text is no record of ours */
export function readRecord(stored: string, now: EpochSeconds): string | undefined {
  const end = stored.slice(writerLength, headLength);
  if (!/^\d{11}$/.test(end)) throw new TypeError('the stored text is no record');
  return Number(end) > now ? stored.slice(headLength) : undefined;
}
