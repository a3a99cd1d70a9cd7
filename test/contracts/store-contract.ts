import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { EpochSeconds } from '../../src/platform/clock.ts';
import { type Store, StoreError } from '../../src/platform/store/store.ts';

/** One kind of store, as the contract needs to see it. A new backend joins by writing one of these. */
export interface StoreBackend {
  /** A handle. Every handle of one backend sees the same records if `shared`, else only its own. */
  open(): Promise<Store>;
  readonly shared: boolean;
  now(): EpochSeconds;
  /** Moves the store's clock, by pretending or by waiting. */
  advance(seconds: number): Promise<void>;
  /** Closes every handle and removes what was written. */
  dispose(): Promise<void>;
}

/** What every store must do, whatever it is made of. `makeBackend` hands out an empty one for each test. */
export function describeStore(name: string, makeBackend: () => Promise<StoreBackend>): void {
  describe(`Store: ${name}`, () => {
    let backend: StoreBackend;
    let store: Store;
    let soon: EpochSeconds;

    beforeEach(async () => {
      backend = await makeBackend();
      store = await backend.open();
      soon = backend.now() + 60;
    });
    afterEach(async () => backend.dispose());

    const others = async (count: number): Promise<Store[]> => {
      const handles: Store[] = [store];
      for (let made = 1; backend.shared && made < count; made += 1) handles.push(await backend.open());
      return handles;
    };

    it('writes what may wait for the next one like any other, and is then as careful as before', async () => {
      expect(await store.putIfAbsent('a:1', 'one', soon, 'with-next')).toBe(true);
      expect(await store.putIfAbsent('a:1', 'two', soon, 'with-next')).toBe(false);
      expect(await store.replace('a:1', 'two', 'three', soon, 'with-next')).toBe(false);
      expect(await store.replace('a:1', 'one', 'three', soon, 'with-next')).toBe(true);
      expect(await store.get('a:1')).toBe('three');
      expect(await store.putIfAbsent('a:2', 'next', soon)).toBe(true);
    });

    describe('putIfAbsent', () => {
      it('writes a record that get returns', async () => {
        expect(await store.putIfAbsent('a:1', 'one', soon)).toBe(true);
        expect(await store.get('a:1')).toBe('one');
      });

      it('leaves a live record as it is', async () => {
        await store.putIfAbsent('a:1', 'one', soon);
        expect(await store.putIfAbsent('a:1', 'two', soon + 60)).toBe(false);
        expect(await store.get('a:1')).toBe('one');
      });

      it('has exactly one winner among 256 at once', async () => {
        const handles = await others(4);
        const tries = Array.from({ length: 256 }, async (_, index) =>
          (handles[index % handles.length] ?? store).putIfAbsent('a:1', `value ${index}`, soon),
        );
        const outcomes = await Promise.all(tries);
        expect(outcomes.filter(Boolean)).toHaveLength(1);
        expect(await store.get('a:1')).toBe(`value ${outcomes.indexOf(true)}`);
      });

      it('refuses a record that would be expired at once, so that no claim is won without a trace', async () => {
        expect(await store.putIfAbsent('a:1', 'one', backend.now())).toBe(false);
        expect(await store.putIfAbsent('a:2', 'two', backend.now() - 5)).toBe(false);
        expect(await store.get('a:1')).toBeUndefined();
        expect(await store.get('a:2')).toBeUndefined();
      });

      it.each([
        ['an empty text', ''],
        ['text beyond ASCII', 'grüße 🔑 مرحبا'],
        ['quotes and NUL', `'";--\u0000tail`],
        ['64 KiB', 'x'.repeat(65_536)],
      ])('keeps %s to the byte', async (_what, value) => {
        await store.putIfAbsent('a:1', value, soon);
        expect(await store.get('a:1')).toBe(value);
      });
    });

    describe('expiry', () => {
      it('ends a record at its second', async () => {
        await store.putIfAbsent('a:1', 'one', backend.now() + 2);
        await backend.advance(1);
        expect(await store.get('a:1')).toBe('one');
        await backend.advance(1);
        expect(await store.get('a:1')).toBeUndefined();
      });

      it('lets an expired key be written again, once', async () => {
        await store.putIfAbsent('a:1', 'one', backend.now() + 1);
        await backend.advance(1);
        const tries = [store.putIfAbsent('a:1', 'two', soon), store.putIfAbsent('a:1', 'three', soon)];
        expect((await Promise.all(tries)).filter(Boolean)).toHaveLength(1);
      });

      it('never replaces or lists an expired record', async () => {
        await store.putIfAbsent('a:1', 'one', backend.now() + 1);
        await backend.advance(1);
        expect(await store.replace('a:1', 'one', 'two', soon)).toBe(false);
        expect(await store.get('a:1')).toBeUndefined();
        expect((await store.list('a:', { cursor: '', limit: 10 })).records).toEqual([]);
      });

      it('takes the new end from a replace', async () => {
        await store.putIfAbsent('a:1', 'one', backend.now() + 1);
        await store.replace('a:1', 'one', 'two', backend.now() + 3);
        await backend.advance(2);
        expect(await store.get('a:1')).toBe('two');
        await backend.advance(1);
        expect(await store.get('a:1')).toBeUndefined();
      });

      it('stays right while hundreds of records come and go', async () => {
        const short = backend.now() + 1;
        for (let index = 0; index < 300; index += 1) {
          await store.putIfAbsent(`gone:${index}`, 'x', short);
          await store.append('events', 'gone', short);
        }
        await backend.advance(1);
        for (let index = 0; index < 300; index += 1) await store.putIfAbsent(`kept:${index}`, 'x', soon);
        await store.append('events', 'kept', soon);
        expect((await store.list('gone:', { cursor: '', limit: 10 })).records).toEqual([]);
        expect((await store.list('kept:', { cursor: '', limit: 1000 })).records).toHaveLength(300);
        expect((await store.read('events', '')).entries).toEqual(['kept']);
      });
    });

    describe('replace', () => {
      it('writes while the record is what was expected', async () => {
        await store.putIfAbsent('a:1', 'one', soon);
        expect(await store.replace('a:1', 'one', 'two', soon)).toBe(true);
        expect(await store.get('a:1')).toBe('two');
      });

      it('leaves a record that has changed', async () => {
        await store.putIfAbsent('a:1', 'one', soon);
        expect(await store.replace('a:1', 'ONE', 'two', soon)).toBe(false);
        expect(await store.replace('a:1', 'one ', 'two', soon)).toBe(false);
        expect(await store.get('a:1')).toBe('one');
      });

      it('makes no record where there is none', async () => {
        expect(await store.replace('a:1', '', 'two', soon)).toBe(false);
        expect(await store.get('a:1')).toBeUndefined();
      });

      it('has exactly one winner among 256 at once', async () => {
        await store.putIfAbsent('a:1', 'pending', soon);
        const handles = await others(4);
        const tries = Array.from({ length: 256 }, async (_, index) =>
          (handles[index % handles.length] ?? store).replace('a:1', 'pending', `spent ${index}`, soon),
        );
        const outcomes = await Promise.all(tries);
        expect(outcomes.filter(Boolean)).toHaveLength(1);
        expect(await store.get('a:1')).toBe(`spent ${outcomes.indexOf(true)}`);
      });
    });

    describe('delete', () => {
      it('forgets a record, and one that never was', async () => {
        await store.putIfAbsent('a:1', 'one', soon);
        await store.delete('a:1');
        await store.delete('a:2');
        expect(await store.get('a:1')).toBeUndefined();
        expect(await store.putIfAbsent('a:1', 'two', soon)).toBe(true);
      });
    });

    describe('list', () => {
      it('returns every record under a prefix exactly once, page by page', async () => {
        const keys = Array.from({ length: 25 }, (_, index) => `grant:${index}`);
        for (const key of keys) await store.putIfAbsent(key, `of ${key}`, soon);
        await store.putIfAbsent('grand', 'x', soon);
        await store.putIfAbsent('grants', 'x', soon);
        const found: string[] = [];
        let cursor: string | undefined = '';
        while (cursor !== undefined) {
          const page = await store.list('grant:', { cursor, limit: 4 });
          expect(page.records.length).toBeLessThanOrEqual(4);
          for (const record of page.records) {
            expect(record.value).toBe(`of ${record.key}`);
            found.push(record.key);
          }
          cursor = page.next;
        }
        expect(found.toSorted()).toEqual(keys.toSorted());
      });

      it('takes the prefix literally', async () => {
        await store.putIfAbsent('a:1', 'one', soon);
        await store.putIfAbsent('axb', 'two', soon);
        for (const prefix of ['%', '*', 'a_', 'a?', '[a]']) {
          expect((await store.list(prefix, { cursor: '', limit: 10 })).records).toEqual([]);
        }
      });

      it('goes on when the record at the cursor is gone', async () => {
        for (const key of ['a:1', 'a:2', 'a:3']) await store.putIfAbsent(key, 'x', soon);
        const first = await store.list('a:', { cursor: '', limit: 1 });
        await store.delete(first.records[0]?.key ?? '');
        const rest = await store.list('a:', { cursor: first.next ?? '', limit: 10 });
        expect(rest.records).toHaveLength(2);
        expect(rest.next).toBeUndefined();
      });
    });

    describe('feed', () => {
      it('returns entries in the order they were appended, from the cursor on', async () => {
        for (const value of ['one', 'two', 'two']) await store.append('events', value, soon);
        const first = await store.read('events', '');
        expect(first.entries).toEqual(['one', 'two', 'two']);
        await store.append('events', 'three', soon);
        expect((await store.read('events', first.cursor)).entries).toEqual(['three']);
      });

      it('keeps the cursor valid when there is nothing new', async () => {
        const empty = await store.read('events', '');
        expect(empty.entries).toEqual([]);
        await store.append('events', 'one', soon);
        const first = await store.read('events', empty.cursor);
        expect(first.entries).toEqual(['one']);
        const none = await store.read('events', first.cursor);
        expect(none.entries).toEqual([]);
        await store.append('events', 'two', soon);
        expect((await store.read('events', none.cursor)).entries).toEqual(['two']);
      });

      it('keeps feeds apart', async () => {
        await store.append('events', 'one', soon);
        await store.append('others', 'two', soon);
        expect((await store.read('events', '')).entries).toEqual(['one']);
        expect((await store.read('others', '')).entries).toEqual(['two']);
      });

      it('leaves out expired entries', async () => {
        await store.append('events', 'short', backend.now() + 1);
        await store.append('events', 'long', soon);
        await backend.advance(1);
        expect((await store.read('events', '')).entries).toEqual(['long']);
      });

      it('has not started over while nothing is lost', async () => {
        const first = await store.read('events', '');
        await store.append('events', 'one', soon);
        const second = await store.read('events', first.cursor);
        const third = await store.read('events', second.cursor);
        expect([first, second, third].map(({ startedOver }) => startedOver)).toEqual([false, false, false]);
      });

      it('goes on from its cursor after everything before it expired', async () => {
        await store.append('events', 'short', backend.now() + 1);
        const { cursor } = await store.read('events', '');
        await backend.advance(1);
        for (let index = 0; index < 100; index += 1) await store.append('other', 'x', soon);
        await store.append('events', 'long', soon);
        expect((await store.read('events', cursor)).entries).toEqual(['long']);
      });
    });

    describe('watch', () => {
      it('wakes on an append to its feed, until it is stopped', async () => {
        let wakes = 0;
        let signal = (): void => undefined;
        const woken = new Promise<void>((resolve) => {
          signal = resolve;
        });
        const stop = store.watch('events', () => {
          wakes += 1;
          signal();
        });
        await store.append('others', 'no', soon);
        await store.append('events', 'yes', soon);
        await woken;
        expect(wakes).toBe(1);
        stop();
        await store.append('events', 'later', soon);
        expect(wakes).toBe(1);
      });

      it('has the entry in the feed by the time it wakes', async () => {
        const seen = new Promise<readonly string[]>((resolve, reject) => {
          store.watch('events', () => {
            store.read('events', '').then((page) => resolve(page.entries), reject);
          });
        });
        await store.append('events', 'one', soon);
        expect(await seen).toEqual(['one']);
      });

      it('does not let a failing reader fail the append', async () => {
        store.watch('events', () => {
          throw new Error('reader trouble');
        });
        await store.append('events', 'one', soon);
        // Made again where its answer was late: twice is as good as once.
        expect(new Set((await store.read('events', '')).entries)).toEqual(new Set(['one']));
      });
    });

    describe('rememberedSince', () => {
      it('stays what it is while nothing is lost, for every handle', async () => {
        const since = await store.rememberedSince();
        await store.putIfAbsent('a:1', 'one', soon);
        await backend.advance(1);
        expect(since).toBeLessThanOrEqual(backend.now());
        for (const handle of await others(3)) expect(await handle.rememberedSince()).toBe(since);
      });
    });

    describe('close', () => {
      it('makes every verb reject with StoreError', async () => {
        await store.ping();
        await store.close();
        const attempts = [
          store.putIfAbsent('a', 'b', soon),
          store.get('a'),
          store.replace('a', 'b', 'c', soon),
          store.delete('a'),
          store.list('a', { cursor: '', limit: 1 }),
          store.append('a', 'b', soon),
          store.read('a', ''),
          store.rememberedSince(),
          store.ping(),
        ];
        for (const attempt of attempts) await expect(attempt).rejects.toBeInstanceOf(StoreError);
      });

      it('can be said twice', async () => {
        await store.close();
        await expect(store.close()).resolves.toBeUndefined();
      });
    });

    it('shares records and feeds between handles exactly when it says so', async () => {
      const other = await backend.open();
      await store.putIfAbsent('a:1', 'one', soon);
      await store.append('events', 'one', soon);
      expect(await other.get('a:1')).toBe(backend.shared ? 'one' : undefined);
      expect((await other.read('events', '')).entries).toEqual(backend.shared ? ['one'] : []);
      expect(await other.putIfAbsent('a:1', 'two', soon)).toBe(!backend.shared);
    });
  });
}
