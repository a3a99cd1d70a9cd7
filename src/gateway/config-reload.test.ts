import {
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { soundEnvironment } from '../../test/support/configuration.ts';
import { createLogger } from '../platform/telemetry/logger.ts';
import { createMetricsRegistry } from '../platform/telemetry/metrics.ts';
import type { GatehouseConfig } from './config/config.ts';
import { loadConfig } from './config/load-config.ts';
import { type ConfigReload, openConfigReload } from './config-reload.ts';

let folder: string;
let watches: ConfigReload[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gatehouse-config-'));
  watches = [];
});

afterEach(() => {
  for (const watch of watches) watch.close();
  rmSync(folder, { recursive: true });
});

const { UPSTREAM_MCP_URL: _, ...environment } = soundEnvironment;

function mountNamed(name: string, more = ''): string {
  return `  - { name: ${name}, url: /${name}, upstream: "http://127.0.0.1:3000/mcp", default: false${more} }\n`;
}

/** As an editor does it that never leaves half a file behind. */
function write(text: string): void {
  writeFileSync(join(folder, 'next'), text);
  renameSync(join(folder, 'next'), join(folder, 'g.yaml'));
}

/** Watches `g.yaml`, and shows which mounts were gone over to and what was logged. */
function watch(options: { readonly apply?: () => void; readonly path?: string } = {}) {
  const path = options.path ?? join(folder, 'g.yaml');
  let filesRead: string[] = [];
  const applied: string[][] = [];
  const trusted: string[][] = [];
  const lines: Record<string, unknown>[] = [];
  const load = (): GatehouseConfig => {
    filesRead = [];
    return loadConfig({ ...environment, GATEHOUSE_CONFIG: path }, (file) => {
      filesRead.push(file);
      return readFileSync(file, 'utf8');
    });
  };
  const registry = createMetricsRegistry();
  const reload = openConfigReload(load(), {
    source: { load, filesRead: () => filesRead },
    apply(next) {
      options.apply?.();
      applied.push(next.mounts.map(({ name }) => name));
      trusted.push(next.trustedIssuers.map(({ issuer }) => issuer));
    },
    log: createLogger({
      level: 'info',
      destination: { write: (line) => void lines.push(JSON.parse(line) as Record<string, unknown>) },
    }),
    registry,
    clock: { nowSeconds: () => 1_800_000_000 },
    pollMilliseconds: 10,
  });
  watches.push(reload);
  return {
    reload,
    applied,
    trusted,
    logged: (message: string) => lines.filter(({ msg }) => msg === message),
    metric: async (name: string) => (await registry.getSingleMetric(name)?.get())?.values[0]?.value,
  };
}

