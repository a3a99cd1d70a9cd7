import { describe, expect, it } from 'vitest';

import { loadConfig } from '../load-config.ts';
import { ConfigError } from '../setting.ts';
import type { GatehouseConfig } from '../config.ts';
import { soundEnvironment } from '../../../../test/support/configuration.ts';

const { UPSTREAM_MCP_URL: _, ...environment } = soundEnvironment;

function load(
  yaml: string,
  files: Readonly<Record<string, string>> = {},
  env: Readonly<Record<string, string>> = {},
): GatehouseConfig {
  return loadConfig({ ...environment, GATEHOUSE_CONFIG: 'g.yaml', ...env }, (path) => {
    const text = { ...files, 'g.yaml': yaml }[path];
    if (text === undefined) throw new Error('no such file');
    return text;
  });
}

/** `line: what problem` of each. */
function complaintsAbout(...parameters: Parameters<typeof load>): string[] {
  try {
    load(...parameters);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map(
      ({ place, variable, problem }) => `${place?.line ?? '-'}: ${variable} ${problem}`,
    );
  }
}

/** Mounts of the lines given, each with what it needs unless it says so itself. */
function mounts(...entries: readonly Readonly<Record<string, unknown>>[]): string {
  const usual = (index: number) => ({
    name: `m${index}`,
    url: `/m${index}`,
    upstream: 'http://127.0.0.1:3000/mcp',
  });
  return JSON.stringify({ mounts: entries.map((entry, index) => ({ ...usual(index), ...entry })) }, null, 1);
}

function complaintsAboutMounts(...entries: readonly Readonly<Record<string, unknown>>[]): string[] {
  return complaintsAbout(mounts(...entries)).map((line) => line.replace(/^\d+: /, ''));
}

