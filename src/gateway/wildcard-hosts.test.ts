import { describe, expect, it } from 'vitest';

import { createLabelCheck, createWildcardHosts } from './wildcard-hosts.ts';

const wildcard = 'https://*.mcp.test';
const mounts = [
  { publicOrigin: wildcard, labels: 'any' as const },
  { publicOrigin: 'https://*.test', labels: ['a'] },
  { publicOrigin: 'https://*.dev.test:8443', labels: 'any' as const },
  { publicOrigin: 'https://own.mcp.test:9443' },
  { publicOrigin: 'https://gatehouse.test' },
];
const hosts = createWildcardHosts(mounts, 'https://login.mcp.test');

describe('hosts of wildcards', () => {
  it.each([
    ['a.mcp.test', wildcard, 'a'],
    ['a.mcp.test:443', wildcard, 'a'],
    ['127.mcp.test', wildcard, '127'],
    ['mcp.test', 'https://*.test', 'mcp'],
    ['a.dev.test:8443', 'https://*.dev.test:8443', 'a'],
  ])('have in %s one of %s', (host, origin, label) => {
    expect(hosts.find(host)).toEqual({ wildcard: origin, label });
  });

  it.each([
    'A.mcp.test',
    'a.mcp.test.',
    'a.mcp.test:80',
    'a.mcp.test:8443',
    'a.dev.test',
    'a.dev.test:443',
    'a.b.mcp.test',
    '.mcp.test',
    'mcp',
    '',
    '*.mcp.test',
    'a_b.mcp.test',
    'xn--a.mcp.test',
    'own.mcp.test',
    'own.mcp.test:443',
    'login.mcp.test',
    'gatehouse.test',
  ])('have no %s', (host) => {
    expect(hosts.find(host)).toBeUndefined();
  });

  it.each(['a.mcp.test', 'a.b.mcp.test', 'a_b.mcp.test', '.mcp.test', 'mcp.test'])(
    'cover the name %s',
    (name) => {
      expect(hosts.covers(name)).toBe(true);
    },
  );

  it.each(['own.mcp.test', 'login.mcp.test', 'gatehouse.test', 'amcp.example', 'a.mcp.test.example', 'test'])(
    'do not cover the name %s',
    (name) => {
      expect(hosts.covers(name)).toBe(false);
    },
  );
});

describe('names with a label of a wildcard', () => {
  it('are those, on whatever port and with whatever label', () => {
    expect(['a.mcp.test', 'a_b.mcp.test', 'own.mcp.test', 'a.dev.test'].map(hosts.matches)).toEqual([
      true,
      true,
      true,
      true,
    ]);
    expect(['a.b.mcp.test', 'test', 'mcp.example'].map(hosts.matches)).toEqual([false, false, false]);
  });
});

describe('labels of a mount', () => {
  it('are any, or those of the list', () => {
    expect(createLabelCheck('any')('a')).toBe(true);
    expect(createLabelCheck(['a'])('a')).toBe(true);
    expect(createLabelCheck(['a'])('b')).toBe(false);
  });
});
