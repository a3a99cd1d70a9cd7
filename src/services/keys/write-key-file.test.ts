import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { announceKey, createKey } from './key-set.ts';
import { readKeyFile } from './read-key-file.ts';
import { changeKeyFile, createKeyFile } from './write-key-file.ts';

const secret = 'pQ7r9sT2vX4zB6nM8kL1jH3gF5dS0aWe';
const other = 'another strong secret 0123456789abcdef';
const now = 1_800_000_000;
const change = { secret: other, now, activateAt: now + 60, destroyAt: undefined };

let folder = '';
let path = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gatehouse-keys-'));
  path = join(folder, 'keys.json');
});

afterEach(() => rmSync(folder, { recursive: true }));

const mode = (file: string): number => statSync(file).mode & 0o777;

describe('writing a key file', () => {
  it('makes it for its owner only and leaves nothing beside it', () => {
    createKeyFile(path, [createKey(secret, now)], now);
    expect(mode(path)).toBe(0o600);
    expect(readdirSync(folder)).toEqual(['keys.json']);
    expect(readKeyFile(path, { now, refuseExposed: true }).entries).toHaveLength(1);
  });

  it('never writes over one', () => {
    writeFileSync(path, 'precious');
    expect(() => createKeyFile(path, [createKey(secret, now)], now)).toThrow('exists already');
    expect(readFileSync(path, 'utf8')).toBe('precious');
  });

  it('never writes over one that came while it was made', () => {
    // Looked at between the first look at the path and the moment the file gets its name.
    const entries = Object.defineProperty([createKey(secret, now)], 0, {
      get: () => {
        writeFileSync(path, 'precious');
        return createKey(other, now);
      },
    });
    expect(() => createKeyFile(path, entries, now)).toThrow('exists already');
    expect(readFileSync(path, 'utf8')).toBe('precious');
    expect(readdirSync(folder)).toEqual(['keys.json']);
  });

  it('replaces it whole, keeps who may read it, and follows a link', () => {
    createKeyFile(path, [createKey(secret, now)], now);
    chmodSync(path, 0o640);
    const before = statSync(path).ino;
    const link = join(folder, 'link.json');
    symlinkSync(path, link);
    const keys = changeKeyFile(link, now, (entries) => announceKey(entries, change));
    expect(keys).toHaveLength(2);
    expect(readKeyFile(path, { now, refuseExposed: true }).entries).toEqual(keys);
    expect(statSync(path).ino).not.toBe(before);
    expect(mode(path)).toBe(0o640);
    expect(readdirSync(folder).toSorted()).toEqual(['keys.json', 'link.json']);
  });

  it('closes a file that everybody could read', () => {
    createKeyFile(path, [createKey(secret, now)], now);
    chmodSync(path, 0o666);
    changeKeyFile(path, now, (entries) => announceKey(entries, change));
    expect(mode(path)).toBe(0o640);
  });

  it('waits for nobody: a change under way refuses another one', () => {
    createKeyFile(path, [createKey(secret, now)], now);
    const before = readFileSync(path, 'utf8');
    writeFileSync(`${path}.new`, '');
    expect(() => changeKeyFile(path, now, (entries) => announceKey(entries, change))).toThrow(
      'is being changed by somebody else',
    );
    expect(readFileSync(path, 'utf8')).toBe(before);
  });

  it('never writes what the server would refuse', () => {
    createKeyFile(path, [createKey(secret, now)], now);
    const before = readFileSync(path, 'utf8');
    expect(() => changeKeyFile(path, now, (entries) => [...entries, ...entries])).toThrow('twice');
    expect(() => changeKeyFile(path, now, () => [])).toThrow('has 0 active keys');
    expect(readFileSync(path, 'utf8')).toBe(before);
    expect(readdirSync(folder)).toEqual(['keys.json']);
  });
});

describe('reading a key file', () => {
  it.each([
    [0o600, true],
    [0o400, true],
    [0o640, true],
    [0o440, true],
    [0o604, false],
    [0o602, false],
    [0o620, false],
    [0o644, false],
  ])('in production accepts mode %o: %s', (bits, accepted) => {
    createKeyFile(path, [createKey(secret, now)], now);
    chmodSync(path, bits);
    const read = () => readKeyFile(path, { now, refuseExposed: true });
    if (accepted) expect(read).not.toThrow();
    else expect(read).toThrow(expect.objectContaining({ fault: 'exposed' }));
    expect(() => readKeyFile(path, { now, refuseExposed: false })).not.toThrow();
  });

  it('refuses what is no file, too large, or not there', () => {
    writeFileSync(path, ' '.repeat(300_000));
    for (const name of [path, folder, join(folder, 'nothing')])
      expect(() => readKeyFile(name, { now, refuseExposed: false })).toThrow(
        expect.objectContaining({ fault: 'unreadable' }),
      );
  });

  it('stamps every change of content and mode', () => {
    createKeyFile(path, [createKey(secret, now)], now);
    const stamp = () => readKeyFile(path, { now, refuseExposed: false }).stamp;
    const first = stamp();
    expect(stamp()).toBe(first);
    chmodSync(path, 0o640);
    const second = stamp();
    changeKeyFile(path, now, (entries) => announceKey(entries, change));
    expect(new Set([first, second, stamp()]).size).toBe(3);
  });
});
