import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { readRegularFile } from './read-regular-file.ts';
import { describeUnreadable } from './unreadable-file.ts';

function whatOf(read: () => unknown): string {
  try {
    read();
  } catch (error) {
    return describeUnreadable(error).what;
  }
  throw new Error('it was read');
}

describe('describeUnreadable', () => {
  it.each<[string, (path: string) => unknown]>([
    ['readFileSync', (path) => readFileSync(path, 'utf8')],
    ['readRegularFile', (path) => readRegularFile(path, 100)],
  ])('tells apart what %s says', (_, read) => {
    expect(whatOf(() => read(tmpdir()))).toBe('is a folder');
    expect(whatOf(() => read(join(import.meta.dirname, 'none')))).toBe('is not there');
    expect(whatOf(() => read(join(import.meta.filename, 'none')))).toBe('is not there');
  });

  it('says nothing else of what it was told', () => {
    const closed = Object.assign(new Error('canary'), { code: 'EACCES' });
    expect(JSON.stringify(describeUnreadable(closed))).not.toContain('canary');
    expect(describeUnreadable(closed).what).toBe('may not be read by this process');
    expect(describeUnreadable('canary').what).toBe('cannot be read');
  });
});
