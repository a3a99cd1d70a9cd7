import type { EpochSeconds } from '../clock.ts';
import type { SharedCounter } from './shared-counter.ts';

/**
 * When a write has to survive a power cut. `with-next`: when the next write of this process does. The two stay in their
 * order; for what is worth nothing without that next one.
 */
export type Durability = 'at-once' | 'with-next';

/**
 * Where the few things live that must not be forgotten or done twice. Values are opaque text; keys carry purpose and
 * tenant. Every change is one atomic operation on one key, so that every verb exists in SQLite, in memory, and on any
 * Redis shape (Cluster included) without a multi-key step.
 *
 * Every verb rejects with `StoreError` when the store cannot answer. A record past its `expiresAt` does not exist.
 */
export interface Store {
  /**
   * Writes only when no live record is there. True when written. A record that would be past its `expiresAt` at once
   * is not written: nobody can win a claim that leaves no trace.
   */
  putIfAbsent(key: string, value: string, expiresAt: EpochSeconds, durability?: Durability): Promise<boolean>;
  get(key: string): Promise<string | undefined>;
  /** Compare-and-swap: writes only while the live record is exactly `expected`. True when written. */
  replace(
    key: string,
    expected: string,
    next: string,
    expiresAt: EpochSeconds,
    durability?: Durability,
  ): Promise<boolean>;
  delete(key: string): Promise<void>;
  /** Live records whose key begins with `prefix`, in no promised order, `limit` at a time. */
  list(prefix: string, page: StorePageRequest): Promise<StorePage>;

  /** Adds an entry to a feed that every process reads (revocations, for one). */
  append(feed: string, value: string, expiresAt: EpochSeconds): Promise<void>;
  /** Live entries after `cursor` ('' for the start), in the order they were appended. */
  read(feed: string, cursor: string): Promise<FeedPage>;
  /** Calls `wake` when the feed may have grown. A hint, not a promise: readers poll as well. Returns "stop". */
  watch(feed: string, wake: () => void): () => void;

  /**
   * Of what began at or before this moment, the store may have forgotten something that it acknowledged: it was
   * flushed, restored from a copy, or failed over. 0: it never has. Ask after the write that leans on it: then a claim
   * that was won is the only one, and a record that was replaced is no older copy of itself. `writeRemembered` does.
   */
  rememberedSince(): Promise<EpochSeconds>;
  /** Resolves when the store answers. */
  ping(): Promise<void>;
  close(): Promise<void>;

  /** Counts that all replicas add to. Undefined where a store has one process: then there is nobody to share with. */
  readonly counter?: SharedCounter;
}

export interface StorePageRequest {
  /** '' for the first page, then the `next` of the page before. */
  readonly cursor: string;
  readonly limit: number;
}

export interface StorePage {
  readonly records: ReadonlyArray<{ readonly key: string; readonly value: string }>;
  /** Undefined on the last page. */
  readonly next: string | undefined;
}

export interface FeedPage {
  readonly entries: readonly string[];
  /** Hand it back to go on from here; stays valid when there were no entries. */
  readonly cursor: string;
  /**
   * True when the store's memory has begun anew since the cursor was handed out: these are all live entries there are,
   * and what a reader knows beyond them was forgotten. Who hands in the same cursor again is told so again.
   */
  readonly startedOver: boolean;
}

/**
 * The store did not answer, or answered nonsense. Whoever catches it refuses (fail closed). `detail` is for operators:
 * our own words, never a key or a value.
 */
export class StoreError extends Error {
  readonly operation: string;

  constructor(operation: string, cause: unknown, detail?: string) {
    super(`store: ${operation} failed${detail === undefined ? '' : `: ${detail}`}`, { cause });
    this.name = 'StoreError';
    this.operation = operation;
  }
}
