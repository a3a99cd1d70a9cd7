import { takeBatches } from '../batches.ts';
import { type FeedPage, type Store, StoreError } from './store.ts';

/** Reads a feed from where it stopped, and puts back what the store has forgotten of it. */
export interface FeedReader {
  /**
   * Takes what the feed has got since the last time. Not to be called again before it is settled. When it rejects,
   * nothing is skipped: the next call takes it again, and puts back what is missing then.
   */
  read(): Promise<void>;
}

export interface FeedReaderDeps<Item> {
  readonly store: Pick<Store, 'read'>;
  readonly feed: string;
  /** Entries in their order; some come more than once. */
  readonly take: (entries: readonly string[]) => void;
  /** Called when the store's memory has begun anew. */
  readonly compare: () => Comparison<Item>;
}

/** What a process knows, held against what the store still has. */
export interface Comparison<Item> {
  /** The store has these. */
  note(entries: readonly string[]): void;
  /** Looked through bit by bit, so that what others have put back meanwhile need not be put back again. */
  missing(): Iterable<Item>;
  /** Puts one back. Several processes do so at once: twice must be as good as once. */
  put(item: Item): Promise<void>;
}

/** Requests must not wait behind what is put back. */
const putAtOnce = 64;

export function createFeedReader<Item>(deps: FeedReaderDeps<Item>): FeedReader {
  const { store, feed } = deps;
  let cursor = '';

  async function putBack(whole: FeedPage): Promise<string> {
    const comparison = deps.compare();
    comparison.note(whole.entries);
    let position = whole.cursor;
    for (const batch of takeBatches(comparison.missing(), putAtOnce)) {
      await Promise.all(batch.map((item) => comparison.put(item)));
      const page = await store.read(feed, position);
      if (page.startedOver) throw new StoreError('read', undefined, 'the store lost its memory once more');
      deps.take(page.entries);
      comparison.note(page.entries);
      position = page.cursor;
    }
    return position;
  }

  return {
    async read() {
      const page = await store.read(feed, cursor);
      deps.take(page.entries);
      // The cursor of before stays until all is back: with it, the store says once more that it has forgotten.
      cursor = page.startedOver ? await putBack(page) : page.cursor;
    },
  };
}
