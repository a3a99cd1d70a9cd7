import { readFileSync, renameSync, rmSync } from 'node:fs';
import { afterEach, describe, expect, it, vi } from 'vitest';

import { createPemFolder } from '../../../test/support/pem-folder.ts';
import { PemFileError } from './pem-files.ts';
import { type PemWatch, watchPemFiles } from './pem-watch.ts';

const files = createPemFolder();
const watches: PemWatch<unknown>[] = [];

afterEach(() => {
  for (const watch of watches.splice(0)) watch.close();
});

/** Watches two files that fit when they begin with the same letter. */
function watch() {
  const [changes, refusals]: [string[], string[]] = [[], []];
  const [one, two] = [files.write('one', 'a1'), files.write('two', 'a2')];
  const watched = watchPemFiles<string>({
    files: [one, two],
    read() {
      const problem = { problem: 'is wrong', fix: 'repair it' };
      try {
        const [first = '', second = ''] = [one, two].map((path) => readFileSync(path, 'utf8'));
        if (first[0] === second[0]) return first + second;
      } catch {
        throw new PemFileError('key', 'unreadable', problem);
      }
      throw new PemFileError('key', 'mismatched', problem);
    },
    onChange: (value) => changes.push(value),
    onRefused: ({ fault }) => refusals.push(fault),
    pollMilliseconds: 25,
  });
  watches.push(watched);
  return { watched, changes, refusals };
}

describe('a watch over PEM files', () => {
  it('tells what they held at the start, and nothing while they stay as they are', async () => {
    const { watched, changes, refusals } = watch();
    expect(watched.first).toBe('a1a2');
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect([changes, refusals]).toEqual([[], []]);
  });

  it('tells once of a change, also of a file that another one takes the place of', async () => {
    const { changes, refusals } = watch();
    await new Promise((resolve) => setTimeout(resolve, 50));
    renameSync(files.write('next', 'a3'), files.path('one'));
    await vi.waitFor(() => expect(changes).toEqual(['a3a2']));
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect(changes).toEqual(['a3a2']);
    expect(refusals).toEqual([]);
  });

  it('tells once of files that do not fit, and goes on looking', async () => {
    const { changes, refusals } = watch();
    await new Promise((resolve) => setTimeout(resolve, 50));
    files.write('one', 'b1');
    await vi.waitFor(() => expect(refusals).toEqual(['mismatched']));
    rmSync(files.path('two'));
    await vi.waitFor(() => expect(refusals).toEqual(['mismatched', 'unreadable']));
    files.write('two', 'b2');
    await vi.waitFor(() => expect(changes).toEqual(['b1b2']));
    expect(refusals).toHaveLength(2);
  });

  it('reads at once what it is told to', () => {
    const { watched, changes, refusals } = watch();
    files.write('one', 'b1');
    watched.check();
    files.write('two', 'b2');
    watched.check();
    expect([changes, refusals]).toEqual([['b1b2'], ['mismatched']]);
  });
});
