import { randomBytes } from 'node:crypto';

import { describe, expect, it } from 'vitest';

import { findSecretWeakness } from './secret-strength.ts';

describe('findSecretWeakness', () => {
  it.each([
    ['one byte repeated', 'x'.repeat(48), 'is one byte repeated'],
    ['a short period', 'ab'.repeat(20), 'repeats itself'],
    ['a period cut off at the end', 'abcdefghij'.repeat(3) + 'abc', 'repeats itself'],
    ['two halves', 'abcdefghijklmnop'.repeat(2), 'repeats itself'],
    ['a tiny alphabet', 'aabbbcacbbacabcbabccabacbbcaabcb', 'has fewer than 8 distinct bytes'],
  ])('sees %s', (_name, secret, weakness) => {
    expect(findSecretWeakness(secret)).toBe(weakness);
  });

  it('does not take a long start that comes once more for a period', () => {
    expect(findSecretWeakness('abcdefghijklmnopqrstuvwxyz0123abcdefghij')).toBeUndefined();
  });

  it('never objects to random secrets, in base64 or in hexadecimal', () => {
    for (let round = 0; round < 500; round += 1) {
      const bytes = randomBytes(48);
      expect(findSecretWeakness(bytes.toString('base64'))).toBeUndefined();
      expect(findSecretWeakness(bytes.toString('hex'))).toBeUndefined();
    }
  });
});