describe('the configuration file', () => {
  it('is gone over to when it changes', async () => {
    write(`mounts:\n${mountNamed('a')}`);
    const { applied, logged, metric } = watch();
    write(`mounts:\n${mountNamed('a')}${mountNamed('b')}`);
    await vi.waitFor(() => expect(applied).toEqual([['a', 'b']]));
    await vi.waitFor(() => expect(logged('config_reloaded')).toMatchObject([{ mounts: 2 }]));
    expect(logged('default_mount_unset')).toHaveLength(1);
    expect(await metric('gatehouse_config_reload_failed')).toBe(0);
    expect(await metric('gatehouse_config_loaded_timestamp_seconds')).toBe(1_800_000_000);
  });

  it('takes other trusted issuers, or keeps those that there are when one is not acceptable', async () => {
    const issuers = (...names: string[]): string =>
      `mounts:\n${mountNamed('a')}trusted_issuers:\n${names.map((name) => `  - { issuer: "${name}", clients: [app] }\n`).join('')}`;
    write(issuers('https://one.test'));
    const { trusted, logged, metric } = watch();
    write(issuers('https://one.test', 'https://two.test'));
    await vi.waitFor(() => expect(trusted).toEqual([['https://one.test', 'https://two.test']]));
    expect(logged('config_needs_restart')).toEqual([]);
    write(issuers('https://two.test', 'http://plain.test'));
    await vi.waitFor(() => expect(logged('config_reload_refused')).toHaveLength(1));

    expect(trusted).toHaveLength(1);
    expect(await metric('gatehouse_config_reload_failed')).toBe(1);
  });

  it('is gone over to when a link on the way to it is changed', async () => {
    for (const name of ['one', 'two']) writeFileSync(join(folder, name), `mounts:\n${mountNamed(name)}`);
    symlinkSync('one', join(folder, 'data'));
    symlinkSync('data', join(folder, 'g.yaml'));
    const { applied } = watch();
    unlinkSync(join(folder, 'data'));
    symlinkSync('two', join(folder, 'data'));
    await vi.waitFor(() => expect(applied).toEqual([['two']]));
  });

  it('is gone over to when a secret that it names changes', async () => {
    const secret = join(folder, 'secret');
    writeFileSync(secret, 'Bearer one');
    write(`mounts:\n${mountNamed('a', `, upstream_authorization_file: ${secret}`)}`);
    const { applied } = watch();
    writeFileSync(secret, 'Bearer another');
    await vi.waitFor(() => expect(applied).toEqual([['a']]));
  });

  it('changes nothing when it is not acceptable, and every reason is logged once without a value', async () => {
    write(`mounts:\n${mountNamed('a')}`);
    const { applied, logged, metric } = watch();
    write(`mounts:\n${mountNamed('a')}  - { name: b, upstream_authorization: Bearer canary }\n`);
    await vi.waitFor(() => expect(logged('config_reload_refused')).toHaveLength(1));
    const [line] = logged('config_reload_refused');
    expect(line).toMatchObject({
      level: 'error',
      problems: [
        expect.stringMatching(/g\.yaml:3:5: mounts\[1\]\.url is missing$/),
        expect.stringMatching(/g\.yaml:3:5: mounts\[1\]\.upstream is missing$/),
        expect.stringMatching(/g\.yaml:3:16: mounts\[1\]\.upstream_authorization is no key/),
      ],
      hints: [
        'add it: it takes text',
        'add it: it takes text',
        expect.stringContaining('upstream_authorization_file'),
      ],
    });
    expect(JSON.stringify(line)).not.toContain('canary');
    expect(await metric('gatehouse_config_reload_failed')).toBe(1);
    write(`mounts:\n${mountNamed('a')}${mountNamed('b')}`);
    await vi.waitFor(() => expect(logged('config_reloaded')).toHaveLength(1));
    expect(applied).toEqual([['a', 'b']]);
    expect(logged('config_reload_refused')).toHaveLength(1);
    expect(await metric('gatehouse_config_reload_failed')).toBe(0);
  });

  it('is taken once the secret that it names is there', async () => {
    write(`mounts:\n${mountNamed('a')}`);
    const { applied, logged } = watch();
    const secret = join(folder, 'late');
    write(`mounts:\n${mountNamed('b', `, upstream_authorization_file: ${secret}`)}`);
    await vi.waitFor(() => expect(logged('config_reload_refused')).toHaveLength(1));
    writeFileSync(secret, 'Bearer late');
    await vi.waitFor(() => expect(applied).toEqual([['b']]));
  });

  it('stays in force when what it asks for cannot be opened', async () => {
    write(`mounts:\n${mountNamed('a')}`);
    const { applied, logged, metric } = watch({
      apply() {
        throw new TypeError('canary');
      },
    });
    write(`mounts:\n${mountNamed('b')}`);
    await vi.waitFor(() => expect(logged('config_reload_refused')).toMatchObject([{ error: 'TypeError' }]));
    expect(applied).toEqual([]);
    expect(await metric('gatehouse_config_reload_failed')).toBe(1);
  });

  it('does not move the issuer', async () => {
    write(`mounts:\n${mountNamed('a')}`);
    const { applied, logged, reload } = watch();
    const known = environment['PROXY_BASE_URL'];
    try {
      Object.assign(environment, { PROXY_BASE_URL: 'https://elsewhere.test' });
      await reload.reload();
    } finally {
      Object.assign(environment, { PROXY_BASE_URL: known });
    }
    expect(logged('config_reload_refused')).toMatchObject([
      { problems: ['PROXY_BASE_URL is not what it was at the start'] },
    ]);
    expect(applied).toEqual([]);
  });

  it('says which sections say something else', async () => {
    write(`mounts:\n${mountNamed('a')}`);
    const { logged } = watch();
    write(`entry: { subjects: { deny: [mallory] } }\nmounts:\n${mountNamed('a')}`);
    await vi.waitFor(() => expect(logged('config_reloaded')).toMatchObject([{ changed: ['entry'] }]));
  });

  it('names settings that wait for a restart, and not those that are of mounts', async () => {
    write(`mounts:\n${mountNamed('a')}`);
    const { logged } = watch();
    write(`settings: { LOG_LEVEL: debug, UPSTREAM_HEADER_TIMEOUT: 9s }\nmounts:\n${mountNamed('a')}`);
    await vi.waitFor(() =>
      expect(logged('config_needs_restart')).toMatchObject([{ settings: ['LOG_LEVEL'] }]),
    );
  });

  it('is read when it is asked for, whether it changed or not', async () => {
    write(`mounts:\n${mountNamed('a')}`);
    const { reload, logged, applied } = watch();
    await reload.reload();
    await reload.reload();
    expect(logged('config_reloaded')).toMatchObject([{ changed: [] }, { changed: [] }]);
    expect(applied).toEqual([]);
  });
});
