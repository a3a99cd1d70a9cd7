import { describe, expect, it } from 'vitest';

import { soundEnvironment } from '../../../../test/support/configuration.ts';
import type { GatehouseConfig } from '../config.ts';
import { loadConfig } from '../load-config.ts';
import { ConfigError } from '../setting.ts';

const { UPSTREAM_MCP_URL: _, ...environment } = soundEnvironment;
const sound = { name: 'tenants', url: 'https://*.mcp.test/mcp', upstream: 'http://127.0.0.1:3000/mcp' };

type Entry = Readonly<Record<string, unknown>>;

function load(entries: readonly Entry[], env: Readonly<Record<string, string>> = {}): GatehouseConfig {
  const text = JSON.stringify({ mounts: entries });
  return loadConfig({ ...environment, GATEHOUSE_CONFIG: 'g.yaml', ...env }, () => text);
}

function complaintsAbout(entries: readonly Entry[], env: Readonly<Record<string, string>> = {}): string[] {
  try {
    load(entries, env);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map(({ variable, problem }) => `${variable} ${problem}`);
  }
}

describe('a mount at every host that a wildcard matches', () => {
  it.each([
    ['https://*.mcp.test/mcp', 'https://*.mcp.test', '/mcp'],
    ['HTTPS://*.MCP.Test:443/mcp/', 'https://*.mcp.test', '/mcp'],
    ['https://*.mcp.test:8443/a/mcp', 'https://*.mcp.test:8443', '/a/mcp'],
    ['https://*.gatehouse.test/mcp', 'https://*.gatehouse.test', '/mcp'],
    ['http://*.mcp.localhost:8080/mcp', 'http://*.mcp.localhost:8080', '/mcp'],
  ])('is %s', (url, publicOrigin, path) => {
    expect(load([{ ...sound, url }]).mounts[0]).toMatchObject({
      publicOrigin,
      path,
      labels: 'any',
      isDefault: false,
    });
  });

  it('has the labels that it lists', () => {
    expect(load([{ ...sound, labels: ['red', 'blue-2'] }]).mounts[0].labels).toEqual(['red', 'blue-2']);
    expect(load([{ ...sound, url: '/mcp' }]).mounts[0].labels).toBeUndefined();
  });

  it.each([
    'https://*/mcp',
    'https://a.*.test/mcp',
    'https://a*.mcp.test/mcp',
    'https://*a.mcp.test/mcp',
    'https://*.*.test/mcp',
    'https://*.mcp.test/*',
    'https://**.mcp.test/mcp',
    'https://user@*.mcp.test/mcp',
  ])('is not %s', (url) => {
    expect(complaintsAbout([{ ...sound, url }])).toEqual([
      'mounts[0].url has a * that is not the first label of its host',
    ]);
  });

  it.each([
    ['https://*.com/mcp', 'has a * without two labels behind it'],
    ['https://*.localhost/mcp', 'has a * without two labels behind it'],
    ['https://*.mcp.test./mcp', 'has a * without two labels behind it'],
    ['https://*.10.0.0.1/mcp', 'has a * before an address'],
    ['https://*.1/mcp', 'has a * before an address'],
    ['https://*.[::1]/mcp', 'has a * before an address'],
    ['https://*.mcp.test', 'has no path'],
    ['https://*.mcp.test/a/../b', 'has a dot segment in its path'],
    ['http://*.mcp.test/mcp', 'is http on a host that is not loopback'],
    ['http://*.localhost.test/mcp', 'is http on a host that is not loopback'],
    ['ftp://*.mcp.test/mcp', 'has a * that is not the first label of its host'],
    [
      'https://*.mcp.test/.well-known/x',
      'has a path at or under /.well-known, which this server answers itself',
    ],
  ])('cannot be %s', (url, problem) => {
    expect(complaintsAbout([{ ...sound, url }])).toEqual([`mounts[0].url ${problem}`]);
  });

  it.each([
    [{ default: true }, 'default is true, and the mount is at many hosts'],
    [{ labels: [] }, 'labels is too short'],
    [{ labels: ['a', 'B'] }, 'labels[1] is no label of a host'],
    [{ labels: ['a.b'] }, 'labels[0] is no label of a host'],
    [{ labels: ['*'] }, 'labels[0] is no label of a host'],
    [{ labels: ['xn--dmin-7cd'] }, 'labels[0] is no label of a host'],
    [{ url: '/mcp', labels: ['a'] }, 'labels is set, and url has no *'],
    [{ url: '/mcp', upstream: 'http://{label}.test/mcp' }, 'upstream has {label}, and url has no *'],
    [
      { accepts: { jwt: { issuer: 'https://issuer.test' } } },
      'accepts is set, and the mount is at many hosts',
    ],
  ])('with %j is refused', (change, complaint) => {
    expect(complaintsAbout([{ ...sound, ...change }])).toEqual([`mounts[0].${complaint}`]);
  });

  it.each([
    ['the same', { url: 'https://*.MCP.test:443/mcp/' }, 'is that of another mount'],
    ['a path below', { url: 'https://*.mcp.test/mcp/x' }, 'is above or below that of another mount'],
    [
      'another port',
      { url: 'https://*.mcp.test:8443/x' },
      'is at the host of another mount, with another scheme or port',
    ],
  ])('is refused beside %s', (_name, change, problem) => {
    const second = { ...sound, name: 'second', ...change };
    expect(complaintsAbout([sound, second])).toEqual([`mounts[1].url ${problem}`]);
  });

  it('goes with other paths, deeper wildcards, hosts of their own and the issuer below it', () => {
    const others = ['https://*.mcp.test/wiki', 'https://*.a.mcp.test/mcp', 'https://a.mcp.test:8443/mcp'];
    const entries = others.map((url, index) => ({ ...sound, name: `m${index}`, url }));
    expect(complaintsAbout([sound, ...entries])).toEqual([]);
    expect(complaintsAbout([{ ...sound, url: 'https://*.example.test/mcp' }])).toEqual([]);
  });

  it('does not go with hosts under which the issuer is asked', () => {
    const refused = ['mounts[0].url matches a host of ALLOWED_HOSTS, under which PROXY_BASE_URL is asked'];
    expect(complaintsAbout([sound], { ALLOWED_HOSTS: 'a.mcp.test' })).toEqual(refused);
    expect(complaintsAbout([sound], { ALLOWED_HOSTS: 'b.test,A.mcp.test:8080' })).toEqual(refused);
    expect(complaintsAbout([sound], { ALLOWED_HOSTS: 'a.b.mcp.test,mcp.test' })).toEqual([]);
    const below = { ALLOWED_HOSTS: 'login.mcp.test:8443', PROXY_BASE_URL: 'https://login.mcp.test' };
    expect(complaintsAbout([sound], below)).toEqual([]);
  });

  it('is nobody who names no resource, and says so', () => {
    const { mounts, warnings } = load([sound]);
    expect(mounts[0].isDefault).toBe(false);
    expect(warnings.map(({ event }) => event)).toContain('default_mount_unset');
  });
});

