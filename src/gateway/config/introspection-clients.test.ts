import { createHash } from 'node:crypto';

import { describe, expect, it } from 'vitest';

import { complaintsOf, load, problemsOf } from '../../../test/support/configuration.ts';
import { joinConfigs } from './reloadable.ts';

const hash = createHash('sha256').update('secret').digest('hex');

describe('INTROSPECTION_CLIENTS', () => {
  it('is nobody by default', () => {
    expect(load().introspectionClients).toEqual([]);
  });

  it('reads ids and hashes, from a file as well', () => {
    const both = [`upstream:${hash}`, ` b.2:${hash.toUpperCase()} `].join(',');
    const expected = [
      { id: 'upstream', secretHash: Buffer.from(hash, 'hex') },
      { id: 'b.2', secretHash: Buffer.from(hash, 'hex') },
    ];
    expect(load({ INTROSPECTION_CLIENTS: both }).introspectionClients).toEqual(expected);
    const files = { '/clients': `${both}\n` };
    expect(load({ INTROSPECTION_CLIENTS_FILE: '/clients' }, files).introspectionClients).toEqual(expected);
  });

  it('reads whose tokens they may ask about', () => {
    const { introspectionClients } = load({ INTROSPECTION_CLIENTS: `a:${hash}:default,b:${hash}` });
    expect(introspectionClients.map(({ mounts }) => mounts)).toEqual([['default'], undefined]);
  });

  it('refuses a mount that is not there', () => {
    expect(complaintsOf({ INTROSPECTION_CLIENTS: `a:${hash}:default+wiki,b:${hash}:wiki` })).toEqual([
      'INTROSPECTION_CLIENTS names the mount wiki, which is not there',
    ]);
  });

  it.each([
    `upstream:${hash}:`,
    `upstream:${hash}:a+`,
    `upstream:${hash}:a:b`,
    'upstream',
    `upstream:${hash.slice(1)}`,
    `upstream:${hash}0`,
    `:${hash}`,
    'upstream:my-secret',
    `a b:${hash}`,
  ])('refuses %s, and does not repeat it', (text) => {
    expect(complaintsOf({ INTROSPECTION_CLIENTS: text })).toEqual([
      'INTROSPECTION_CLIENTS has an entry that is not id:hash or id:hash:mount (number 1)',
    ]);
    expect(JSON.stringify(problemsOf({ INTROSPECTION_CLIENTS: text }))).not.toContain(text);
  });

  it('refuses the hash of an empty secret', () => {
    const nothing = createHash('sha256').digest('hex').toUpperCase();
    expect(complaintsOf({ INTROSPECTION_CLIENTS: `a:${hash},b:${nothing}` })).toEqual([
      'INTROSPECTION_CLIENTS has an entry whose hash is that of an empty secret (number 2)',
    ]);
  });

  it('refuses an id that comes twice', () => {
    expect(complaintsOf({ INTROSPECTION_CLIENTS: `a:${hash},a:${hash}` })).toEqual([
      'INTROSPECTION_CLIENTS names a resource server twice',
    ]);
  });
});

describe('INTROSPECTION_CLIENTS and a reload', () => {
  const urls = { a: '/a', b: '/b' };
  const loadWith = (mounts: Readonly<Record<string, string>>, clients: string) => {
    const listed = Object.entries(mounts).map(([name, url]) => {
      return { name, url, upstream: 'http://127.0.0.1:3000/mcp', default: url === '/a' };
    });
    const files = { '/g.yaml': JSON.stringify({ mounts: listed }), '/clients': clients };
    const file = { GATEHOUSE_CONFIG: '/g.yaml', UPSTREAM_MCP_URL: undefined };
    return load({ ...file, INTROSPECTION_CLIENTS_FILE: '/clients' }, files);
  };
  const initial = loadWith(urls, `rs:${hash}:b`);

  it.each(['a', 'b'])(
    'refuses names that move: those of the start would be told of tokens that are not theirs (%s)',
    (name) => {
      const next = loadWith({ a: '/b', b: '/a' }, `rs:${hash}:${name}`);
      expect(() => joinConfigs(initial, next)).toThrow(
        /^INTROSPECTION_CLIENTS names the mount b, which is at another URL than at the start/,
      );
    },
  );

  it.each([
    ['clients that change alone', urls, `rs:${hash}:a`],
    ['a mount that goes with its client', { a: '/a' }, `rs:${hash}:a`],
    ['a name that no client has', { c: '/a', b: '/b' }, `rs:${hash}:c`],
  ])('takes %s', (_what, mounts, clients) => {
    const next = loadWith(mounts, clients);
    expect(joinConfigs(initial, next).mounts).toEqual(next.mounts);
  });
});
