import type { Clock, EpochSeconds } from '../clock.ts';
import { StoreError, type Store, type StorePage, type StorePageRequest } from './store.ts';
import { createWatchers } from './watchers.ts';

export interface MemoryStoreOptions {
  readonly clock: Clock;
  /** Live records and feed entries together; past it writes are refused. Default one million. */
  readonly maxRecords?: number;
}

interface MemoryRecord {
  readonly value: string;
  readonly expiresAt: EpochSeconds;
}

interface FeedEntry extends MemoryRecord {
  readonly feed: string;
}

const defaultMaxRecords = 1_000_000;
/** Records looked at per write, so that sweeping never stalls a request. */
const sweepStep = 8;

/**
 * A store that lives and dies with the process: for development and tests. When it is full it refuses instead of
 * forgetting, since a forgotten single-use mark is a second use.
 */
export function createMemoryStore(options: MemoryStoreOptions): Store {
  const { clock } = options;
  const records = new Map<string, MemoryRecord>();
  const feedEntries = new Map<number, FeedEntry>();
  const watchers = createWatchers();
  const sweepRecords = createSweep(records, clock);
  const sweepFeed = createSweep(feedEntries, clock);
  let lastPosition = 0;
  const began = clock.nowSeconds();
  let closed = false;

  function checkOpen(operation: string): void {
    if (closed) throw new StoreError(operation, undefined, 'the store is closed');
  }

  function makeRoom(operation: string): void {
    const max = options.maxRecords ?? defaultMaxRecords;
    const isFull = (): boolean => records.size + feedEntries.size >= max;
    if (isFull()) sweepRecords(records.size);
    if (isFull()) sweepFeed(feedEntries.size);
    if (isFull()) throw new StoreError(operation, undefined, 'the store is full');
  }

  function findLive(key: string): string | undefined {
    const record = records.get(key);
    return record !== undefined && record.expiresAt > clock.nowSeconds() ? record.value : undefined;
  }

  return {
    async putIfAbsent(key, value, expiresAt) {
      checkOpen('put');
      sweepRecords(sweepStep);
      if (findLive(key) !== undefined || expiresAt <= clock.nowSeconds()) return false;
      if (!records.has(key)) makeRoom('put');
      records.set(key, { value, expiresAt });
      return true;
    },
    async get(key) {
      checkOpen('get');
      return findLive(key);
    },
    async replace(key, expected, next, expiresAt) {
      checkOpen('replace');
      if (findLive(key) !== expected) return false;
      records.set(key, { value: next, expiresAt });
      return true;
    },
    async delete(key) {
      checkOpen('delete');
      records.delete(key);
    },
    async list(prefix, page) {
      checkOpen('list');
      const keys = [...records.keys()].filter((key) => key.startsWith(prefix) && key > page.cursor);
      return takePage(keys.sort(), page, findLive);
    },
    async append(feed, value, expiresAt) {
      checkOpen('append');
      sweepFeed(sweepStep);
      makeRoom('append');
      lastPosition += 1;
      feedEntries.set(lastPosition, { feed, value, expiresAt });
      watchers.wake(feed);
    },
    async read(feed, cursor) {
      checkOpen('read');
      const after = parseCursor(cursor);
      const now = clock.nowSeconds();
      const entries: string[] = [];
      for (const [position, entry] of feedEntries) {
        if (position > after && entry.feed === feed && entry.expiresAt > now) entries.push(entry.value);
      }
      return { entries, cursor: String(lastPosition), startedOver: false };
    },
    watch: (feed, wake) => watchers.add(feed, wake),
    async rememberedSince() {
      checkOpen('epoch');
      return began - 1;
    },
    async ping() {
      checkOpen('ping');
    },
    async close() {
      closed = true;
      records.clear();
      feedEntries.clear();
      watchers.clear();
    },
  };
}

function takePage(
  keys: readonly string[],
  page: StorePageRequest,
  findLive: (key: string) => string | undefined,
): StorePage {
  const found: Array<{ key: string; value: string }> = [];
  for (const key of keys) {
    const value = findLive(key);
    if (value === undefined) continue;
    const last = found.at(-1);
    if (last !== undefined && found.length === page.limit) return { records: found, next: last.key };
    found.push({ key, value });
  }
  return { records: found, next: undefined };
}

function parseCursor(cursor: string): number {
  if (!/^\d{0,15}$/.test(cursor)) throw new StoreError('read', undefined, 'the cursor is not one of ours');
  return Number(cursor);
}

/** Looks at the next `count` entries on each call, round and round, and drops the expired ones. */
function createSweep<Key>(entries: Map<Key, MemoryRecord>, clock: Clock): (count: number) => void {
  let cursor = entries.entries();
  return (count) => {
    const now = clock.nowSeconds();
    for (let looked = 0; looked < count; looked += 1) {
      const step = cursor.next();
      if (step.done === true) {
        cursor = entries.entries();
        // The rest of the count goes on from the start; an empty map would go round for ever.
        if (entries.size === 0) return;
        continue;
      }
      const [key, record] = step.value;
      if (record.expiresAt <= now) entries.delete(key);
    }
  };
}
