import { describe, expect, it } from 'vitest';

import { createTargetRewrite, createMountFinder, judgeTarget } from './request-target.ts';

const mount = { path: '/mcp' };

const accepted = [
  '/mcp',
  '/mcp/',
  '/mcp/tools',
  '/mcp/a/b/c',
  '/mcp/a/b/',
  '/mcp/server-card',
  '/mcp?',
  '/mcp?x=1',
  '/mcp/?x=1&y=2',
  '/mcp?next=/a/../b',
  '/mcp?x=%2e%2e%2f',
  '/mcp?x=//y;z',
  '/mcp?x[]=1|2',
  '/mcp/a%20b',
  '/mcp/%C3%A9',
  '/mcp/%e2%82%ac',
  "/mcp/a:b@c!$&'()*+,=",
  '/mcp/..a',
  '/mcp/a..',
  '/mcp/...',
  '/mcp/.well-known/x',
  '/mcp/.hidden',
];

const refused = [
  '',
  '*',
  'mcp',
  '/',
  '//mcp',
  '/mcp2',
  '/mcp-admin',
  '/mcpx/y',
  '/MCP',
  '/%6dcp',
  '/mc%70',
  '/mcp;x',
  '/mcp;/admin',
  '/mcp/;x',
  '/mcp/..;/admin',
  '/mcp/a;b=c/d',
  '/mcp%2f',
  '/mcp%2Fadmin',
  '/mcp%2f..%2fadmin',
  '/mcp/..%2fadmin',
  '/mcp/%2f',
  '/mcp/%5cadmin',
  '/mcp/%5Cadmin',
  '/mcp\\admin',
  '/mcp/\\admin',
  '/mcp/..\\admin',
  '/mcp%00',
  '/mcp/%00',
  '/mcp/a%00b',
  '/mcp%23',
  '/mcp#fragment',
  '/mcp/#fragment',
  '/mcp?x#fragment',
  '/mcp/.',
  '/mcp/..',
  '/mcp/./x',
  '/mcp/../x',
  '/mcp/a/..',
  '/mcp/a/../../admin',
  '/mcp/../admin?x',
  '/mcp/..?x',
  '/mcp/%2e',
  '/mcp/%2e%2e',
  '/mcp/%2E%2E/admin',
  '/mcp/.%2e/admin',
  '/mcp/%2e./admin',
  '/mcp/%2e%2e%2fadmin',
  '/mcp/%252e%252e/admin',
  '/mcp/%252fadmin',
  '/mcp/%25',
  '/mcp//',
  '/mcp//admin',
  '/mcp/a//b',
  '/mcp///',
  '/mcp/%61dmin',
  '/mcp/%41',
  '/mcp/%7e',
  '/mcp/%30',
  '/mcp/%3b',
  '/mcp/%3Bx',
  '/mcp/%0d%0aX-User-Sub:%20root',
  '/mcp/%09',
  '/mcp/%1f',
  '/mcp/%7f',
  '/mcp/%c0%af',
  '/mcp/%c0%ae%c0%ae/admin',
  '/mcp/%e0%80%af',
  '/mcp/%ff',
  '/mcp/%ed%a0%80',
  '/mcp/%',
  '/mcp/%2',
  '/mcp/%zz',
  '/mcp?%zz',
  '/mcp/%u002e%u002e',
  '/mcp x',
  '/mcp/ x',
  '/mcp/\tx',
  '/mcp/\u00e9',
  '/mcp/\u2025',
  '/mcp/a\u0000b',
  '/mcp/"x"',
  '/mcp/<x>',
  '/mcp/{x}',
  '/mcp/x^y',
  '/mcp?x=`',
  '/mcp?x=\u00e9',
  'http://gatehouse.test/mcp',
  'HTTP://gatehouse.test/mcp',
  'https://evil.example/mcp',
  'gatehouse.test:443',
  '/../mcp',
  '/./mcp',
  '/x/../mcp',
  '/.well-known/x/../../mcp',
];

