import { describe, expect, it } from 'vitest';

import { complaintsOf, load, problemsOf, warningsOf } from '../../../test/support/configuration.ts';

const nobody = { username: undefined, password: undefined };
const authority = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';

describe('REDIS_URL', () => {
  it('makes Redis the store', () => {
    expect(load({ REDIS_URL: 'redis://redis.test:6380/3' }).store).toEqual({
      kind: 'redis',
      keyPrefix: 'mcp-auth-proxy:',
      connection: {
        ...nobody,
        tls: undefined,
        shape: 'standalone',
        address: { host: 'redis.test', port: 6380 },
        database: 3,
      },
    });
  });

  it.each([
    ['redis://', { host: 'localhost', port: 6379 }],
    ['redis://localhost', { host: 'localhost', port: 6379 }],
    ['REDIS://[::1]:7000', { host: '::1', port: 7000 }],
    ['redis://10.0.0.1:7000/', { host: '10.0.0.1', port: 7000 }],
  ])('finds the address in %s', (url, address) => {
    expect(load({ REDIS_URL: url }).store).toMatchObject({ connection: { address, database: 0 } });
  });

  it.each([
    ['rediss://user:p%40ss%3A%2F@redis.test', { username: 'user', password: 'p@ss:/' }],
    ['rediss://:secret@redis.test', { username: undefined, password: 'secret' }],
  ])('finds user and password, decoded, and TLS in %s', (url, access) => {
    const tls = { ca: undefined };
    expect(load({ REDIS_URL: url }).store).toMatchObject({ connection: { ...access, tls } });
  });

  it('takes the database from the parameter db, and warns about parameters of a pool', () => {
    const url = 'redis://localhost?db=4&pool_size=20&read_timeout=500ms';
    expect(load({ REDIS_URL: url }).store).toMatchObject({ connection: { database: 4 } });
    expect(warningsOf({ REDIS_URL: url })).toContain('redis_url_parameter_ignored');
    expect(warningsOf({ REDIS_URL: 'redis://localhost?db=4' })).not.toContain('redis_url_parameter_ignored');
  });

  it.each([
    ['localhost:6379', 'is not a Redis URL'],
    ['http://localhost:6379', 'is not a Redis URL'],
    ['unix:///run/redis.sock', 'is not a Redis URL'],
    ['redis://local host', 'is not a Redis URL'],
    ['redis://localhost:99999', 'is not a Redis URL'],
    ['redis://localhost/main', 'has a database that is no number'],
    ['redis://localhost/1/2', 'has a database that is no number'],
    ['redis://u:%zz@localhost', 'has a user or a password that is not percent-encoded'],
    ['rediss://localhost?skip_verify=true', 'has a parameter that is not known'],
  ])('is refused as %s, without its value', (text, problem) => {
    expect(complaintsOf({ REDIS_URL: text })).toEqual([`REDIS_URL ${problem}`]);
    expect(JSON.stringify(problemsOf({ REDIS_URL: text }))).not.toContain(text);
  });

  it('is read from a file', () => {
    const config = load({ REDIS_URL_FILE: '/run/redis' }, { '/run/redis': 'redis://:secret@redis.test\n' });
    expect(config.store).toMatchObject({ kind: 'redis', connection: { password: 'secret' } });
  });

  it('cannot stand together with STORE_PATH: both are named', () => {
    for (const path of ['./state.sqlite', '/data/gatehouse.sqlite']) {
      expect(complaintsOf({ REDIS_URL: 'redis://localhost', STORE_PATH: path })).toEqual([
        'STORE_PATH is set, and so is REDIS_URL',
      ]);
    }
  });

  it.each([
    ['redis://redis.test', true],
    ['redis://user@redis.test', true],
    ['redis://:secret@redis.test', false],
    ['rediss://redis.test', false],
    ['redis://localhost', false],
    ['redis://127.0.0.1', false],
    ['redis://[::1]', false],
  ])('%s is warned about as unprotected: %s', (url, warned) => {
    expect(warningsOf({ REDIS_URL: url }).includes('redis_unprotected')).toBe(warned);
  });
});

