import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { systemClock } from '../../src/platform/clock.ts';
import { openSqliteStore } from '../../src/platform/store/sqlite-store.ts';
import { type Store, StoreError } from '../../src/platform/store/store.ts';
import { FakeClock } from '../support/fake-clock.ts';

const clock = new FakeClock();
const soon = clock.nowSeconds() + 60;

describe('SQLite store under faults', () => {
  let directory: string;
  let path: string;
  const handles: Store[] = [];

  const open = (options: { path?: string; maxPages?: number } = {}): Store => {
    const handle = openSqliteStore({ path, synchronous: 'NORMAL', clock, ...options });
    handles.push(handle);
    return handle;
  };

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'gatehouse-store-'));
    path = join(directory, 'store.db');
  });
  afterEach(async () => {
    for (const handle of handles.splice(0)) await handle.close();
    rmSync(directory, { recursive: true });
  });

  it('keeps records, feeds and cursors over a restart', async () => {
    const before = open();
    await before.putIfAbsent('grant:1', 'active', soon);
    await before.append('events', 'one', soon);
    const { cursor } = await before.read('events', '');
    await before.close();

    const after = open();
    await after.append('events', 'two', soon);
    expect(await after.get('grant:1')).toBe('active');
    expect(await after.putIfAbsent('grant:1', 'again', soon)).toBe(false);
    expect((await after.read('events', cursor)).entries).toEqual(['two']);
  });

  it('never hands out a feed position twice, even after a sweep emptied the feed', async () => {
    const before = open();
    await before.append('events', 'one', soon);
    const { cursor } = await before.read('events', '');
    await before.close();
    const raw = new DatabaseSync(path);
    raw.exec('DELETE FROM feed');
    raw.close();

    const after = open();
    await after.append('events', 'two', soon);
    expect((await after.read('events', cursor)).entries).toEqual(['two']);
  });

  it('has every acknowledged write after its process was killed, time and again', async () => {
    const acknowledged: string[] = [];
    for (const run of ['first', 'second', 'third']) {
      acknowledged.push(...(await writeUntilKilled(path, run, 100)));
    }
    const store = openSqliteStore({ path, synchronous: 'NORMAL', clock: systemClock });
    handles.push(store);
    expect(acknowledged.length).toBeGreaterThanOrEqual(300);
    for (const key of acknowledged) expect(await store.get(key)).toBe(`spent ${key}`);
    expect((await store.read('events', '')).entries).toEqual(expect.arrayContaining(acknowledged));
    expect(await store.putIfAbsent('after', 'works', systemClock.nowSeconds() + 60)).toBe(true);
  });

  it('is shared by processes that make the file together and are killed in the middle', async () => {
    const runs = await Promise.all(['a', 'b', 'c'].map(async (run) => writeUntilKilled(path, run, 50)));
    const store = openSqliteStore({ path, synchronous: 'NORMAL', clock: systemClock });
    handles.push(store);
    for (const key of runs.flat()) expect(await store.get(key)).toBe(`spent ${key}`);
    expect((await store.read('events', '')).entries).toEqual(expect.arrayContaining(runs.flat()));
  });

  it('makes the file and its companions readable for its owner only', async () => {
    await open().putIfAbsent('a', 'b', soon);
    for (const file of [path, `${path}-wal`, `${path}-shm`]) expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it('takes others their access to a file that was there', async () => {
    await open().close();
    chmodSync(path, 0o644);
    open();
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('refuses a read-only file', async () => {
    await open().close();
    chmodSync(path, 0o400);
    expect(() => open()).toThrow('store: open failed: the file is read-only');
  });

  it('refuses a file that is no database, and leaves it as it is', () => {
    const content = 'not a database\n'.repeat(500);
    writeFileSync(path, content);
    expect(() => open()).toThrow(StoreError);
    expect(() => open()).toThrow('store: open failed: the file is not a SQLite database');
    expect(readFileSync(path, 'utf8')).toBe(content);
  });

  it('refuses a database of another program, and leaves it as it is', () => {
    const raw = new DatabaseSync(path);
    raw.exec('CREATE TABLE records (mine TEXT)');
    raw.close();
    expect(() => open()).toThrow('store: open failed: the file is a database of another program');
    const again = new DatabaseSync(path);
    expect(again.prepare('SELECT name FROM sqlite_schema').all()).toHaveLength(1);
    again.close();
  });

  it('refuses a file of a newer version', async () => {
    await open().close();
    const raw = new DatabaseSync(path);
    raw.exec('PRAGMA user_version = 2');
    raw.close();
    expect(() => open()).toThrow('store: open failed: the file was written by a newer version');
  });

  it('refuses a directory that does not exist, and does not make it', () => {
    const missing = join(directory, 'missing');
    expect(() => open({ path: join(missing, 'store.db') })).toThrow(
      'store: open failed: the directory does not exist',
    );
    expect(() => statSync(missing)).toThrow();
  });

  it('refuses a directory in place of the file', () => {
    mkdirSync(path);
    expect(() => open()).toThrow('store: open failed: the path is a directory');
  });

  it('takes the spellings of SQLite for what they are: file names', async () => {
    const odd = join(directory, ':memory:');
    await open({ path: odd }).putIfAbsent('a', 'b', soon);
    expect(statSync(odd).isFile()).toBe(true);
  });

  it('says when the disk is full, keeps what it has, and goes on when there is room', async () => {
    const store = open({ maxPages: 24 });
    const kept: string[] = [];
    const fill = async (): Promise<void> => {
      for (let index = 0; index < 100; index += 1) {
        expect(await store.putIfAbsent(`a:${index}`, 'x'.repeat(3_000), soon)).toBe(true);
        kept.push(`a:${index}`);
      }
    };
    await expect(fill()).rejects.toThrow('store: put failed: the disk is full');
    expect(kept.length).toBeGreaterThan(0);
    for (const key of kept) expect(await store.get(key)).toHaveLength(3_000);
    expect(await store.get(`a:${kept.length}`)).toBeUndefined();

    await store.delete('a:0');
    expect(await store.putIfAbsent('a:again', 'x'.repeat(3_000), soon)).toBe(true);
  });

  it.each([
    ['removed', () => undefined],
    [
      'replaced',
      () => {
        writeFileSync(path, '');
      },
    ],
  ])('does not call itself well when its file was %s', async (_, replace) => {
    const store = open();
    await store.ping();
    rmSync(path);
    replace();
    await expect(store.ping()).rejects.toThrow('store: ping failed: the file was removed or replaced');
  });

  it('answers with StoreError when pages were damaged', async () => {
    const before = open();
    for (let index = 0; index < 200; index += 1)
      await before.putIfAbsent(`a:${index}`, 'x'.repeat(500), soon);
    await before.close();
    const bytes = readFileSync(path);
    writeFileSync(path, bytes.fill(0xff, 8 * 4096));

    const after = open();
    const readAll = async (): Promise<void> => {
      await after.list('a:', { cursor: '', limit: 1_000 });
    };
    await expect(readAll()).rejects.toThrow('store: list failed: the file is damaged');
  });

  it('waits for another process no longer than its time, then refuses and changes nothing', async () => {
    const store = open();
    const raw = new DatabaseSync(path);
    raw.exec('BEGIN IMMEDIATE');
    await expect(store.putIfAbsent('a', 'b', soon)).rejects.toThrow('the file is locked by another process');
    await expect(store.ping()).rejects.toThrow('store: ping failed');
    raw.exec('ROLLBACK');
    raw.close();
    await store.ping();
    expect(await store.get('a')).toBeUndefined();
  });

  it('names no key and no value in an error', async () => {
    const store = open();
    await store.close();
    const error: unknown = await store
      .putIfAbsent('secret-key', 'secret-value', soon)
      .catch((e: unknown) => e);
    expect(error).toBeInstanceOf(StoreError);
    expect(JSON.stringify([String(error), error instanceof Error && String(error.cause)])).not.toMatch(
      /secret/,
    );
  });
});

/** Runs a writing process, kills it in the middle of its work, and returns what was acknowledged until then. */
async function writeUntilKilled(path: string, run: string, atLeast: number): Promise<string[]> {
  const script = new URL('../support/store-writer.ts', import.meta.url).pathname;
  const child = spawn(process.execPath, [script, path, run], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  const acknowledged: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    acknowledged.push(line);
    if (acknowledged.length === atLeast) child.kill('SIGKILL');
  }
  const [, signal] = await exited;
  expect(signal).toBe('SIGKILL');
  return acknowledged;
}
