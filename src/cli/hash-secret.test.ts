import { createHash } from 'node:crypto';

import { describe, expect, it } from 'vitest';

import { systemRandom } from '../platform/random.ts';
import { hashGivenSecret, makeSecret } from './hash-secret.ts';

const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex');

describe('gatehouse clients hash-secret', () => {
  it('prints the hash of a secret, whether a line break follows it or not', () => {
    const secret = 'é'.repeat(32);
    for (const text of [secret, `${secret}\n`, `${secret}\r\n`]) {
      expect(hashGivenSecret(text)).toBe(`${hashOf(secret)}\n`);
    }
  });

  it('makes one that nobody has thought of', () => {
    const [, secret = '', hash] =
      /^secret: ([\w-]{43})\nsha256: ([0-9a-f]{64})\n$/.exec(makeSecret(systemRandom)) ?? [];
    expect(hash).toBe(hashOf(secret));
    expect(makeSecret(systemRandom)).not.toContain(secret);
  });

  it.each(['', '\n', 'hunter2', 'x'.repeat(31)])('refuses %o', (text) => {
    expect(() => hashGivenSecret(text)).toThrow('the secret has fewer than 32 characters');
  });
});
