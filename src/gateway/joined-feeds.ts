import type { Store } from '../platform/store/store.ts';
import { createWatchers } from '../platform/store/watchers.ts';

/** The processes that hold the same store, this one not among them. */
export interface FeedNeighbours {
  /** Tells them that a feed grew. */
  readonly announce: (feed: string) => void;
  /** Calls `listener` when one of them says so. */
  readonly onGrown: (listener: (feed: string) => void) => void;
}

/**
 * A store whose `watch` hears of what neighbours append: one that cannot push between processes would be read at the
 * next poll only. A message that is lost costs no more than that.
 */
export function joinFeeds(store: Store, neighbours: FeedNeighbours): Store {
  const watchers = createWatchers();
  neighbours.onGrown((feed) => watchers.wake(feed));
  return {
    ...store,
    async append(feed, value, expiresAt) {
      await store.append(feed, value, expiresAt);
      neighbours.announce(feed);
    },
    watch(feed, wake) {
      const stops = [store.watch(feed, wake), watchers.add(feed, wake)];
      return () => stops.forEach((stop) => stop());
    },
  };
}
