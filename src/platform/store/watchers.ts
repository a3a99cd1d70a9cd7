/** Who wants to be woken when a feed grows, within this process. */
export interface Watchers {
  add(feed: string, wake: () => void): () => void;
  wake(feed: string): void;
  clear(): void;
}

export function createWatchers(): Watchers {
  const byFeed = new Map<string, Set<() => void>>();
  return {
    add(feed, wake) {
      // A function of our own, so that one callback registered twice is stopped once per registration.
      const entry = (): void => wake();
      const entries = byFeed.get(feed) ?? new Set();
      byFeed.set(feed, entries.add(entry));
      return () => {
        entries.delete(entry);
        if (entries.size === 0 && byFeed.get(feed) === entries) byFeed.delete(feed);
      };
    },
    wake(feed) {
      // A copy: whoever wakes may watch or stop watching.
      const entries = Array.from(byFeed.get(feed) ?? []);
      for (const entry of entries) {
        try {
          entry();
        } catch {
          // The entry is in the feed already: a reader's trouble must not turn the append into a failure.
        }
      }
    },
    clear: () => byFeed.clear(),
  };
}
