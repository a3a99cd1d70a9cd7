import { closeSync, fchmodSync, fstatSync, openSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

import type { Clock } from '../clock.ts';
import { describeSqliteFailure, isLocked } from './sqlite-failure.ts';
import { type Durability, StoreError, type Store } from './store.ts';
import { createWatchers } from './watchers.ts';

export interface SqliteStoreOptions {
  /** The database file; made when absent, with mode 0600. Its directory must exist. */
  readonly path: string;
  /**
   * FULL: an acknowledged write survives power loss. NORMAL is about ten times faster and survives the death of the
   * process, but power loss may undo the last writes, so that a used code could be used again.
   */
  readonly synchronous: 'FULL' | 'NORMAL';
  readonly clock: Clock;
  /** Upper bound of the file in pages of 4096 bytes, for a volume shared with others. Default: the disk. */
  readonly maxPages?: number;
}

const schemaVersion = 1;
/** Long enough for another process to finish its statement; the event loop waits with us. */
const busyTimeoutMilliseconds = 1_000;
const openAttempts = 40;
/** Every so many writes, up to so many expired rows of each table go. */
const writesPerSweep = 32;
const rowsPerSweep = 128;

const schema = `
  CREATE TABLE records (
    key TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL,
    expires_at INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX records_by_expiry ON records (expires_at);
  CREATE TABLE feed (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    expires_at INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX feed_by_name ON feed (name, position);
  CREATE INDEX feed_by_expiry ON feed (expires_at);
  PRAGMA user_version = ${schemaVersion};
`;

const statements = {
  // An expired record is overwritten in the same statement: there is no moment between looking and writing.
  put: `INSERT INTO records (key, value, expires_at) VALUES (:key, :value, :expiresAt)
    ON CONFLICT (key) DO UPDATE SET value = excluded.value, expires_at = excluded.expires_at
    WHERE records.expires_at <= :now`,
  get: 'SELECT value FROM records WHERE key = :key AND expires_at > :now',
  replace: `UPDATE records SET value = :next, expires_at = :expiresAt
    WHERE key = :key AND value = :expected AND expires_at > :now`,
  delete: 'DELETE FROM records WHERE key = :key',
  list: `SELECT key, value FROM records
    WHERE key >= :prefix AND key < :end AND key > :cursor AND expires_at > :now ORDER BY key LIMIT :limit`,
  append: 'INSERT INTO feed (name, value, expires_at) VALUES (:name, :value, :expiresAt)',
  read: `SELECT position, value FROM feed
    WHERE name = :name AND position > :position AND expires_at > :now ORDER BY position`,
  sweepRecords: `DELETE FROM records WHERE rowid IN
    (SELECT rowid FROM records WHERE expires_at <= :now LIMIT ${rowsPerSweep})`,
  sweepFeed: `DELETE FROM feed WHERE position IN
    (SELECT position FROM feed WHERE expires_at <= :now LIMIT ${rowsPerSweep})`,
} as const;

type StatementName = keyof typeof statements;
type WriteName = 'put' | 'replace' | 'delete' | 'append';
type Values = Record<string, string | number>;

/**
 * The durable store of a single node: one SQLite file in write-ahead mode. Every verb is one statement, hence atomic
 * among all processes that hold the file. `watch` hears appends made through this handle only.
 * @throws StoreError operation `open`, when the file cannot be used
 */
export function openSqliteStore(options: SqliteStoreOptions): Store {
  const database = guard('open', () => openDatabase(options));
  const prepare = (name: StatementName) => database.prepare(statements[name]);
  const prepared = guard('open', () => ({
    put: prepare('put'),
    get: prepare('get'),
    replace: prepare('replace'),
    delete: prepare('delete'),
    list: prepare('list'),
    append: prepare('append'),
    read: prepare('read'),
    sweepRecords: prepare('sweepRecords'),
    sweepFeed: prepare('sweepFeed'),
  }));
  const fileId = guard('open', () => findFileId(options.path));
  const watchers = createWatchers();
  let writes = 0;

  const now = (): number => options.clock.nowSeconds();

  function sweepSometimes(): void {
    writes += 1;
    if (writes % writesPerSweep !== 0) return;
    try {
      prepared.sweepRecords.run({ now: now() });
      prepared.sweepFeed.run({ now: now() });
    } catch {
      // Whatever is wrong shows in the write that follows; sweeping itself decides nothing.
    }
  }

  /** Runs one write; tells whether it changed a row. */
  function write(operation: WriteName, values: Values, durability: Durability = 'at-once'): boolean {
    sweepSometimes();
    if (durability === 'at-once' || options.synchronous === 'NORMAL') return run(operation, values);
    // The log is written in order, and synced as a whole: the next commit that syncs it takes this one along.
    setSynchronous('NORMAL');
    try {
      return run(operation, values);
    } finally {
      setSynchronous('FULL');
    }
  }

  function run(operation: WriteName, values: Values): boolean {
    return guard(operation, () => Number(prepared[operation].run(values).changes) > 0);
  }

  function setSynchronous(level: 'FULL' | 'NORMAL'): void {
    guard('put', () => database.exec(`PRAGMA synchronous = ${level}`));
  }

  return {
    async putIfAbsent(key, value, expiresAt, durability) {
      const at = now();
      return expiresAt > at && write('put', { key, value, expiresAt, now: at }, durability);
    },
    async get(key) {
      const row = guard('get', () => prepared.get.get({ key, now: now() }));
      return row === undefined ? undefined : readText('get', row['value']);
    },
    async replace(key, expected, next, expiresAt, durability) {
      return write('replace', { key, expected, next, expiresAt, now: now() }, durability);
    },
    async delete(key) {
      write('delete', { key });
    },
    async list(prefix, page) {
      // One row more than asked for tells whether there is another page.
      const range = { prefix, end: `${prefix}\u{10ffff}`, cursor: page.cursor, now: now() };
      const rows = guard('list', () => prepared.list.all({ ...range, limit: page.limit + 1 }));
      const records = rows
        .slice(0, page.limit)
        .map((row) => ({ key: readText('list', row['key']), value: readText('list', row['value']) }));
      return { records, next: rows.length > page.limit ? records.at(-1)?.key : undefined };
    },
    async append(feed, value, expiresAt) {
      write('append', { name: feed, value, expiresAt });
      watchers.wake(feed);
    },
    async read(feed, cursor) {
      const position = parseCursor(cursor);
      const rows = guard('read', () => prepared.read.all({ name: feed, position, now: now() }));
      const last = rows.at(-1)?.['position'] ?? cursor;
      const entries = rows.map((row) => readText('read', row['value']));
      return { entries, cursor: String(last), startedOver: false };
    },
    watch: (feed, wake) => watchers.add(feed, wake),
    async rememberedSince() {
      if (!database.isOpen) throw new StoreError('epoch', undefined, 'the store is closed');
      // What was answered is on the disk. A copy that somebody puts in its place is not noticed.
      return 0;
    },
    async ping() {
      // Takes the write lock and leaves without writing: a file that can only be read does not answer.
      guard('ping', () => database.exec('BEGIN IMMEDIATE; ROLLBACK'));
      // SQLite goes on with a file that nobody can open any more: all of it would be gone with the next start.
      if (guard('ping', () => findFileId(options.path)) === fileId) return;
      throw new StoreError('ping', undefined, 'the file was removed or replaced');
    },
    async close() {
      watchers.clear();
      if (database.isOpen) guard('close', () => database.close());
    },
  };
}

function openDatabase(options: SqliteStoreOptions): DatabaseSync {
  // Resolved, so that no path is taken for SQLite's own `:memory:` or `file:` spellings.
  const path = resolve(options.path);
  prepareFile(path);
  const database = new DatabaseSync(path, { timeout: busyTimeoutMilliseconds, defensive: true });
  try {
    checkJournal(database);
    // FULL syncs the log at every commit.
    database.exec(`PRAGMA synchronous = ${options.synchronous}; PRAGMA trusted_schema = OFF`);
    if (options.maxPages !== undefined)
      database.exec(`PRAGMA max_page_count = ${Math.trunc(options.maxPages)}`);
    applySchema(database);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** Makes the file with mode 0600 before SQLite would make it readable for everyone. Its companions take its mode. */
function prepareFile(path: string): void {
  const descriptor = openSync(path, 'a', 0o600);
  try {
    const { mode } = fstatSync(descriptor);
    // Also for root, who may write anything: a file that was made read-only was meant to be.
    if ((mode & 0o200) === 0) throw new StoreError('open', undefined, 'the file is read-only');
    if ((mode & 0o077) !== 0) tightenMode(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function tightenMode(descriptor: number): void {
  try {
    fchmodSync(descriptor, 0o600);
  } catch {
    // Somebody else's file, or a volume without modes: usable all the same, and its mode is its owner's choice.
  }
}

function checkJournal(database: DatabaseSync): void {
  const row = whenUnlocked(() => database.prepare('PRAGMA journal_mode = WAL').get());
  if (row?.['journal_mode'] === 'wal') return;
  throw new StoreError('open', undefined, 'the file system does not support write-ahead logging');
}

/** Changing the journal mode does not wait by itself: processes that make the file together have to take turns. */
function whenUnlocked<Result>(run: () => Result): Result {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return run();
    } catch (error) {
      if (attempt >= openAttempts || !isLocked(error)) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, busyTimeoutMilliseconds / openAttempts);
    }
  }
}

function applySchema(database: DatabaseSync): void {
  database.exec('BEGIN IMMEDIATE');
  const version = database.prepare('PRAGMA user_version').get()?.['user_version'];
  const tables = database.prepare('SELECT count(*) AS count FROM sqlite_schema').get()?.['count'];
  if (version === 0 && tables !== 0) {
    throw new StoreError('open', undefined, 'the file is a database of another program');
  }
  if (version !== 0 && version !== schemaVersion) {
    throw new StoreError('open', undefined, 'the file was written by a newer version of this program');
  }
  if (version === 0) database.exec(schema);
  database.exec('COMMIT');
}

function findFileId(path: string): string | undefined {
  const found = statSync(path, { throwIfNoEntry: false });
  return found === undefined ? undefined : `${found.dev}:${found.ino}`;
}

function parseCursor(cursor: string): number {
  if (!/^\d{0,15}$/.test(cursor)) throw new StoreError('read', undefined, 'the cursor is not one of ours');
  return Number(cursor);
}

function readText(operation: string, value: unknown): string {
  if (typeof value === 'string') return value;
  throw new StoreError(operation, undefined, 'the file is damaged');
}

function guard<Result>(operation: string, run: () => Result): Result {
  try {
    return run();
  } catch (error) {
    if (error instanceof StoreError) throw error;
    throw new StoreError(operation, error, describeSqliteFailure(error));
  }
}
