import type { Clock } from '../clock.ts';
import { createFeedReader, type FeedReaderDeps } from './feed-reader.ts';
import type { Store } from './store.ts';

/** Keeps what a process knows in step with a feed, from now on and by itself. */
export interface FeedFollower {
  /**
   * Reads what the feed has got since the last time. One reading at a time: two at once could take an entry after the one
   * that followed it. Rejects with what the store said; the next reading takes it again.
   */
  refresh(): Promise<void>;
  close(): void;
}

export interface FeedFollowerDeps<Item> extends Omit<FeedReaderDeps<Item>, 'store'> {
  readonly store: Pick<Store, 'read' | 'watch'>;
  readonly clock: Pick<Clock, 'nowSeconds'>;
  /** Drops what is over; called once a minute. */
  readonly forget: (now: number) => void;
  /** Told when a reading failed that nobody asked for. */
  readonly onError: (error: unknown) => void;
}

/** Between two looks at a feed whose store tells nobody that it grew. */
const pollMilliseconds = 2_000;
const forgetEverySeconds = 60;

export function followFeed<Item>(deps: FeedFollowerDeps<Item>): FeedFollower {
  const { store, feed, clock } = deps;
  const reader = createFeedReader<Item>(deps);
  let forgottenAt = clock.nowSeconds();
  let reading: Promise<void> | undefined;
  let readingAgain: Promise<void> | undefined;

  async function read(): Promise<void> {
    await reader.read();
    const now = clock.nowSeconds();
    if (now < forgottenAt + forgetEverySeconds) return;
    deps.forget(now);
    forgottenAt = now;
  }

  function refresh(): Promise<void> {
    if (reading === undefined) {
      reading = read().finally(() => {
        reading = undefined;
      });
      return reading;
    }
    // The reading under way may have looked before the newest entry came: one more follows, for all who ask now.
    readingAgain ??= reading
      .catch(() => {})
      .then(() => {
        readingAgain = undefined;
        return refresh();
      });
    return readingAgain;
  }

  const wake = (): void => {
    refresh().catch(deps.onError);
  };
  const unwatch = store.watch(feed, wake);
  const poll = setInterval(wake, pollMilliseconds);
  poll.unref();

  return {
    refresh,
    close() {
      unwatch();
      clearInterval(poll);
    },
  };
}
