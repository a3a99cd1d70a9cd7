/** A secret shorter than this is refused everywhere: 256-bit keys are derived from it. */
export const minSecretBytes = 32;

const minDistinctBytes = 8;

/**
 * Why a secret is one that somebody typed rather than generated, or undefined. Whoever guesses it forges every token.
 */
export function findSecretWeakness(secret: string): string | undefined {
  const bytes = Buffer.from(secret);
  const distinct = new Set(bytes).size;
  if (distinct === 1) return 'is one byte repeated';
  if (hasPeriod(bytes)) return 'repeats itself';
  if (distinct < minDistinctBytes) return `has fewer than ${minDistinctBytes} distinct bytes`;
  return undefined;
}

function hasPeriod(bytes: Buffer): boolean {
  for (let period = 1; period * 2 <= bytes.length; period += 1) {
    if (bytes.subarray(period).equals(bytes.subarray(0, bytes.length - period))) return true;
  }
  return false;
}
