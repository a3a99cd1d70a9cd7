import type { RedisConnection } from './redis-connection.ts';
import { openNodeLink, type RedisNodeLink } from './redis-node-link.ts';
import { createWatchers } from './watchers.ts';

/** Wakes readers of this process, by its own appends at once and by those of others through a channel per feed. */
export interface RedisWatch {
  /** Goes with each message, so that this process does not wake twice for its own. */
  readonly sender: string;
  add(feed: string, wake: () => void): () => void;
  wakeLocal(feed: string): void;
  /** Wakes every reader of this process. */
  wakeAll(): void;
  close(): void;
}

export interface RedisWatchDeps {
  readonly connection: RedisConnection;
  readonly jitter: () => number;
  readonly sender: string;
  readonly keyPrefix: string;
}

/** The socket of the subscriber is opened by the first watcher; a process that watches nothing has none. */
export function createRedisWatch(deps: RedisWatchDeps): RedisWatch {
  const watchers = createWatchers();
  const feeds = new Set<string>();
  let link: RedisNodeLink | undefined;
  let connections = 0;

  function wakeAll(): void {
    for (const feed of feeds) watchers.wake(feed);
  }

  function openSubscriber(): RedisNodeLink {
    return openNodeLink({
      connection: deps.connection,
      jitter: deps.jitter,
      onEvent(event) {
        if (event !== 'connected') return;
        connections += 1;
        // While the channel was gone, messages were missed. Before the first connection readers look by themselves.
        if (connections > 1) wakeAll();
      },
    });
  }

  return {
    sender: deps.sender,
    add(feed, wake) {
      link ??= openSubscriber();
      if (!feeds.has(feed)) {
        feeds.add(feed);
        link.subscribe(`${deps.keyPrefix}f:${feed}`, (message) => {
          if (message !== deps.sender) watchers.wake(feed);
        });
      }
      return watchers.add(feed, wake);
    },
    wakeLocal: (feed) => watchers.wake(feed),
    wakeAll,
    close() {
      watchers.clear();
      link?.close();
    },
  };
}
