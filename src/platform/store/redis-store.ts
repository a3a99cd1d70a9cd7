import { takeBatches } from '../batches.ts';
import type { Clock } from '../clock.ts';
import type { Random } from '../random.ts';
import { withDeadline } from './redis-client.ts';
import { openClusterLink } from './redis-cluster-link.ts';
import type { RedisConnection, RedisLink, RedisLinkDeps } from './redis-connection.ts';
import { createRedisCounter } from './redis-counter.ts';
import { createRedisEpoch } from './redis-epoch.ts';
import { describeRedisFailure, isMisdirected, isRefusedForGood } from './redis-failure.ts';
import { readFeed } from './redis-feed.ts';
import { createRedisGuard, defaultDeadlines, type RedisDeadlines } from './redis-guard.ts';
import { listKeys } from './redis-list.ts';
import { openNodeLink } from './redis-node-link.ts';
import { formatRecord, readRecord, redisLifeMilliseconds, writerBytes } from './redis-record.ts';
import {
  appendScript,
  putIfAbsentScript,
  replaceScript,
  type RedisScript,
  runScript,
} from './redis-scripts.ts';
import { findServerWarnings, type RedisWarning } from './redis-warnings.ts';
import { createRedisWatch } from './redis-watch.ts';
import { StoreError, type Store } from './store.ts';

/** What happens to the connection; for the log and the metrics. */
export type RedisStateChange =
  | 'connected'
  | 'disconnected'
  | 'circuit_opened'
  | 'circuit_closed'
  /** Redis may have forgotten what it acknowledged: it was flushed, restarted or failed over. */
  | 'epoch_changed';

export interface RedisStoreOptions {
  readonly connection: RedisConnection;
  /** Before every key and channel: keeps deployments apart that share a Redis. */
  readonly keyPrefix: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly deadlines?: Partial<RedisDeadlines>;
  readonly onLatency?: (operation: string, seconds: number, outcome: 'ok' | 'failed') => void;
  readonly onStateChange?: (change: RedisStateChange) => void;
  /** Told while the store is opened. */
  readonly onWarning?: (warning: RedisWarning) => void;
}

/** How long a start waits for a Redis that is not there (yet). */
const openMilliseconds = 5_000;
/** A loss is noticed within this time, also when nobody asks for anything. */
const epochPollMilliseconds = 2_000;
const readsAtOnce = 128;

/**
 * The store of many nodes: Redis or Valkey, on its own, behind Sentinel, or as a Cluster. Every verb is one command
 * or one script on one key. Records lie under `r:`, feeds under `f:`, the epoch under `e`, counts under `c:`, each after
 * the prefix.
 * @throws StoreError operation `open`, when no connection comes about
 */
