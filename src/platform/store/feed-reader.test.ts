import { beforeEach, describe, expect, it } from 'vitest';

import { FakeClock } from '../../../test/support/fake-clock.ts';
import { createForgetfulStore, type ForgetfulStore } from '../../../test/support/forgetful-store.ts';
import { createFeedReader, type FeedReader } from './feed-reader.ts';
import { type Store, StoreError } from './store.ts';

let clock: FakeClock;
let forgetful: ForgetfulStore;
let store: Store;

beforeEach(() => {
  clock = new FakeClock();
  forgetful = createForgetfulStore(clock);
  ({ store } = forgetful);
});

/** A process that knows what it read. */
function createProcess(over: Store = store): { readonly known: Set<string>; readonly reader: FeedReader } {
  const known = new Set<string>();
  const reader = createFeedReader<string>({
    store: over,
    feed: 'words',
    take: (entries) => entries.forEach((entry) => known.add(entry)),
    compare() {
      const present = new Set<string>();
      return {
        note: (entries) => entries.forEach((entry) => present.add(entry)),
        *missing() {
          for (const word of known) if (!present.has(word)) yield word;
        },
        put: say,
      };
    },
  });
  const say = (word: string): Promise<void> => over.append('words', word, clock.nowSeconds() + 60);
  return { known, reader };
}

async function sayMany(count: number): Promise<readonly string[]> {
  const words = Array.from({ length: count }, (_, at) => `word-${at}`);
  for (const word of words) await store.append('words', word, clock.nowSeconds() + 60);
  return words;
}

const stored = async (): Promise<readonly string[]> => (await store.read('words', '')).entries;

describe('a feed reader', () => {
  it('puts nothing back while the store forgets nothing', async () => {
    const { reader } = createProcess();
    await sayMany(3);
    await reader.read();
    await reader.read();
    expect(await stored()).toHaveLength(3);
  });

  it('puts back what the store has forgotten, and nothing that it still has', async () => {
    const { known, reader } = createProcess();
    const words = await sayMany(200);
    await reader.read();
    forgetful.forget();
    await store.append('words', 'word-7', clock.nowSeconds() + 60);
    await store.append('words', 'new', clock.nowSeconds() + 60);
    await reader.read();
    expect([...(await stored())].sort()).toEqual([...words, 'new'].sort());
    expect(known).toContain('new');
    await reader.read();
    expect(await stored()).toHaveLength(201);
  });

  it('puts back a bounded number at once', async () => {
    let underWay = 0;
    let most = 0;
    const counting: Store = {
      ...store,
      async append(...entry) {
        underWay += 1;
        most = Math.max(most, underWay);
        await new Promise((resolve) => setImmediate(resolve));
        underWay -= 1;
        return store.append(...entry);
      },
    };
    const { reader } = createProcess(counting);
    await sayMany(1_000);
    await reader.read();
    forgetful.forget();
    await reader.read();
    expect(await stored()).toHaveLength(1_000);
    expect(most).toBe(64);
  });

  it('takes it up again where the store failed halfway', async () => {
    let left = 100;
    const failing: Store = {
      ...store,
      append: (...entry) =>
        (left -= 1) < 0 ? Promise.reject(new StoreError('append', undefined)) : store.append(...entry),
    };
    const { reader } = createProcess(failing);
    const words = await sayMany(300);
    await reader.read();
    forgetful.forget();
    await expect(reader.read()).rejects.toThrow(StoreError);
    expect((await stored()).length).toBeLessThan(300);
    await expect(reader.read()).rejects.toThrow(StoreError);
    left = Infinity;
    await reader.read();
    expect([...(await stored())].sort()).toEqual([...words].sort());
  });

  it('begins anew when the store forgets once more meanwhile', async () => {
    let forgets = true;
    const losing: Store = {
      ...store,
      async append(...entry) {
        await store.append(...entry);
        if (entry[1] !== 'word-100' || !forgets) return;
        forgets = false;
        forgetful.forget();
      },
    };
    const { reader } = createProcess(losing);
    const words = await sayMany(200);
    await reader.read();
    forgetful.forget();
    await expect(reader.read()).rejects.toThrow(StoreError);
    await reader.read();
    expect(new Set(await stored())).toEqual(new Set(words));
  });

  it('leaves to others what they have put back meanwhile', async () => {
    const processes = [createProcess(), createProcess(), createProcess()];
    const words = await sayMany(500);
    for (const { reader } of processes) await reader.read();
    forgetful.forget();
    for (const { reader } of processes) await reader.read();
    expect(await stored()).toHaveLength(words.length);
    forgetful.forget();
    await Promise.all(processes.map(({ reader }) => reader.read()));
    expect(new Set(await stored())).toEqual(new Set(words));
  });
});
