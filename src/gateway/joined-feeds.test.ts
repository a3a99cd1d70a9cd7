import { describe, expect, it } from 'vitest';

import { FakeClock } from '../../test/support/fake-clock.ts';
import { createMemoryStore } from '../platform/store/memory-store.ts';
import { joinFeeds } from './joined-feeds.ts';

function create() {
  const clock = new FakeClock();
  const announced: string[] = [];
  const listeners: ((feed: string) => void)[] = [];
  const store = joinFeeds(createMemoryStore({ clock }), {
    announce: (feed) => announced.push(feed),
    onGrown: (listener) => listeners.push(listener),
  });
  const grow = (feed: string): void => listeners.forEach((listener) => listener(feed));
  return { store, announced, grow, until: clock.nowSeconds() + 60 };
}

describe('joinFeeds', () => {
  it('tells the neighbours what grew, after it did', async () => {
    const { store, announced, until } = create();
    await store.append('revocations', 'x', until);
    expect(announced).toEqual(['revocations']);
    expect((await store.read('revocations', '')).entries).toEqual(['x']);
  });

  it('wakes whoever watches, by appends here and by those of neighbours', async () => {
    const { store, grow, until } = create();
    let woken = 0;
    const stop = store.watch('revocations', () => (woken += 1));
    grow('revocations');
    grow('another');
    await store.append('revocations', 'x', until);
    expect(woken).toBe(2);
    stop();
    grow('revocations');
    expect(woken).toBe(2);
  });

  it('does not announce what was not written', async () => {
    const { store, announced, until } = create();
    await store.close();
    await expect(store.append('revocations', 'x', until)).rejects.toThrow();
    expect(announced).toEqual([]);
  });
});