describe('mounts of the file', () => {
  it('come in their order, what they do not say from the settings', () => {
    const config = load(
      mounts(
        { title: 'Files', url: '/files/mcp/', timeouts: { connect: '2s' }, default: true },
        {
          url: 'https://Search.example:443/mcp',
          upstream: 'https://search.internal/api/mcp',
          upstream_authorization_file: '/s',
          max_body_bytes: 1000,
          allowed_origins: ['https://app.example'],
          tls: { ca_file: '/ca.pem' },
          timeouts: { headers: '90s', idle: '5s' },
        },
      ),
      { '/s': 'Bearer of-search\n' },
      { UPSTREAM_CONNECT_TIMEOUT: '7s', MAX_BODY_BYTES: '77', ALLOWED_ORIGINS: 'https://all.example' },
    );
    expect(config.mounts).toMatchObject([
      {
        name: 'm0',
        publicOrigin: 'https://gatehouse.test',
        path: '/files/mcp',
        isDefault: true,
        title: 'Files',
        upstream: {
          origin: 'http://127.0.0.1:3000',
          path: '/mcp',
          authorization: undefined,
          connectTimeoutSeconds: 2,
          headerTimeoutSeconds: 300,
          maxBodyBytes: 77,
        },
        allowedOrigins: ['https://all.example'],
      },
      {
        name: 'm1',
        publicOrigin: 'https://search.example',
        path: '/mcp',
        isDefault: false,
        title: undefined,
        upstream: {
          origin: 'https://search.internal',
          path: '/api/mcp',
          authorization: 'Bearer of-search',
          connectTimeoutSeconds: 7,
          headerTimeoutSeconds: 90,
          idleTimeoutSeconds: 5,
          maxBodyBytes: 1000,
          tls: { caFile: '/ca.pem' },
        },
        allowedOrigins: ['https://app.example'],
      },
    ]);
  });

  it('are the default when they are alone', () => {
    expect(load(mounts({})).mounts[0].isDefault).toBe(true);
  });

  it('are what they were without a file when it has none', () => {
    const text = 'settings: { UPSTREAM_MCP_URL: "http://127.0.0.1:3000/mcp" }';
    expect(load(text).mounts).toEqual(loadConfig(soundEnvironment, () => '').mounts);
    expect(complaintsAbout('settings: {}')).toEqual(['-: UPSTREAM_MCP_URL is not set']);
  });

  it.each([
    [{ name: 'a b' }, 'name is no name'],
    [{ name: '' }, 'name is no name'],
    [{ name: 7 }, 'name is not text'],
    [{ url: '/' }, 'url has no path'],
    [{ url: '//files/mcp' }, 'url has a path that is not plain'],
    [{ url: '/a/../mcp' }, 'url has a dot segment in its path'],
    [{ url: '/a b' }, 'url has a path that is not plain'],
    [{ url: '/token' }, 'url has a path at or under /token, which this server answers itself'],
    [{ url: '/.well-known/x' }, 'url has a path at or under /.well-known, which this server answers itself'],
    [
      { url: 'https://gatehouse.test/token' },
      'url has a path at or under /token, which this server answers itself',
    ],
    [
      { url: 'https://a.example/.well-known' },
      'url has a path at or under /.well-known, which this server answers itself',
    ],
    [{ url: 'https://a.example' }, 'url has no path'],
    [{ url: 'https://u:p@a.example/mcp' }, 'url carries user information'],
    [{ url: 'files/mcp' }, 'url is not an http or https URL'],
    [{ url: 'http://a.example/mcp' }, 'url is http on a host that is not loopback'],
    [
      { url: 'https://gatehouse.test:444/mcp' },
      'url is at the host of PROXY_BASE_URL, with another scheme or port',
    ],
    [{ upstream: 'http://127.0.0.1:3000' }, 'upstream has no path'],
    [{ upstream: 'http://127.0.0.1:3000/mcp?x=1' }, 'upstream has a query or a fragment'],
    [{ upstream: 'unix:/run/mcp' }, 'upstream is not an http or https URL'],
    [{ title: '' }, 'title is too short'],
    [{ default: 'yes' }, 'default is not true or false'],
    [{ max_body_bytes: 0 }, 'max_body_bytes is out of range'],
    [{ max_body_bytes: 1.5 }, 'max_body_bytes is not a whole number'],
    [{ timeouts: { headers: '2h' } }, 'timeouts.headers is out of range'],
    [{ timeouts: { total: '2h' } }, 'timeouts.total is no key that is known here'],
    [{ tls: { ca_file: '/ca' } }, 'tls is set, and upstream is http'],
    [{ upstream: 'https://u/mcp', tls: { key_file: '/k' } }, 'tls has one of certificate_file and key_file'],
    [
      { allowed_origins: ['https://a.example/'] },
      'allowed_origins[0] has an entry that is no origin (number 1)',
    ],
    [
      { upstream_authorization_file: '/gone' },
      'upstream_authorization_file names a file that cannot be read',
    ],
    [{ upstream_authorization: 'Bearer x' }, 'upstream_authorization is no key that is known here'],
    [
      { request_headers: { forward: ['Authorization'] } },
      'request_headers.forward[0] is no header that can be let through',
    ],
    [
      { request_headers: { forward: ['cookie'] } },
      'request_headers.forward[0] is no header that can be let through',
    ],
    [
      { request_headers: { set: { 'X-User-Sub': 'a' } } },
      'request_headers.set.X-User-Sub is no header that can be set',
    ],
    [
      { request_headers: { set: { Connection: 'close' } } },
      'request_headers.set.Connection is no header that can be set',
    ],
    [{ request_headers: { set: { 'x-a': 'b\n' } } }, 'request_headers.set.x-a is not a header value'],
    [
      { request_headers: { set: { 'x-a': 'b', 'X-A': 'b' } } },
      'request_headers.set.X-A is said twice of one header',
    ],
    [
      { request_headers: { set_from_files: { 'x-a': '/gone' } } },
      'request_headers.set_from_files.x-a names a file that cannot be read',
    ],
    [
      { response_headers: { remove: ['content-type'] } },
      'response_headers.remove[0] is no header that can be kept back',
    ],
    [{ scopes: { 'a b': { default: true } } }, 'scopes.… is no scope'],
    [{ scopes: { offline_access: { default: true } } }, 'scopes.offline_access is no scope of a server'],
    [{ scopes: { a: { includes: ['b'], default: true } } }, 'scopes.a.includes[0] is no scope of this mount'],
    [{ scopes: { a: { includes: ['a'], default: true } } }, 'scopes.a.includes[0] is the scope itself'],
    [{ scopes: { a: {} } }, 'scopes has no scope that is asked for at first'],
    [
      { scopes: { a: { includes: ['b'], default: true }, b: { includes: ['c'] }, c: { includes: ['a'] } } },
      'scopes.a.includes leads back to itself: a → b → c → a',
    ],
    [
      { scopes: { a: { default: true }, b: { required: true } } },
      'scopes.b.required is needed for every call, and first logins do not ask for it',
    ],
  ])('%j is refused', (entry, complaint) => {
    expect(complaintsAboutMounts(entry)).toEqual([`mounts[0].${complaint}`]);
  });

  it.each([
    ['the same name', [{ name: 'a' }, { name: 'a' }], 'name is the name of another mount'],
    [
      'two defaults',
      [{ default: true }, { default: true }],
      'default is true, and so is that of another mount',
    ],
    ['the same path', [{ url: '/a' }, { url: '/a/' }], 'url is that of another mount'],
    ['a path below', [{ url: '/a' }, { url: '/a/b' }], 'url is above or below that of another mount'],
    ['a path above', [{ url: '/a/b' }, { url: '/a' }], 'url is above or below that of another mount'],
    [
      'the same in full',
      [{ url: '/a' }, { url: 'https://GATEHOUSE.test/a' }],
      'url is that of another mount',
    ],
    [
      'the same host',
      [{ url: 'https://h.example/a' }, { url: 'https://h.example:443/a' }],
      'url is that of another mount',
    ],
    [
      'the same host with another port',
      [{ url: 'https://h.example/a' }, { url: 'https://h.example:8443/b' }],
      'url is at the host of another mount, with another scheme or port',
    ],
  ])('%s of two mounts is refused', (_name, entries, complaint) => {
    expect(complaintsAboutMounts(...entries)).toEqual([`mounts[1].${complaint}`]);
  });

  it('may have one path at several hosts, and paths that begin alike', () => {
    const entries = [
      { url: '/a' },
      { url: '/ab' },
      { url: 'https://h.example/a' },
      { url: 'https://i.example/a' },
    ];
    expect(complaintsAboutMounts(...entries)).toEqual([]);
  });

  it.each(['UPSTREAM_MCP_URL', 'UPSTREAM_AUTHORIZATION_HEADER', 'MCP_RESOURCE_NAME'])(
    'are refused together with %s',
    (variable) => {
      const value = 'http://127.0.0.1:3000/mcp';
      const complaint = `${variable} is set, and the configuration file has mounts`;
      expect(complaintsAbout(mounts({}), {}, { [variable]: value })).toEqual([`-: ${complaint}`]);
    },
  );

  it('are refused together with problems of the settings, each with its line', () => {
    const text = `settings:\n  LISTEN_ADDR: nowhere\n  WORKERS: 0\nmounts:\n- name: a\n  url: /a\n`;
    expect(complaintsAbout(text, {}, { OIDC_CLIENT_ID: '' }).toSorted()).toEqual(
      [
        '5: mounts[0].upstream is missing',
        '3: settings.WORKERS is out of range',
        '2: settings.LISTEN_ADDR is not a listen address',
        '-: OIDC_CLIENT_ID is not set',
      ].toSorted(),
    );
  });

  it('are refused with authorities that vouch for none of their upstreams', () => {
    expect(complaintsAbout(mounts({}), {}, { UPSTREAM_CA_FILE: '/ca' })).toEqual([
      '-: UPSTREAM_CA_FILE is set, and no upstream is https',
    ]);
  });

  it('have the headers that they ask for', () => {
    const { headers } = load(
      mounts({
        request_headers: {
          forward: ['X-Tenant'],
          set: { 'X-Zone': 'eu' },
          set_from_files: { 'X-Api-Key': '/k' },
        },
        response_headers: { remove: ['ETag'] },
        identity_headers: false,
      }),
      { '/k': 'key\n' },
    ).mounts[0];
    expect(headers).toEqual({
      forward: ['x-tenant'],
      set: [
        ['x-zone', 'eu'],
        ['x-api-key', 'key'],
      ],
      drop: ['etag'],
      identity: false,
    });
  });

  it('have scopes, with those that are granted when none is named', () => {
    const scopes = {
      read: { description: 'Read files', default: true },
      write: { includes: ['read'] },
    };
    expect(load(mounts({ scopes })).mounts[0].scopes).toMatchObject({
      declared: [
        { name: 'read', description: 'Read files', includes: [] },
        { name: 'write', includes: ['read'] },
      ],
      defaults: ['read'],
    });
  });

  it('ask at first for what every call needs, unless they say more', () => {
    const rulesOf = (scopes: object) => load(mounts({ scopes })).mounts[0].scopes;

    expect(rulesOf({ use: { required: true }, more: {} })).toMatchObject({
      required: ['use'],
      defaults: ['use'],
    });
    expect(rulesOf({ use: { required: true }, more: { default: true, includes: ['use'] } })).toMatchObject({
      required: ['use'],
      defaults: ['more'],
    });
    expect(rulesOf({})).toEqual({ declared: [], defaults: [], required: [] });
  });

  it('warn of an upstream in clear text, by name', () => {
    const { warnings } = load(mounts({ name: 'far', upstream: 'http://10.0.0.7/mcp' }));
    expect(warnings).toContainEqual(
      expect.objectContaining({ event: 'upstream_cleartext', message: expect.stringContaining('mount far') }),
    );
  });

  it('warn when there are several and none is the default', () => {
    const events = load(mounts({}, {})).warnings.map(({ event }) => event);
    expect(events).toContain('default_mount_unset');
  });

  it('show nothing of the authorities of https upstreams to others', () => {
    const { mounts: found } = load(
      mounts({}, { upstream: 'https://u.example/mcp' }),
      {},
      { UPSTREAM_CA_FILE: '/ca' },
    );
    expect(found.map(({ upstream }) => upstream.tls.caFile)).toEqual([undefined, '/ca']);
  });
});
