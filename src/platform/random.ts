import { randomBytes } from 'node:crypto';

/** Randomness, handed in so that vectors can be reproduced. */
export interface Random {
  bytes(count: number): Buffer;
  /** `byteCount` random bytes as base64url without padding. */
  token(byteCount: number): string;
}

export const systemRandom: Random = {
  bytes: (count) => randomBytes(count),
  token: (byteCount) => randomBytes(byteCount).toString('base64url'),
};
