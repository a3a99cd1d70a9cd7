import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { readRegularFile } from './read-regular-file.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gatehouse-file-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('readRegularFile', () => {
  it('reads a file, through links as well, and tells its stamps', () => {
    const path = join(folder, 'file');
    writeFileSync(path, 'Größe');
    symlinkSync(path, join(folder, 'link'));
    const { text, stats } = readRegularFile(join(folder, 'link'), 7);
    expect([text, stats.size]).toEqual(['Größe', 7n]);
  });

  it('refuses a file that is longer than it may be, without reading it', () => {
    const path = join(folder, 'file');
    writeFileSync(path, '');
    truncateSync(path, 2 ** 40);
    expect(() => readRegularFile(path, 100)).toThrow('no file to read');
  });

  it('refuses a device without an end, a folder, and what is not there', () => {
    expect(() => readRegularFile('/dev/zero', 100)).toThrow('no file to read');
    expect(() => readRegularFile(folder, 100_000)).toThrow(expect.objectContaining({ code: 'EISDIR' }));
    expect(() => readRegularFile(join(folder, 'none'), 100)).toThrow('ENOENT');
  });

  it('does not wait for whoever would write into a pipe', () => {
    const path = join(folder, 'pipe');
    execFileSync('/usr/bin/mkfifo', [path]);
    expect(() => readRegularFile(path, 100)).toThrow('no file to read');
  });
});