describe('the upstream of a mount at many hosts', () => {
  it.each([
    ['http://{label}.internal:8080/mcp', 'http://{label}.internal:8080', '/mcp'],
    ['http://MCP-{label}-x.svc.internal/mcp', 'http://mcp-{label}-x.svc.internal', '/mcp'],
    ['https://tenants.test/t/{label}/mcp', 'https://tenants.test', '/t/{label}/mcp'],
    ['https://tenants.test/t-{label}', 'https://tenants.test', '/t-{label}'],
    ['http://127.0.0.1:3000/{label}', 'http://127.0.0.1:3000', '/{label}'],
  ])('may be %s', (upstream, origin, path) => {
    expect(load([{ ...sound, upstream }]).mounts[0].upstream).toMatchObject({ origin, path });
  });

  it.each([
    'http://{label}/mcp',
    'http://{label}:8080/mcp',
    'http://{label}./mcp',
    'http://internal.{label}/mcp',
    'http://x{label}.internal/mcp',
    'http://{label}x.internal/mcp',
    'http://xn--{label}.internal/mcp',
    'http://{label}--x.internal/mcp',
    'http://a_{label}.internal/mcp',
  ])('may not be %s', (upstream) => {
    expect(complaintsAbout([{ ...sound, upstream }])).toEqual([
      'mounts[0].upstream has {label} where it could be more than a label',
    ]);
  });

  it.each([
    ['http://{label}.{label}.internal/mcp', 'has {label} twice'],
    ['http://{label}.internal/{label}', 'has {label} twice'],
    ['http://Label-of-the-host.{label}.internal/mcp', 'has {label} twice'],
    ['http://10.0.0.{label}/mcp', 'has {label} where it could be more than a label'],
    ['http://{label}.7/mcp', 'is not an http or https URL'],
    ['http://{label}.internal:{label}/mcp', 'has {label} twice'],
    ['http://internal:{label}/mcp', 'is not an http or https URL'],
    ['http://{label}@internal/mcp', 'carries user information'],
    ['{label}://internal/mcp', 'is not an http or https URL'],
    ['http://internal/mcp?{label}', 'has a query or a fragment'],
    ['http://internal/mcp/{LABEL}', 'has a path that is not plain'],
    ['http://{LABEL}.internal/mcp', 'has a host that is no name'],
    ['http://internal/{label}/../mcp', 'has a dot segment in its path'],
    ['http://{label}.internal', 'has no path'],
  ])('may not be %s, which %s', (upstream, problem) => {
    expect(complaintsAbout([{ ...sound, upstream }])).toEqual([`mounts[0].upstream ${problem}`]);
  });

  it('is warned of when whoever may sign in chooses its host', () => {
    const events = (change: Entry): readonly string[] =>
      load([{ ...sound, ...change }]).warnings.map(({ event }) => event);

    expect(events({ upstream: 'http://{label}.internal/mcp' })).toContain('wildcard_labels_open');
    expect(events({ upstream: 'http://{label}.internal/mcp', labels: ['a'] })).not.toContain(
      'wildcard_labels_open',
    );
    expect(events({ upstream: 'http://internal/{label}' })).not.toContain('wildcard_labels_open');
  });
});
