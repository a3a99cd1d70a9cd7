import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { soundEnvironment } from '../../test/support/configuration.ts';
import { createServerConfigSource } from './process-config.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gatehouse-source-'));
  path = join(folder, 'g.yaml');
  const own = { GATEHOUSE_CONFIG: path, STORE_PATH: join(folder, 'store.sqlite'), UPSTREAM_MCP_URL: '' };
  const env = { ...soundEnvironment, ...own };
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
  writeFileSync(path, 'mounts: [{ name: first, url: /mcp, upstream: "http://127.0.0.1:9/mcp" }]\n');
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

describe('the configuration of a server', () => {
  it('is read again, and what it was read from is known', () => {
    const source = createServerConfigSource();
    expect(source.load().mounts).toHaveLength(1);
    expect(source.load().mounts).toHaveLength(1);
    expect(source.filesRead()).toEqual([path]);
  });

  it.each([
    ['a pipe that nobody writes into', (at: string) => execFileSync('/usr/bin/mkfifo', [at])],
    ['a device without an end', (at: string) => symlinkSync('/dev/zero', at)],
  ])('is not waited for when it has become %s', (_what, make) => {
    const source = createServerConfigSource();
    source.load();
    rmSync(path);
    make(path);
    expect(() => source.load()).toThrow('GATEHOUSE_CONFIG names a file that cannot be read');
  });
});
