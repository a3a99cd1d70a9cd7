import {
  accessSync,
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { findStorePathProblem } from './store-path.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gatehouse-store-path-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

/** With a file system that refuses to let this one path be written, for tests that run as root. */
function complaintAbout(path: string, refused?: string): string | undefined {
  return findStorePathProblem(path, {
    stat: statSync,
    access: (asked, mode) => {
      if (asked === refused) throw Object.assign(new Error('no'), { code: 'EACCES' });
      accessSync(asked, mode);
    },
  })?.problem;
}

describe('findStorePathProblem', () => {
  it('finds none with a file that is there or can be made, and makes none', () => {
    expect(complaintAbout(join(folder, 'store.sqlite'))).toBeUndefined();
    expect(readdirSync(folder)).toEqual([]);
    writeFileSync(join(folder, 'store.sqlite'), '');
    expect(complaintAbout(join(folder, 'store.sqlite'))).toBeUndefined();
  });

  it('names the variable and what to do', () => {
    const path = join(folder, 'missing', 'store.sqlite');
    expect(findStorePathProblem(path, { stat: statSync, access: accessSync })).toEqual({
      variable: 'STORE_PATH',
      problem: 'is in a folder that does not exist',
      fix: 'make the folder, or name a file in one that is there',
    });
  });

  it('sees that what should be the folder is a file', () => {
    writeFileSync(join(folder, 'file'), '');
    expect(complaintAbout(join(folder, 'file', 'store.sqlite'))).toBe('is in a folder that does not exist');
  });

  it('sees a folder that may not be written, with and without the file', () => {
    const problem = 'is in a folder that this process may not write';
    expect(complaintAbout(join(folder, 'store.sqlite'), folder)).toBe(problem);
    writeFileSync(join(folder, 'store.sqlite'), '');
    expect(complaintAbout(join(folder, 'store.sqlite'), folder)).toBe(problem);
  });

  it('sees a folder in place of the file', () => {
    mkdirSync(join(folder, 'store'));
    expect(complaintAbout(join(folder, 'store'))).toBe('is a folder');
  });

  it('sees a file that may not be written, or was made read-only', () => {
    const problem = 'is a file that this process may not read and write';
    const path = join(folder, 'store.sqlite');
    writeFileSync(path, '');
    expect(complaintAbout(path, path)).toBe(problem);
    chmodSync(path, 0o400);
    expect(complaintAbout(path)).toBe(problem);
  });
});
