import {
  chmodSync,
  copyFileSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { announceKey, createKey, destroyKey, type KeyEntry } from './key-set.ts';
import type { KeySetFault } from './key-set-error.ts';
import { type KeyFileWatch, type KeyFileWatchDeps, watchKeyFile } from './key-file-watch.ts';
import { changeKeyFile, createKeyFile } from './write-key-file.ts';

const secret = 'pQ7r9sT2vX4zB6nM8kL1jH3gF5dS0aWe';
const other = 'another strong secret 0123456789abcdef';
const now = 1_800_000_000;

let folder = '';
let path = '';
let watch: KeyFileWatch | undefined;
let heard: (readonly KeyEntry[])[] = [];
let refused: KeySetFault[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gatehouse-keys-'));
  path = join(folder, 'keys.json');
  heard = [];
  refused = [];
  createKeyFile(path, [createKey(secret, now)], now);
});

afterEach(() => {
  watch?.close();
  rmSync(folder, { recursive: true });
});

function open(changes: Partial<KeyFileWatchDeps> = {}): KeyFileWatch {
  watch = watchKeyFile({
    path,
    refuseExposed: true,
    clock: { nowSeconds: () => now },
    onKeys: (entries) => heard.push(entries),
    onRefused: (fault) => refused.push(fault),
    pollMilliseconds: 3_600_000,
    ...changes,
  });
  return watch;
}

const announce = (): readonly KeyEntry[] =>
  changeKeyFile(path, now, (entries) =>
    announceKey(entries, { secret: other, now, activateAt: now + 60, destroyAt: undefined }),
  );

describe('watching a key file', () => {
  it('has the keys of the start, and tells of changes only', async () => {
    const opened = open();
    expect(opened.entries).toHaveLength(1);
    await opened.check();
    expect(heard).toEqual([]);
    const keys = announce();
    await opened.check();
    await opened.check();
    expect(heard).toEqual([keys]);
  });

  it('looks by itself', async () => {
    open({ pollMilliseconds: 5 });
    const keys = announce();
    await vi.waitFor(() => expect(heard).toEqual([keys]), { timeout: 10_000 });
  });

  it('tells of nothing once it is closed, not even of what it was looking at', async () => {
    const opened = open();
    const looking = opened.check();
    writeFileSync(path, 'no key file');
    opened.close();
    await looking;
    expect([heard, refused]).toEqual([[], []]);
  });

  it('sees a change that left the stamp as it was', async () => {
    const opened = open();
    const { atime, mtime, size } = statSync(path);
    const content = readFileSync(path, 'utf8');
    // The same length in the same place: of the stamp only the time of the change of its status may differ.
    writeFileSync(path, content.replace(secret, secret.replace('pQ7', 'pQ8')));
    utimesSync(path, atime, mtime);
    expect(statSync(path).size).toBe(size);
    await opened.check();
    expect(refused).toEqual(['malformed']);
  });

  it('does not start with a file that is not acceptable', () => {
    chmodSync(path, 0o644);
    expect(() => open()).toThrow(expect.objectContaining({ fault: 'exposed' }));
  });

  it.each<[KeySetFault, () => void]>([
    ['malformed', () => writeFileSync(path, '{"version":1,"keys":[')],
    ['unreadable', () => rmSync(path)],
    ['exposed', () => chmodSync(path, 0o644)],
    ['succession', () => writeFileSync(path, '{"version":1,"keys":[]}')],
  ])('says once that a file is %s, keeps the keys, and takes the next good one', async (fault, spoil) => {
    const opened = open();
    copyFileSync(path, join(folder, 'good.json'));
    spoil();
    for (let look = 0; look < 3; look += 1) await opened.check();
    expect(refused).toEqual([fault]);
    expect(heard).toEqual([]);
    rmSync(path, { force: true });
    copyFileSync(join(folder, 'good.json'), path);
    chmodSync(path, 0o600);
    await opened.check();
    expect(heard).toEqual([]);
    const keys = announce();
    await opened.check();
    expect(heard).toEqual([keys]);
    expect(refused).toEqual([fault]);
  });

  it('does not let a backup bring back a key that it saw destroyed', async () => {
    const opened = open();
    const [{ id } = { id: '' }] = opened.entries;
    copyFileSync(path, join(folder, 'backup.json'));
    changeKeyFile(path, now, (entries) => destroyKey(entries, id, { now, newSecret: other }));
    await opened.check();
    expect(heard).toHaveLength(1);
    copyFileSync(join(folder, 'backup.json'), path);
    await opened.check();
    expect(heard).toHaveLength(1);
    expect(refused).toEqual(['destroyed_key_returned']);
  });
});
