import { describe, expect, it } from 'vitest';

import { createMemoryStore } from './memory-store.ts';

function makeClock(): { now: number; nowSeconds: () => number; nowMilliseconds: () => number } {
  const clock = { now: 1_000, nowSeconds: () => clock.now, nowMilliseconds: () => clock.now * 1000 };
  return clock;
}

describe('createMemoryStore', () => {
  it('refuses when it is full, and forgets nothing', async () => {
    const store = createMemoryStore({ clock: makeClock(), maxRecords: 3 });
    await store.putIfAbsent('a', '1', 2_000);
    await store.putIfAbsent('b', '2', 2_000);
    await store.append('feed', '3', 2_000);
    await expect(store.putIfAbsent('c', '4', 2_000)).rejects.toThrow('store: put failed: the store is full');
    await expect(store.append('feed', '4', 2_000)).rejects.toThrow('store: append failed: the store is full');
    expect([await store.get('a'), await store.get('b')]).toEqual(['1', '2']);
    expect(await store.replace('a', '1', 'still possible', 2_000)).toBe(true);
  });

  it('makes room by dropping what has expired', async () => {
    const clock = makeClock();
    const store = createMemoryStore({ clock, maxRecords: 3 });
    await store.putIfAbsent('a', '1', 1_001);
    await store.append('feed', '2', 1_001);
    await store.putIfAbsent('b', '3', 2_000);
    clock.now = 1_001;
    expect(await store.putIfAbsent('c', '4', 2_000)).toBe(true);
    await store.append('feed', '5', 2_000);
    expect((await store.read('feed', '')).entries).toEqual(['5']);
  });

  it('refuses a cursor that is not its own', async () => {
    const store = createMemoryStore({ clock: makeClock() });
    await expect(store.read('feed', 'x')).rejects.toThrow('the cursor is not one of ours');
  });
});
