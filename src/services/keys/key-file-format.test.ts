import { describe, expect, it } from 'vitest';

import { findKeyId } from '../../platform/sealing/sealing-key.ts';
import { formatKeyFile, parseKeyFile } from './key-file-format.ts';
import { announceKey, createKey, destroyKey } from './key-set.ts';

const secret = 'pQ7r9sT2vX4zB6nM8kL1jH3gF5dS0aWe';
const other = 'another strong secret 0123456789abcdef';
const key = { id: findKeyId(secret), secret, state: 'active', createdAt: '2026-11-21T07:30:00Z' };

function write(keys: unknown, version: unknown = 1): string {
  return JSON.stringify({ version, keys });
}

function refusal(content: string): string {
  try {
    parseKeyFile(content);
  } catch (error) {
    expect(error).toMatchObject({ name: 'KeySetError' });
    // Neither the message nor what hangs on it repeats the file.
    expect(JSON.stringify([error, (error as Error).stack, (error as Error).cause])).not.toContain(secret);
    return (error as { problem: string }).problem;
  }
  throw new Error('was accepted');
}

describe('the key file', () => {
  it('reads what it writes', () => {
    const now = 1_800_000_000;
    const announced = announceKey([createKey(secret, now)], {
      secret: other,
      now,
      activateAt: now + 60,
      destroyAt: now + 3600,
    });
    const destroyed = destroyKey(announced, findKeyId(secret), { now, newSecret: other });
    for (const entries of [announced, destroyed])
      expect(parseKeyFile(formatKeyFile(entries))).toEqual(entries);
  });

  it('takes the smallest file there is', () => {
    expect(parseKeyFile(write([key]))).toMatchObject([
      { id: key.id, state: 'active', activateAt: undefined },
    ]);
  });

  it.each<[string, string, string]>([
    ['no JSON', `{"secret":"${secret}`, 'is not valid JSON'],
    ['no object', '[]', 'has a version that this release does not know'],
    ['null', 'null', 'is no key file'],
    ['a later version', write([key], 2), 'has a version that this release does not know'],
    ['no version', JSON.stringify({ keys: [key] }), 'has a version that this release does not know'],
    ['no keys', write('x'), 'is no key file'],
    ['a further member', JSON.stringify({ version: 1, keys: [key], more: 1 }), 'is no key file'],
    ['an entry that is no object', write([secret]), 'has an entry that is no key (number 1)'],
    ['no state', write([{ ...key, state: undefined }]), 'has an entry that is no key (number 1)'],
    ['another state', write([{ ...key, state: 'dead' }]), 'has an entry that is no key (number 1)'],
    ['a number for a moment', write([{ ...key, createdAt: 1 }]), 'has an entry that is no key (number 1)'],
    [
      'a moment of no day',
      write([{ ...key, destroyAt: '2026-02-30T00:00:00Z' }]),
      'has an entry that is no key (number 1)',
    ],
    [
      'local time',
      write([{ ...key, destroyAt: '2026-02-20T00:00:00+01:00' }]),
      'has an entry that is no key (number 1)',
    ],
    [
      'a misspelt end',
      write([{ ...key, destroyat: key.createdAt }]),
      'has an entry with a member that is not known (number 1)',
    ],
    [
      'a short secret',
      write([{ ...key, secret: 'short' }]),
      'has a secret (number 1) that is shorter than 32 bytes',
    ],
    [
      'a weak secret',
      write([{ ...key, secret: 'ab'.repeat(20) }]),
      'has a secret (number 1) that repeats itself',
    ],
    [
      'a key without a secret',
      write([{ ...key, secret: undefined }]),
      'has a key without its secret (number 1)',
    ],
    [
      "another secret's id",
      write([{ ...key, id: '00000000' }]),
      "has an id that is not its secret's (number 1)",
    ],
    ['one key twice', write([key, key]), `has the key ${key.id} twice`],
    [
      'an announced key without a moment',
      write([{ ...key, state: 'announced' }]),
      'has an announced key without activateAt (number 1)',
    ],
  ])('is refused with %s', (_, content, problem) => {
    expect(refusal(content)).toBe(problem);
  });
});
