import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { type FileWatch, watchFiles } from './file-watch.ts';

let folder: string;
let watch: FileWatch | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gatehouse-files-'));
});

afterEach(() => {
  watch?.close();
  rmSync(folder, { recursive: true });
});

const at = (name: string): string => join(folder, name);

describe('watchFiles', () => {
  it('tells of a file that comes, changes and goes', async () => {
    const onChange = vi.fn();
    watch = watchFiles({ files: () => [at('one')], onChange, tellFirst: true, pollMilliseconds: 5 });
    await vi.waitFor(() => expect(onChange).toHaveBeenCalledTimes(1));
    writeFileSync(at('one'), 'a');
    await vi.waitFor(() => expect(onChange).toHaveBeenCalledTimes(2));
    writeFileSync(at('one'), 'ab');
    await vi.waitFor(() => expect(onChange).toHaveBeenCalledTimes(3));
    rmSync(at('one'));
    await vi.waitFor(() => expect(onChange).toHaveBeenCalledTimes(4));
  });

  it('looks at the files that are named by then', async () => {
    const onChange = vi.fn();
    let files = [at('one')];
    watch = watchFiles({ files: () => files, onChange, tellFirst: true, pollMilliseconds: 5 });
    await vi.waitFor(() => expect(onChange).toHaveBeenCalledTimes(1));
    files = [at('one'), at('two')];
    await vi.waitFor(() => expect(onChange).toHaveBeenCalledTimes(2));
    writeFileSync(at('two'), 'a');
    await vi.waitFor(() => expect(onChange).toHaveBeenCalledTimes(3));
  });
});
