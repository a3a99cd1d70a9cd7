import { describe, expect, it } from 'vitest';

import { findRedirectTarget, type RedirectAnswer } from './upstream-redirect.ts';

const scope = { origin: 'http://127.0.0.1:3000', mount: '/mcp' };

function find(location: string, changes: Partial<RedirectAnswer> = {}, within = scope): string | undefined {
  const rawHeaders = ['Content-Length', '0', 'Location', location];
  return findRedirectTarget(
    { status: 307, rawHeaders, visited: ['/mcp'], replayable: true, ...changes },
    within,
  );
}

describe('a redirect within the mount', () => {
  it.each([
    ['/mcp/', '/mcp/'],
    ['/mcp/?session=1&x=%2F', '/mcp/?session=1&x=%2F'],
    ['/mcp?x=1', '/mcp?x=1'],
    ['/mcp/v2/stream', '/mcp/v2/stream'],
    ['http://127.0.0.1:3000/mcp/', '/mcp/'],
    ['HTTP://127.0.0.1:3000/mcp/?x=1', '/mcp/?x=1'],
  ])('to %s is followed to these very bytes', (location, target) => {
    expect(find(location)).toBe(target);
  });

  it.each([307, 308])('with %i is followed', (status) => {
    expect(find('/mcp/', { status })).toBe('/mcp/');
  });

  it.each([200, 201, 300, 301, 302, 303, 304, 305, 306, 399, 404])('with %i is not followed', (status) => {
    expect(find('/mcp/', { status })).toBeUndefined();
  });

  it('is followed from the slash to none', () => {
    expect(find('/mcp', { visited: ['/mcp/'] })).toBe('/mcp');
  });

  it('is read from a header in any case', () => {
    expect(find('', { rawHeaders: ['lOCATION', '/mcp/'] })).toBe('/mcp/');
  });

  it.each([
    ['http://mcp.test/mcp/', 'http://mcp.test'],
    ['http://mcp.test:80/mcp/', 'http://mcp.test'],
    ['https://MCP.test:443/mcp/', 'https://mcp.test'],
    ['http://[::1]:3000/mcp/', 'http://[::1]:3000'],
  ])('to %s stays at %s', (location, origin) => {
    expect(find(location, {}, { origin, mount: '/mcp' })).toBe('/mcp/');
  });
});

describe('a redirect out of the mount', () => {
  it.each([
    ['another host', 'http://evil.example/mcp/'],
    ['another host on the same port', 'http://evil.example:3000/mcp/'],
    ['a name of the same host', 'http://localhost:3000/mcp/'],
    ['a host that begins like ours', 'http://127.0.0.1:3000.evil.example/mcp/'],
    ['another port', 'http://127.0.0.1:3001/mcp/'],
    ['the default port', 'http://127.0.0.1/mcp/'],
    ['a port that is none', 'http://127.0.0.1:99999/mcp/'],
    ['https instead of http', 'https://127.0.0.1:3000/mcp/'],
    ['another scheme', 'ftp://127.0.0.1:3000/mcp/'],
    ['a scheme without authority', 'http:/mcp/'],
    ['a script', 'javascript:alert(1)'],
    ['user information', 'http://user:pass@127.0.0.1:3000/mcp/'],
    ['an empty user', 'http://@127.0.0.1:3000/mcp/'],
    ['our origin as user information', 'http://127.0.0.1:3000@evil.example/mcp/'],
    ['an authority without scheme', '//127.0.0.1:3000/mcp/'],
    ['a foreign authority without scheme', '//evil.example/mcp/'],
    ['three slashes', '///evil.example/mcp/'],
    ['backslashes', '\\\\evil.example\\mcp'],
    ['a slash and a backslash', '/\\evil.example/mcp/'],
    ['a backslash before the path', 'http://127.0.0.1:3000\\@evil.example/mcp/'],
    ['an escape in the authority', 'http://127.0.0.1%3a3000/mcp/'],
    ['no path', 'http://127.0.0.1:3000'],
    ['a query in place of the path', 'http://127.0.0.1:3000?/mcp/'],
    ['the root', '/'],
    ['another path', '/admin'],
    ['a path that begins like the mount', '/mcp2'],
    ['a path that begins like the mount, absolute', 'http://127.0.0.1:3000/mcp-admin'],
    ['the mount in another case', '/MCP/'],
    ['dot segments', '/mcp/../admin'],
    ['dot segments that come back', '/x/../mcp/'],
    ['dot segments, absolute', 'http://127.0.0.1:3000/mcp/../admin'],
    ['encoded dot segments', '/mcp/%2e%2e/admin'],
    ['half encoded dot segments', '/mcp/.%2E/admin'],
    ['an encoded slash', '/mcp%2f..%2fadmin'],
    ['an encoded backslash', '/mcp/%5cadmin'],
    ['an escape of an escape', '/mcp/%252e%252e/admin'],
    ['a path parameter', '/mcp/..;/admin'],
    ['an empty segment', '/mcp//'],
    ['a fragment', '/mcp/#x'],
    ['a blank', '/mcp/ x'],
    ['a blank in front', ' /mcp/'],
    ['a tab', '/mcp/\tx'],
    ['the end of a line', '/mcp/\r\nX-User-Sub: root'],
    ['a NUL', '/mcp/\0'],
    ['bytes beyond ASCII', '/mcp/\u00e9'],
    ['a relative path', 'mcp/'],
    ['a relative path with a dot', './mcp/'],
    ['a query alone', '?x=1'],
    ['a token in the query', '/mcp/?access_token=x'],
    ['nothing', ''],
    ['more than a target may hold', `/mcp/${'x'.repeat(9000)}`],
  ])('to %s is not followed', (_what, location) => {
    expect(find(location)).toBeUndefined();
  });

  it('from https to http is not followed', () => {
    const within = { origin: 'https://mcp.test', mount: '/mcp' };
    expect(find('http://mcp.test/mcp/', {}, within)).toBeUndefined();
    expect(find('http://mcp.test:443/mcp/', {}, within)).toBeUndefined();
  });
});

describe('a redirect that cannot be followed', () => {
  it.each([
    ['without a Location', ['Content-Length', '0']],
    ['with two', ['Location', '/mcp/', 'Location', '/mcp/a']],
    ['with the same one twice', ['Location', '/mcp/', 'location', '/mcp/']],
    ['with two in one line', ['Location', '/mcp/, /mcp/a b']],
  ])('is one %s', (_what, rawHeaders) => {
    expect(find('', { rawHeaders })).toBeUndefined();
  });

  it('is one of a call that cannot be sent again', () => {
    expect(find('/mcp/', { replayable: false })).toBeUndefined();
  });

  it.each([
    ['to the same target', '/mcp', ['/mcp']],
    ['back', '/mcp', ['/mcp', '/mcp/']],
    ['back by the absolute form', 'http://127.0.0.1:3000/mcp', ['/mcp', '/mcp/']],
  ])('is one %s', (_what, location, visited) => {
    expect(find(location, { visited })).toBeUndefined();
  });

  it('is the fourth', () => {
    expect(find('/mcp/c', { visited: ['/mcp', '/mcp/a', '/mcp/b'] })).toBe('/mcp/c');
    expect(find('/mcp/d', { visited: ['/mcp', '/mcp/a', '/mcp/b', '/mcp/c'] })).toBeUndefined();
  });
});
