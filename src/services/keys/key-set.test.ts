import { describe, expect, it } from 'vitest';

import { findKeyId } from '../../platform/sealing/sealing-key.ts';
import {
  announceKey,
  checkSuccession,
  createKey,
  destroyKey,
  type KeyEntry,
  keyStateAt,
  scheduleKeys,
  settleKeys,
} from './key-set.ts';
import type { KeySetError } from './key-set-error.ts';

const secrets = ['one', 'two', 'three'].map((name) => `the secret named ${name}, long enough for a key`);
const [first = '', second = '', third = ''] = secrets;
const [firstId, secondId, thirdId] = secrets.map(findKeyId);
const start = 1000;

const one = [createKey(first, start)];
const announced = announceKey(one, { secret: second, now: 1000, activateAt: 1060, destroyAt: 2000 });

function statesAt(entries: readonly KeyEntry[], now: number): Record<string, string> {
  return Object.fromEntries(entries.map((entry) => [entry.id, keyStateAt(entry, now)]));
}

const fault = (name: KeySetError['fault']): unknown => expect.objectContaining({ fault: name });

describe('announcing a key', () => {
  it.each([
    [1000, 'active', 'announced'],
    [1059, 'active', 'announced'],
    [1060, 'retiring', 'active'],
    [1999, 'retiring', 'active'],
    [2000, 'destroyed', 'active'],
  ])('at %i the old key is %s and the new one %s', (now, old, next) => {
    expect(statesAt(announced, now)).toEqual({ [firstId ?? '']: old, [secondId ?? '']: next });
    expect(() => checkSuccession(announced, now)).not.toThrow();
  });

  it('is refused while another key is announced, and possible once that is active', () => {
    const change = { secret: third, activateAt: 1160, destroyAt: undefined };
    expect(() => announceKey(announced, { ...change, now: 1059 })).toThrow(fault('succession'));
    const later = announceKey(announced, { ...change, now: 1060 });
    expect(statesAt(later, 1160)).toEqual({
      [firstId ?? '']: 'retiring',
      [secondId ?? '']: 'retiring',
      [thirdId ?? '']: 'active',
    });
  });

  it('leaves the end of the present key open when none is given', () => {
    const open = announceKey(one, { secret: second, now: 1000, activateAt: 1060, destroyAt: undefined });
    expect(statesAt(open, 1e12)[firstId ?? '']).toBe('retiring');
  });
});

describe('destroying a key', () => {
  const change = { now: 1010, newSecret: third };

  it('puts a new key in the place of the only one, at once', () => {
    const left = destroyKey(one, firstId ?? '', change);
    expect(statesAt(left, 1010)).toEqual({ [firstId ?? '']: 'destroyed', [thirdId ?? '']: 'active' });
    expect(() => checkSuccession(left, 1010)).not.toThrow();
  });

  it('forgets the secret, so that no clock and no edit brings it back', () => {
    const left = destroyKey(one, firstId ?? '', change);
    expect(JSON.stringify(left)).not.toContain(first);
    expect(scheduleKeys(left).map(({ secret }) => secret)).toEqual([third]);
    expect(statesAt(left, 0)[firstId ?? '']).toBe('destroyed');
  });

  it('lets the announced key take over from the active one, since every replica knows it', () => {
    const left = destroyKey(announced, firstId ?? '', change);
    expect(statesAt(left, 1010)).toEqual({ [firstId ?? '']: 'destroyed', [secondId ?? '']: 'active' });
    expect(() => checkSuccession(left, 1010)).not.toThrow();
  });

  it('lets the active key go on when the announced one is taken back', () => {
    const left = destroyKey(announced, secondId ?? '', change);
    expect(statesAt(left, 1e12)).toEqual({ [firstId ?? '']: 'active', [secondId ?? '']: 'destroyed' });
    expect(() => checkSuccession(left, 1010)).not.toThrow();
  });

  it('ends a retiring key and changes nothing else', () => {
    const left = destroyKey(announced, firstId ?? '', { ...change, now: 1100 });
    expect(statesAt(left, 1100)).toEqual({ [firstId ?? '']: 'destroyed', [secondId ?? '']: 'active' });
  });

  it('does nothing to a destroyed key, and knows no other', () => {
    const left = destroyKey(one, firstId ?? '', change);
    expect(destroyKey(left, firstId ?? '', change)).toEqual(left);
    expect(() => destroyKey(one, 'ffffffff', change)).toThrow(fault('unknown_key'));
  });
});

describe('settling keys', () => {
  it('writes down the states they came to, and drops the secret of an ended one', () => {
    const settled = settleKeys(announced, 2000);
    expect(settled.map(({ state, secret }) => [state, secret])).toEqual([
      ['destroyed', undefined],
      ['active', second],
    ]);
  });
});

describe('the succession of keys', () => {
  it.each<[string, readonly KeyEntry[]]>([
    ['no key', []],
    ['two active keys', [createKey(first, start), createKey(second, start)]],
    ['an active key that ends without a successor', [{ ...createKey(first, start), destroyAt: 5000 }]],
    [
      'a gap between two keys',
      announced.map((key) => (key.id === firstId ? { ...key, retireAt: 1050 } : key)),
    ],
    [
      'an overlap of two keys',
      announced.map((key) => (key.id === firstId ? { ...key, retireAt: 1070 } : key)),
    ],
  ])('is refused with %s', (_, entries) => {
    expect(() => checkSuccession(entries, 1000)).toThrow(fault('succession'));
  });
});
