import type { GatehouseConfig } from '../gateway/config/config.ts';
import type { Crew } from '../gateway/gateway.ts';
import { joinFeeds } from '../gateway/joined-feeds.ts';
import type { SharedCount } from '../platform/store/shared-counter.ts';
import { CommandFailure } from './failure.ts';
import { type OrderToWorker, parseOrder, type Question, type WordOfWorker } from './worker-messages.ts';

/** A worker's line to the primary. */
export interface WorkerLine {
  /** What this worker is, and is to do. */
  readonly start: Promise<StartOrder>;
  /** What this process has in common with the others. `pushes`: the store tells all of them itself of what is appended. */
  joinCrew(options: { readonly pushes: boolean }): Crew;
  /** Calls it at once when the order has come already. */
  onDrain(drain: () => void): void;
  onReload(reload: (config: GatehouseConfig) => void): void;
  /** Resolves when the word is on its way, or cannot be. */
  say(word: WordOfWorker): Promise<void>;
  /** The last word: what was counted until now. */
  sayGoodbye(): Promise<void>;
}

export type StartOrder = Extract<OrderToWorker, { type: 'start' }>;

/** The part of `process` that is the channel. */
export interface Channel {
  /** Absent in a process that was not started for this. */
  send?(message: unknown, handle: undefined, options: undefined, sent: () => void): boolean;
  on(event: 'message', listener: (message: unknown) => void): unknown;
}

/** @throws CommandFailure when there is nobody at the other end */
export function openWorkerLine(channel: Channel): WorkerLine {
  if (channel.send === undefined) {
    throw new CommandFailure(
      'a worker is not started by hand',
      'gatehouse serve starts workers: set WORKERS',
    );
  }
  const started = Promise.withResolvers<StartOrder>();
  const counting = new Map<number, (count: SharedCount) => void>();
  const grown: ((feed: string) => void)[] = [];
  let counted = 0;
  let shown: Parameters<Crew['report']>[0] | undefined;
  let drain: (() => void) | undefined;
  let mustDrain = false;
  let reload = (_config: GatehouseConfig): void => {};

  function say(word: WordOfWorker): Promise<void> {
    return new Promise((resolve) => {
      // What it says to a primary that is gone is lost, as this process is about to be.
      channel.send?.(word, undefined, undefined, () => resolve());
    });
  }

  function hear(order: OrderToWorker): void {
    switch (order.type) {
      case 'start':
        started.resolve(order);
        return;
      case 'ask':
        // The primary takes silence for what it is.
        void answer(order.id, order.about).catch(() => {});
        return;
      case 'counted':
        counting.get(order.id)?.(order.count);
        counting.delete(order.id);
        return;
      case 'feed_grown':
        for (const listener of grown) listener(order.feed);
        return;
      case 'reload':
        reload(order.config);
        return;
      case 'drain':
        mustDrain = true;
        drain?.();
        return;
    }
  }

  async function answer(id: number, about: Question): Promise<void> {
    if (shown === undefined) return;
    await say({
      type: 'answer',
      id,
      answer:
        about === 'metrics'
          ? { about, metrics: await shown.registry.getMetricsAsJSON() }
          : { about, readiness: await shown.readiness() },
    });
  }

  function increment(key: string, windowSeconds: number, by = 1): Promise<SharedCount> {
    counted += 1;
    const id = counted;
    void say({ type: 'count', id, key, windowSeconds, by });
    return new Promise((resolve) => counting.set(id, resolve));
  }

  channel.on('message', (message) => {
    const order = parseOrder(message);
    if (order !== undefined) hear(order);
  });
  void say({ type: 'here' });

  return {
    start: started.promise,
    joinCrew: ({ pushes }) => ({
      report: (rooms) => {
        shown = rooms;
      },
      counter: { increment },
      joinFeeds: (store) =>
        pushes
          ? store
          : joinFeeds(store, {
              announce: (feed) => void say({ type: 'feed_grown', feed }),
              onGrown: (listener) => grown.push(listener),
            }),
    }),
    onDrain: (listener) => {
      drain = listener;
      if (mustDrain) listener();
    },
    onReload: (listener) => {
      reload = listener;
    },
    say,
    async sayGoodbye() {
      if (shown !== undefined)
        await say({ type: 'leaving', metrics: await shown.registry.getMetricsAsJSON() });
    },
  };
}