describe('the target of a request to the mount', () => {
  it.each(accepted)('accepts %j and forwards these very bytes', (target) => {
    expect(judgeTarget(target, '/mcp')).toEqual({ outcome: 'accepted', target, carriesToken: false });
  });

  it.each(refused)('refuses %j', (target) => {
    expect(judgeTarget(target, '/mcp')).toEqual({ outcome: 'refused', status: 400 });
  });

  it('refuses a target longer than any parser need be asked to hold', () => {
    expect(judgeTarget(`/mcp?${'x'.repeat(9000)}`, '/mcp')).toEqual({ outcome: 'refused', status: 414 });
  });

  it.each(['access_token=x', 'a=1&access_token=', 'Access_Token=x', 'access%5ftoken=x', 'a;access_token=x'])(
    'notices a token in the query %j',
    (query) => {
      expect(judgeTarget(`/mcp?${query}`, '/mcp')).toMatchObject({ outcome: 'accepted', carriesToken: true });
    },
  );

  it('accepts nothing that a URL parser would move', () => {
    for (const target of accepted) {
      const path = target.split('?', 1)[0] as string;
      expect(new URL(target, 'http://upstream').pathname).toBe(path);
    }
  });
});

describe('whose target it is', () => {
  it.each([
    '/mcp',
    '/mcp/',
    '/mcp?x',
    '/mcp/x',
    '/mcp;x',
    '/mcp%2fx',
    '/mcp%00',
    '/mcp\\x',
    '/mcp#x',
    '/mcp//x',
  ])('takes %j for the mount, be it to refuse it', (target) => {
    expect(createMountFinder([mount])(target)).toBe(mount);
  });

  it.each([
    '/',
    '/mc',
    '/mcp2',
    '/mcp-admin',
    '/mcp.json',
    '/mcp_x',
    '/mcp~',
    '/token',
    '//mcp',
    '/MCP',
    'x',
  ])('leaves %j to others', (target) => {
    expect(createMountFinder([mount])(target)).toBeUndefined();
  });
});

describe('the mount of a target, among several', () => {
  const mounts = ['/mcp', '/files/mcp', '/files/other', '/a/b/c', '/a-b'].map((path) => ({ path }));
  const find = createMountFinder(mounts);

  it.each([
    ['/mcp', '/mcp'],
    ['/mcp/files/mcp', '/mcp'],
    ['/mcp?/files/mcp', '/mcp'],
    ['/files/mcp', '/files/mcp'],
    ['/files/mcp/x/y/z', '/files/mcp'],
    ['/files/mcp%2fx', '/files/mcp'],
    ['/files/mcp;a', '/files/mcp'],
    ['/files/other\\', '/files/other'],
    ['/a/b/c/', '/a/b/c'],
    ['/a-b?c', '/a-b'],
    ['/files', undefined],
    ['/files/', undefined],
    ['/files/mcp2', undefined],
    ['/files/mcp2/mcp', undefined],
    ['/files%2fmcp', undefined],
    ['/files//mcp', undefined],
    ['/files/x/mcp', undefined],
    ['/a', undefined],
    ['/a/b', undefined],
    ['/a/b/cc', undefined],
    ['/a?/b/c', undefined],
    ['/x/a/b/c', undefined],
    [`/x${'/x'.repeat(4000)}`, undefined],
    ['', undefined],
    ['*', undefined],
  ])('of %j is %j', (target, path) => {
    expect(find(target)?.path).toBe(path);
  });

  it('is none where there are none', () => {
    expect(createMountFinder([])('/mcp')).toBeUndefined();
  });
});

describe('the way of a target to the upstream', () => {
  it.each([
    ['/files/mcp', '/mcp', '/files/mcp', '/mcp'],
    ['/files/mcp', '/mcp', '/files/mcp/a%20b?c=/files/mcp', '/mcp/a%20b?c=/files/mcp'],
    ['/files/mcp', '/mcp', '/files/mcp?x', '/mcp?x'],
    ['/a', '/a/b', '/a/b', '/a/b/b'],
    ['/mcp', '/mcp', '/mcp/x', '/mcp/x'],
  ])('from %s to %s makes %s to %s', (mount, upstreamPath, target, expected) => {
    expect(createTargetRewrite(mount, upstreamPath)(target)).toBe(expected);
  });
});
