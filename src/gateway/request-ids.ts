import type { Random } from '../platform/random.ts';

const idBytes = 12;
const idsPerDraw = 512;

/** Makes request ids: random, 16 characters, drawn many at a time, since each draw costs as much as a short call. */
export function createRequestIds(random: Pick<Random, 'bytes'>): () => string {
  let drawn: Buffer = Buffer.alloc(0);
  let used = 0;
  return () => {
    if (used === drawn.length) {
      drawn = random.bytes(idBytes * idsPerDraw);
      used = 0;
    }
    used += idBytes;
    return drawn.toString('base64url', used - idBytes, used);
  };
}
