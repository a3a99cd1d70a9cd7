import { describe, expect, it } from 'vitest';

import { createKeyring, type KeySchedule, type KeyState, scheduleSecrets } from './keyring.ts';
import { createSealingKey, findKeyId } from './sealing-key.ts';

const oldSecret = 'the first secret, thirty-two bytes or more';
const newSecret = 'the second secret, thirty-two bytes or more';
const [oldId, newId] = [findKeyId(oldSecret), findKeyId(newSecret)];

const always: Omit<KeySchedule, 'secret'> = {
  sealsFrom: -Infinity,
  sealsUntil: Infinity,
  opensUntil: Infinity,
};

/** Old seals until 100 and opens until 200, new seals from 100. */
const succession: readonly KeySchedule[] = [
  { ...always, secret: oldSecret, sealsUntil: 100, opensUntil: 200 },
  { ...always, secret: newSecret, sealsFrom: 100 },
];

function open(schedules: readonly KeySchedule[], start = 0) {
  let now = start;
  const changes: [string, KeyState][] = [];
  const keyring = createKeyring(schedules, {
    clock: { nowSeconds: () => now },
    onStateChange: (key, state) => changes.push([key, state]),
  });
  return {
    keyring,
    changes,
    at: (moment: number) => {
      now = moment;
      return keyring.current();
    },
  };
}

function opens(secret: string, ring: ReturnType<typeof open>): boolean {
  return ring.keyring.current().find(createSealingKey(secret).idBytes, 0) !== undefined;
}

describe('keyring', () => {
  it.each<[moment: number, old: KeyState, next: KeyState, active: string]>([
    [0, 'active', 'announced', oldId],
    [99, 'active', 'announced', oldId],
    [100, 'retiring', 'active', newId],
    [199, 'retiring', 'active', newId],
    [200, 'destroyed', 'active', newId],
  ])('at %i the old key is %s and the new one %s', (moment, old, next, active) => {
    for (const ring of [open(succession, moment), open(succession, 0)]) {
      const { states, active: sealing } = ring.at(moment);
      expect([states.get(oldId), states.get(newId)]).toEqual([old, next]);
      expect(sealing?.id).toBe(active);
      expect(opens(oldSecret, ring)).toBe(old !== 'destroyed');
      expect(opens(newSecret, ring)).toBe(true);
    }
  });

  it('tells of each change once, and counts it as a new generation', () => {
    const ring = open(succession);
    const generations = [0, 50, 100, 101, 199, 200, 300].map((moment) => ring.at(moment).generation);
    expect(generations).toEqual([0, 0, 1, 1, 1, 2, 2]);
    expect(ring.changes).toEqual([
      [newId, 'active'],
      [oldId, 'retiring'],
      [oldId, 'destroyed'],
    ]);
  });

  it('takes a new set at once, and says that a key which is gone is destroyed', () => {
    const ring = open(scheduleSecrets([oldSecret]));
    ring.keyring.replace(scheduleSecrets([newSecret]));
    expect(ring.keyring.current().active?.id).toBe(newId);
    expect(opens(oldSecret, ring)).toBe(false);
    expect(ring.changes).toEqual([
      [newId, 'active'],
      [oldId, 'destroyed'],
    ]);
  });

  it('stays of one generation when the new set is the old one', () => {
    const ring = open(succession);
    ring.keyring.replace([...succession]);
    expect(ring.keyring.current().generation).toBe(0);
    expect(ring.changes).toEqual([]);
  });

  it('seals with the key activated last when there are two, and opens with both', () => {
    const ring = open([
      { ...always, secret: newSecret, sealsFrom: 10 },
      { ...always, secret: oldSecret },
    ]);
    const { active, states } = ring.at(50);
    expect(active?.id).toBe(newId);
    expect(states.get(oldId)).toBe('retiring');
    expect(opens(oldSecret, ring)).toBe(true);
  });

  it('goes on sealing when the clock jumps to before every activation', () => {
    const ring = open([{ ...always, secret: newSecret, sealsFrom: 100 }], 150);
    expect(ring.at(50).active?.id).toBe(newId);
  });

  it('has nothing to seal with once every key has ended', () => {
    const ring = open([{ ...always, secret: oldSecret, opensUntil: 100 }]);
    expect(ring.at(100).active).toBeUndefined();
    expect(opens(oldSecret, ring)).toBe(false);
  });

  it('lets the first of the secrets seal and all of them open, a repeated one included', () => {
    const ring = open(scheduleSecrets([oldSecret, newSecret, oldSecret]));
    expect(ring.keyring.current().active?.id).toBe(oldId);
    expect(ring.keyring.current().states.get(oldId)).toBe('active');
    expect(opens(newSecret, ring)).toBe(true);
  });
});
