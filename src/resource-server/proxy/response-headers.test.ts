import { describe, expect, it } from 'vitest';

import { buildResponseHead } from './response-headers.ts';

function fields(rawHeaders: readonly string[]): Record<string, string> {
  const head = buildResponseHead(rawHeaders);
  if (head === undefined) throw new Error('refused');
  return Object.fromEntries(
    head.headers.flatMap((name, index) =>
      index % 2 === 0 ? [[name, head.headers[index + 1] as string]] : [],
    ),
  );
}

describe('headers for the client', () => {
  it.each([
    ['Content-Type', 'application/json; charset=utf-8'],
    ['Content-Encoding', 'gzip'],
    ['Content-Language', 'de'],
    ['Cache-Control', 'private, max-age=5'],
    ['ETag', '"x"'],
    ['Last-Modified', 'Sat, 21 Nov 2026 00:00:00 GMT'],
    ['Expires', '0'],
    ['Vary', 'Accept'],
    ['Retry-After', '7'],
    ['Allow', 'POST'],
    ['Mcp-Session-Id', 's'],
    ['MCP-Protocol-Version', '2025-11-25'],
    ['X-RateLimit-Remaining', '3'],
    ['RateLimit', 'x'],
    ['RateLimit-Policy', 'x'],
  ])('let %s pass unchanged', (name, value) => {
    expect(fields([name, value])).toEqual({ [name.toLowerCase()]: value });
  });

  it.each([
    'Set-Cookie',
    'Set-Cookie2',
    'Content-Length',
    'X-Content-Type-Options',
    'WWW-Authenticate',
    'Proxy-Authenticate',
    'Server',
    'X-Powered-By',
    'Via',
    'Location',
    'Access-Control-Allow-Origin',
    'Access-Control-Allow-Credentials',
    'Access-Control-Expose-Headers',
    'Clear-Site-Data',
    'Strict-Transport-Security',
    'Content-Security-Policy',
    'Refresh',
    'Service-Worker-Allowed',
    'SourceMap',
    'Alt-Svc',
    'Link',
    'Report-To',
    'NEL',
    'X-Request-Id',
    'X-Frame-Options',
    'Connection',
    'Keep-Alive',
    'Transfer-Encoding',
    'Trailer',
    'Upgrade',
    'Mcp_Session_Id',
    'X-User-Sub',
    'Authorization',
  ])('stop %s', (name) => {
    expect(fields([name, 'x'])).toEqual({});
  });

  it('join lines of a list and refuse two media types or sessions', () => {
    expect(fields(['Vary', 'Accept', 'vary', 'Cookie'])).toMatchObject({ vary: 'Accept, Cookie' });
    expect(buildResponseHead(['Content-Type', 'a/b', 'Content-Type', 'a/b'])).toBeUndefined();
    expect(buildResponseHead(['Mcp-Session-Id', 'a', 'Mcp-Session-Id', 'b'])).toBeUndefined();
  });

  it('never hold a line break or a control', () => {
    expect(fields(['ETag', 'a\r\nSet-Cookie: x=y'])).toEqual({});
    expect(fields(['ETag', 'a\u0000'])).toEqual({});
  });
});

describe('an event stream', () => {
  it.each([
    [undefined, 'no-cache, no-transform'],
    ['no-cache', 'no-cache, no-transform'],
    ['no-store, no-transform', 'no-store, no-transform'],
    ['No-Transform', 'No-Transform'],
  ])('with Cache-Control %j goes out with %j', (sent, passed) => {
    const raw = ['Content-Type', 'text/event-stream; charset=utf-8', 'X-Accel-Buffering', 'yes'];
    if (sent !== undefined) raw.push('Cache-Control', sent);
    expect(fields(raw)).toMatchObject({ 'cache-control': passed, 'x-accel-buffering': 'no' });
    expect(buildResponseHead(raw)?.eventStream).toBe(true);
  });
});

describe('a document', () => {
  it.each([
    'text/html',
    'TEXT/HTML; charset=utf-8',
    'image/svg+xml',
    'application/xhtml+xml',
    'text/xml',
    'x',
  ])('of type %s is kept from running on our origin', (type) => {
    const result = fields(['Content-Type', type]);
    expect(result['content-security-policy']).toContain('sandbox');
  });

  it.each(['application/json', 'application/problem+json', 'text/event-stream'])(
    'is not what %s is taken for',
    (type) => {
      expect(fields(['Content-Type', type])).not.toHaveProperty('content-security-policy');
    },
  );
});
