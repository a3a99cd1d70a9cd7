import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';

import { FakeClock } from '../../../test/support/fake-clock.ts';
import { type FeedFollower, followFeed } from './feed-follower.ts';
import { createMemoryStore } from './memory-store.ts';
import { type Store, StoreError } from './store.ts';

let clock: FakeClock;
let store: Store;
let known: string[];
let errors: unknown[];
const forget = vi.fn<(now: number) => void>();

beforeEach(() => {
  clock = new FakeClock();
  store = createMemoryStore({ clock });
  [known, errors] = [[], []];
  forget.mockClear();
});

function follow(over: Pick<Store, 'read' | 'watch'> = store): FeedFollower {
  const follower = followFeed<string>({
    store: over,
    feed: 'words',
    clock,
    take: (entries) => known.push(...entries),
    compare: () => ({ note: () => {}, missing: () => [], put: async () => {} }),
    forget,
    onError: (error) => errors.push(error),
  });
  onTestFinished(() => follower.close());
  return follower;
}

const say = (word: string): Promise<void> => store.append('words', word, clock.nowSeconds() + 3600);

describe('who follows a feed', () => {
  it('hears of what is appended, unasked, until it is closed', async () => {
    const follower = follow();
    await say('first');
    await vi.waitFor(() => expect(known).toEqual(['first']));
    follower.close();
    await say('second');
    await new Promise(setImmediate);
    expect(known).toEqual(['first']);
  });

  it('reads once more for all who asked while it read, and never twice at once', async () => {
    const held: Array<() => void> = [];
    let readings = 0;
    const slow: Pick<Store, 'read' | 'watch'> = {
      watch: () => () => {},
      async read(feed, cursor) {
        readings += 1;
        await new Promise<void>((resolve) => held.push(resolve));
        return store.read(feed, cursor);
      },
    };
    const follower = follow(slow);
    const first = follower.refresh();
    await say('later');
    const others = [follower.refresh(), follower.refresh(), follower.refresh()];
    expect(readings).toBe(1);
    held.shift()?.();
    await first;
    await vi.waitFor(() => expect(readings).toBe(2));
    held.shift()?.();
    await Promise.all(others);
    expect(readings).toBe(2);
    expect(known).toEqual(['later']);
  });

  it('takes again what a failed reading did not take, and says that it failed', async () => {
    let isAway = true;
    const moody: Pick<Store, 'read' | 'watch'> = {
      watch: (feed, wake) => store.watch(feed, wake),
      async read(feed, cursor) {
        if (isAway) throw new StoreError('read', undefined);
        return store.read(feed, cursor);
      },
    };
    const follower = follow(moody);
    await say('kept');
    await vi.waitFor(() => expect(errors).toHaveLength(1));
    await expect(follower.refresh()).rejects.toThrow(StoreError);
    isAway = false;
    await follower.refresh();
    expect(known).toEqual(['kept']);
  });

  it('forgets what is over, once a minute', async () => {
    const follower = follow();
    await follower.refresh();
    expect(forget).not.toHaveBeenCalled();
    clock.advance(60);
    await follower.refresh();
    await follower.refresh();
    expect(forget).toHaveBeenCalledExactlyOnceWith(clock.nowSeconds());
  });
});
