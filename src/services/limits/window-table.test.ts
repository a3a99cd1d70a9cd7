import { describe, expect, it } from 'vitest';

import { createWindowTable } from './window-table.ts';

function create(maxKeys: number) {
  const time = { now: 1_000_000 };
  const table = createWindowTable({
    windowMs: 60_000,
    maxKeys,
    nowMs: () => time.now,
    create: (endsAt) => ({ endsAt, count: 0 }),
  });
  const count = (key: string): number => (table.take(key).count += 1);
  return { time, table, count };
}

describe('createWindowTable', () => {
  it('keeps a key until its window is over', () => {
    const { time, count } = create(10);
    count('a');
    time.now += 59_999;
    expect(count('a')).toBe(2);
    time.now += 1;
    expect(count('a')).toBe(1);
  });

  it('never holds more keys than it may; the oldest window goes first', () => {
    const { table, count } = create(3);
    for (const key of ['a', 'b', 'c', 'a', 'd']) count(key);
    expect(table.size).toBe(3);
    expect(count('b')).toBe(2);
    expect(count('a')).toBe(1);
  });

  it('holds its bound against many keys, old ones over or not', () => {
    const { time, table, count } = create(100);
    for (let key = 0; key < 5000; key += 1) {
      if (key % 700 === 0) time.now += 61_000;
      count(String(key));
      expect(table.size).toBeLessThanOrEqual(100);
    }
  });

  it('lets go of windows that are over, as others begin', () => {
    const { time, table, count } = create(1000);
    for (let key = 0; key < 1000; key += 1) count(`old ${key}`);
    time.now += 60_000;
    for (let key = 0; key < 500; key += 1) count(`new ${key}`);
    expect(table.size).toBe(500);
  });

  it('begins anew when the clock was set back', () => {
    const { time, count } = create(10);
    count('a');
    time.now -= 3_600_000;
    expect(count('a')).toBe(1);
  });
});
