import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';

import { checkAccessTokenHash } from './access-token-hash.ts';

const accessToken = 'an-access-token';

function idTokenOf(alg: string): string {
  return `${Buffer.from(JSON.stringify({ alg })).toString('base64url')}.e30.`;
}

function leftHalf(algorithm: string): string {
  const digest = createHash(algorithm).update(accessToken).digest();
  return digest.subarray(0, digest.length / 2).toString('base64url');
}

describe('checkAccessTokenHash', () => {
  it.each([
    ['RS256', 'sha256'],
    ['PS384', 'sha384'],
    ['ES512', 'sha512'],
    ['EdDSA', 'sha512'],
    ['Ed25519', 'sha512'],
  ])('takes the left half of the hash that %s has, and no other', (alg, algorithm) => {
    const idToken = idTokenOf(alg);
    expect(() => checkAccessTokenHash({ accessToken, idToken, hash: leftHalf(algorithm) })).not.toThrow();
    const other = algorithm === 'sha256' ? 'sha512' : 'sha256';
    for (const hash of [leftHalf(other), '', null, [leftHalf(algorithm)]]) {
      expect(() => checkAccessTokenHash({ accessToken, idToken, hash })).toThrow(
        expect.objectContaining({ code: 'access_token_mismatch' }),
      );
    }
  });

  it('asks for none where the ID token has none', () => {
    const tokens = { accessToken, idToken: idTokenOf('RS256'), hash: undefined };
    expect(() => checkAccessTokenHash(tokens)).not.toThrow();
  });
});
