import { describe, expect, it } from 'vitest';

import { createProcessCounter } from './process-counter.ts';

function create(maxKeys?: number) {
  const time = { now: 1_000_000 };
  const bound = maxKeys === undefined ? {} : { maxKeys };
  return { time, counter: createProcessCounter({ nowMs: () => time.now, ...bound }) };
}

describe('createProcessCounter', () => {
  it('counts by key until the window ends, which begins with the first', () => {
    const { time, counter } = create();
    expect(counter.increment('a', 60, 1)).toEqual({ count: 1, resetsInMs: 60_000 });
    time.now += 20_000;
    expect(counter.increment('a', 60, 5)).toEqual({ count: 6, resetsInMs: 40_000 });
    expect(counter.increment('b', 60, 1)).toEqual({ count: 1, resetsInMs: 60_000 });
    time.now += 40_000;
    expect(counter.increment('a', 60, 1)).toEqual({ count: 1, resetsInMs: 60_000 });
  });

  it('keeps windows of different lengths apart', () => {
    const { counter } = create();
    counter.increment('a', 60, 1);
    expect(counter.increment('a', 10, 1)).toEqual({ count: 1, resetsInMs: 10_000 });
  });

  it('keeps no more keys than it may', () => {
    const { counter } = create(2);
    for (const key of ['a', 'b', 'c']) counter.increment(key, 60, 1);
    expect(counter.increment('a', 60, 1).count).toBe(1);
  });
});