describe('REDIS_CLUSTER_URLS', () => {
  it('names some nodes of one cluster', () => {
    expect(load({ REDIS_CLUSTER_URLS: 'rediss://u:p@a.test:7000, rediss://u:p@b.test:7001' }).store).toEqual({
      kind: 'redis',
      keyPrefix: 'mcp-auth-proxy:',
      connection: {
        username: 'u',
        password: 'p',
        tls: { ca: undefined },
        shape: 'cluster',
        addresses: [
          { host: 'a.test', port: 7000 },
          { host: 'b.test', port: 7001 },
        ],
      },
    });
  });

  it.each([
    [
      'redis://u:p@a.test, redis://u:q@b.test',
      'has entries that differ in more than host and port (number 2)',
    ],
    ['redis://a.test, rediss://b.test', 'has entries that differ in more than host and port (number 2)'],
    ['redis://a.test/1', 'names a database'],
    [',', 'has no entry'],
  ])('is refused as %s', (text, problem) => {
    expect(complaintsOf({ REDIS_CLUSTER_URLS: text })).toEqual([`REDIS_CLUSTER_URLS ${problem}`]);
  });

  it('cannot stand together with REDIS_URL', () => {
    const both = { REDIS_CLUSTER_URLS: 'redis://localhost', REDIS_URL: 'redis://localhost' };
    expect(complaintsOf(both)).toEqual(['REDIS_CLUSTER_URLS is set, and so is REDIS_URL']);
  });
});

describe('REDIS_SENTINEL_URLS', () => {
  const sentinels = 'redis://:guard@a.test:26379, redis://:guard@b.test:26379';

  it('finds the primary by its name, with credentials of its own', () => {
    const config = load({
      REDIS_SENTINEL_URLS: sentinels,
      REDIS_SENTINEL_MASTER: 'main',
      REDIS_USERNAME: 'gatehouse',
      REDIS_PASSWORD: 'secret',
    });
    expect(config.store).toMatchObject({
      connection: {
        shape: 'sentinel',
        username: 'gatehouse',
        password: 'secret',
        tls: undefined,
        primaryName: 'main',
        sentinels: [
          { host: 'a.test', port: 26379 },
          { host: 'b.test', port: 26379 },
        ],
        sentinelAccess: { username: undefined, password: 'guard', tls: undefined },
        database: 0,
      },
    });
  });

  it('needs the name of the primary', () => {
    expect(complaintsOf({ REDIS_SENTINEL_URLS: sentinels })).toEqual([
      'REDIS_SENTINEL_MASTER is not set, and REDIS_SENTINEL_URLS is',
    ]);
  });
});

describe('REDIS_CA', () => {
  it('is read from a file', () => {
    const files = { '/ca.pem': authority };
    const config = load({ REDIS_URL: 'rediss://redis.test', REDIS_CA_FILE: '/ca.pem' }, files);
    expect(config.store).toMatchObject({ connection: { tls: { ca: authority.trimEnd() } } });
  });

  it('is refused when it is no certificate, and warned about without TLS', () => {
    expect(complaintsOf({ REDIS_CA: '/etc/ca.pem' })).toEqual(['REDIS_CA is no certificate']);
    expect(warningsOf({ REDIS_CA: authority, REDIS_URL: 'redis://localhost' })).toContain('redis_ca_ignored');
  });
});

describe('REDIS_USERNAME and REDIS_PASSWORD', () => {
  it('are warned about where they do not count', () => {
    const changes = { REDIS_URL: 'redis://localhost', REDIS_PASSWORD: 'secret' };
    expect(warningsOf(changes)).toContain('redis_credentials_ignored');
  });
});

describe('REDIS_REQUIRED', () => {
  it.each(['false', 'False', undefined, ''])('is accepted as %j without Redis', (text) => {
    expect(complaintsOf({ REDIS_REQUIRED: text })).toEqual([]);
  });

  it.each(['true', 'TRUE', 'yes'])('is refused as %s without Redis', (text) => {
    expect(complaintsOf({ REDIS_REQUIRED: text })).toEqual([
      'REDIS_REQUIRED is true, and no Redis is configured',
    ]);
  });

  it('says nothing more when the URL has a problem of its own', () => {
    expect(complaintsOf({ REDIS_REQUIRED: 'true', REDIS_URL: 'nonsense' })).toEqual([
      'REDIS_URL is not a Redis URL',
    ]);
  });

  it('is content with any Redis', () => {
    expect(complaintsOf({ REDIS_REQUIRED: 'true', REDIS_URL: 'redis://localhost' })).toEqual([]);
  });
});

describe('REDIS_KEY_PREFIX', () => {
  it.each(['', 'mcp:', ' ~!"#$%&()*+,-./:;<=>?@[]^_`|'])('is taken as %j', (text) => {
    const changes = { REDIS_URL: 'redis://localhost', REDIS_KEY_PREFIX: text };
    expect(load(changes).store).toMatchObject({ keyPrefix: text });
  });

  it.each(['a{b', 'a}b', 'a\tb', 'ä', 'a\0', 'a\n'])('is refused as %j', (text) => {
    expect(complaintsOf({ REDIS_KEY_PREFIX: text })).toEqual([
      'REDIS_KEY_PREFIX has characters that are not allowed',
    ]);
  });
});