export async function openRedisStore(options: RedisStoreOptions): Promise<Store> {
  const { clock, random, keyPrefix, connection } = options;
  const changed = options.onStateChange ?? (() => undefined);
  const deadlines = { ...defaultDeadlines, ...options.deadlines };
  let closed = false;
  // Of 32 random bits a fraction; nothing secret hangs on it.
  const jitter = (): number => random.bytes(4).readUInt32BE() / 2 ** 32;
  const guard = createRedisGuard({
    deadlines,
    jitter,
    monotonic: () => performance.now(),
    onLatency: options.onLatency ?? (() => undefined),
    onCircuit: (state) => changed(`circuit_${state}`),
    onSilence: () => link.reset(),
  });
  const link = openLink({
    connection,
    jitter,
    onEvent: (event) => {
      if (closed) return;
      changed(event);
      if (event === 'connected') guard.recover();
    },
  });
  const epoch = createRedisEpoch({
    link,
    key: `${keyPrefix}e`,
    isCluster: connection.shape === 'cluster',
    drawName: () => random.token(writerBytes),
    now: () => clock.nowSeconds(),
    onChange() {
      changed('epoch_changed');
      // What was lost is put back by those who read it before; what was there before is read anew.
      watch.wakeAll();
    },
  });
  const watch = createRedisWatch({ connection, jitter, sender: random.token(writerBytes), keyPrefix });
  const recordKey = (key: string): string => `${keyPrefix}r:${key}`;
  const feedKey = (feed: string): string => `${keyPrefix}f:${feed}`;

  async function perform<Result>(operation: string, attempt: () => Promise<Result>): Promise<Result> {
    if (closed) throw new StoreError(operation, undefined, 'the store is closed');
    return guard.run(operation, async () => {
      try {
        return await attempt();
      } catch (error) {
        if (isMisdirected(error)) link.reset();
        throw error;
      }
    });
  }

  const change = (operation: string, script: RedisScript, key: string, values: readonly string[]) =>
    perform(operation, async () => {
      const reply = await runScript((command) => link.run(key, command), script, key, values);
      return reply === 1;
    });

  /** What a script needs to write a record. The same for every attempt: that is how it knows its own write. */
  function recordValues(value: string, expiresAt: number): readonly [string, string, string] {
    const record = formatRecord(random.token(writerBytes), expiresAt, value);
    return [String(clock.nowSeconds()), record, redisLifeMilliseconds(expiresAt, clock.nowMilliseconds())];
  }

  async function get(key: string): Promise<string | undefined> {
    return perform('get', async () => {
      const stored = await link.run(recordKey(key), ['GET', recordKey(key)]);
      return typeof stored === 'string' ? readRecord(stored, clock.nowSeconds()) : undefined;
    });
  }

  const store: Store = {
    async putIfAbsent(key, value, expiresAt) {
      if (expiresAt <= clock.nowSeconds() && !closed) return false;
      return change('put', putIfAbsentScript, recordKey(key), recordValues(value, expiresAt));
    },
    get,
    async replace(key, expected, next, expiresAt) {
      return change('replace', replaceScript, recordKey(key), [...recordValues(next, expiresAt), expected]);
    },
    async delete(key) {
      await perform('delete', () => link.run(recordKey(key), ['DEL', recordKey(key)]));
    },
    async list(prefix, page) {
      const servers = await perform('list', () => link.primaries());
      const { keys, next } = await attributed('list', () =>
        listKeys(servers, recordKey(''), prefix, page, (scan) => perform('list', scan)),
      );
      const records: Array<{ key: string; value: string }> = [];
      for (const some of takeBatches(keys, readsAtOnce)) {
        const values = await Promise.all(some.map(get));
        for (const [index, key] of some.entries()) {
          const value = values[index];
          if (value !== undefined) records.push({ key, value });
        }
      }
      return { records, next };
    },
    async append(feed, value, expiresAt) {
      const key = feedKey(feed);
      const life = redisLifeMilliseconds(expiresAt, clock.nowMilliseconds());
      const values = [
        String(clock.nowSeconds()),
        String(Math.ceil(expiresAt)),
        life,
        value,
        key,
        watch.sender,
      ];
      await perform('append', () =>
        runScript((command) => link.run(key, command), appendScript, key, [...values, jitter().toFixed(6)]),
      );
      watch.wakeLocal(feed);
    },
    async read(feed, cursor) {
      const deps = { link, perform, now: () => clock.nowSeconds(), epoch: () => epoch.lastName() };
      return attributed('read', () => readFeed(deps, feedKey(feed), cursor));
    },
    // Past the guard: a second try could count twice, and whoever counts goes on alone when this fails.
    counter: createRedisCounter(
      { run: (key, command) => perform('count', () => link.run(key, command)) },
      `${keyPrefix}c`,
    ),
    watch: (feed, wake) => watch.add(feed, wake),
    rememberedSince: async () => perform('epoch', () => epoch.ask()),
    async ping() {
      // A script that may write: a replica, or a server that cannot write, does not answer.
      await perform('ping', () => epoch.ask());
    },
    async close() {
      closed = true;
      clearInterval(poll);
      watch.close();
      link.close();
    },
  };

  const poll = setInterval(() => {
    perform('epoch', () => epoch.ask()).catch(() => undefined);
  }, epochPollMilliseconds);
  poll.unref();
  await whenOpen(
    () => withDeadline(epoch.ask(), deadlines.operation),
    () => store.close(),
  );
  const warnings = await perform('open', async () => findServerWarnings(await link.primaries())).catch(
    () => [],
  );
  for (const warning of warnings) options.onWarning?.(warning);
  return store;
}

function openLink(deps: RedisLinkDeps): RedisLink {
  const { connection } = deps;
  return connection.shape === 'cluster' ? openClusterLink({ ...deps, connection }) : openNodeLink(deps);
}

/** Waits for the first answer. A refusal that will not pass by itself is told at once. */
async function whenOpen(ask: () => Promise<unknown>, close: () => Promise<void>): Promise<void> {
  const end = performance.now() + openMilliseconds;
  for (;;) {
    try {
      await ask();
      return;
    } catch (error) {
      if (performance.now() < end && !isRefusedForGood(error)) {
        await new Promise((resolve) => setTimeout(resolve, 50));
        continue;
      }
      await close();
      throw new StoreError('open', error, describeRedisFailure(error));
    }
  }
}

/** A cursor or an answer that makes no sense is a failure of the verb. */
async function attributed<Result>(operation: string, run: () => Promise<Result>): Promise<Result> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof StoreError) throw error;
    throw new StoreError(operation, error, error instanceof Error ? error.message : undefined);
  }
}
