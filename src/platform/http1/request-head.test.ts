import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { RequestHead } from './message-head.ts';
import { parseRequestHead } from './request-head.ts';

function parse(
  lines: readonly string[],
  requestLine = 'POST /mcp HTTP/1.1',
  host = 'Host: a.example',
): RequestHead | undefined {
  return parseRequestHead(`${[requestLine, host, ...lines].map((line) => `${line}\r\n`).join('')}\r\n`);
}

describe('parseRequestHead, RFC 9112 §3', () => {
  it('reads method, target, fields and framing', () => {
    expect(parse(['Accept:\t*/* ', 'content-LENGTH: 12', 'Authorization: Bearer x'])).toEqual({
      method: 'POST',
      target: '/mcp',
      rawHeaders: ['Host', 'a.example', 'Accept', '*/*', 'content-LENGTH', '12', 'Authorization', 'Bearer x'],
      bodyBytes: 12,
      keepAlive: true,
    });
  });

  it.each(['GET', 'DELETE', 'POST'])('takes %s without a body', (method) => {
    expect(parse([], `${method} / HTTP/1.1`)).toMatchObject({ method, bodyBytes: 0 });
    expect(parse(['Content-Length: 0'], `${method} / HTTP/1.1`)).toMatchObject({ method, bodyBytes: 0 });
  });

  it('gives the target as it was sent', () => {
    for (const target of ['/', '//a', '/a/../b', '/a%2Fb?c=d&e', '/!"$%&\'()*+,-.:;<=>?@[\\]^_`{|}~'])
      expect(parse([], `GET ${target} HTTP/1.1`)?.target).toBe(target);
  });

  it('tells whether the sender keeps the connection', () => {
    expect(parse(['Connection: Keep-Alive', 'Keep-Alive: timeout=5'])?.keepAlive).toBe(true);
    expect(parse(['CONNECTION: Close'])?.keepAlive).toBe(false);
  });

  it('takes repeated fields that decide nothing', () => {
    expect(parse(['Cookie: a=b', 'Cookie: c=d', 'Accept: a', 'Accept: b'])?.rawHeaders).toHaveLength(10);
  });

  it('takes values with bytes past ASCII as they are', () => {
    expect(parse(['X: \xa0\xe9\xff\x85'])?.rawHeaders.at(-1)).toBe('\xa0\xe9\xff\x85');
  });

  it.each([
    'HEAD / HTTP/1.1',
    'PUT / HTTP/1.1',
    'PRI * HTTP/2.0',
    'CONNECT a.example:443 HTTP/1.1',
    'post / HTTP/1.1',
    'POSTS / HTTP/1.1',
    'OPTIONS * HTTP/1.1',
    'GET http://a.example/ HTTP/1.1',
    'GET a HTTP/1.1',
    'GET  / HTTP/1.1',
    'GET /  HTTP/1.1',
    'GET /\tHTTP/1.1',
    'GET / a HTTP/1.1',
    'GET /#a HTTP/1.1',
    'GET /\x7f HTTP/1.1',
    'GET /\xe9 HTTP/1.1',
    'GET /\0 HTTP/1.1',
    'GET / HTTP/1.0',
    'GET / HTTP/1.10',
    'GET / http/1.1',
    'GET / HTTP/2.0',
    'GET / HTTP/1.1 ',
    'GET /',
    '',
    ' GET / HTTP/1.1',
  ])('leaves the request line %j to the standard parser', (line) => {
    expect(parse([], line)).toBeUndefined();
  });

  it.each([
    ['two equal lengths', ['Content-Length: 5', 'content-length: 5']],
    ['a list of lengths', ['Content-Length: 5, 5']],
    ['an empty length', ['Content-Length:']],
    ['a signed length', ['Content-Length: -5']],
    ['a length after a no-break space', ['Content-Length: \xa05']],
    ['a length of sixteen digits', ['Content-Length: 0000000000000005']],
    ['a coding', ['Transfer-Encoding: chunked']],
    ['a coding that is none', ['transfer-encoding: identity']],
    ['an expectation', ['Expect: 100-continue']],
    ['an upgrade', ['Connection: upgrade', 'Upgrade: websocket']],
    ['an upgrade that is not asked for', ['UPGRADE: h2c']],
    ['settings of HTTP/2', ['HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA']],
    ['TE', ['TE: trailers']],
    ['an announced trailer', ['Trailer: X']],
    ['Proxy-Connection', ['Proxy-Connection: keep-alive']],
    ['several options of the connection', ['Connection: keep-alive, x']],
    ['an option that names a field', ['Connection: authorization']],
    ['options in two lines', ['Connection: keep-alive', 'Connection: keep-alive']],
    ['no option', ['Connection:']],
    ['a second host', ['Host: a.example']],
    ['two authorizations', ['Authorization: a', 'authorization: a']],
    ['two origins', ['Origin: a', 'ORIGIN: a']],
    ['a blank before the colon', ['X : a']],
    ['a folded line', ['X: a', '\tb']],
    ['a line without a colon', ['X']],
    ['a line without a name', [': a']],
    ['a name that is no token', ['X@: b']],
    ['a name past ASCII', ['\xd8: b']],
    ['a lone CR', ['X: a\rTransfer-Encoding: chunked']],
    ['a lone LF', ['X: a\nTransfer-Encoding: chunked']],
    ['NUL', ['X: a\0b']],
    ['DEL', ['X: \x7f']],
    ['an empty line within', ['', 'X: a']],
  ])('leaves %s to the standard parser', (_, lines) => {
    expect(parse(lines)).toBeUndefined();
  });

  it.each(['Host:', 'Host: a b', 'Host: a/b', 'Host: a@b', 'Host: a,b', 'Host : a', 'X-Host: a'])(
    'leaves %j as the only host to the standard parser',
    (line) => {
      expect(parse([], undefined, line)).toBeUndefined();
    },
  );

  it.each(['GET', 'DELETE'])('leaves %s with a body to the standard parser', (method) => {
    expect(parse(['Content-Length: 1'], `${method} / HTTP/1.1`)).toBeUndefined();
  });

  it('leaves line ends of LF, and anything around the head, to the standard parser', () => {
    const head = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
    expect(parseRequestHead(head)).toBeDefined();
    for (const text of [
      head.replaceAll('\r', ''),
      `\r\n${head}`,
      `${head}x`,
      `${head}\r\n`,
      head.slice(0, -2),
    ])
      expect(parseRequestHead(text)).toBeUndefined();
  });

  it('leaves what is past its bounds to the standard parser', () => {
    const ninetyNine = Array.from({ length: 99 }, () => 'X: a');
    expect(parse(ninetyNine)).toBeDefined();
    expect(parse([...ninetyNine, 'X: a'])).toBeUndefined();
    expect(parse([], `GET /${'a'.repeat(8191)} HTTP/1.1`)).toBeDefined();
    expect(parse([], `GET /${'a'.repeat(8192)} HTTP/1.1`)).toBeUndefined();
    const rest = 'GET / HTTP/1.1\r\nHost: a.example\r\nX:\r\n\r\n'.length;
    expect(parse([`X:${'a'.repeat(16 * 1024 - rest)}`], 'GET / HTTP/1.1')).toBeDefined();
    expect(parse([`X:${'a'.repeat(16 * 1024 - rest + 1)}`], 'GET / HTTP/1.1')).toBeUndefined();
  });

  it('gives back the names and values that it was sent', () => {
    const name = fc.stringMatching(/^x-[!#$%&'*+.^_`|~0-9A-Za-z-]+$/);
    const value = fc.stringMatching(/^(?:[!-~\x80-\xff](?:[\t -~\x80-\xff]*[!-~\x80-\xff])?)?$/);
    const blanks = fc.stringMatching(/^[ \t]*$/);
    const fields = fc.array(fc.tuple(name, blanks, value, blanks), { maxLength: 20 });
    fc.assert(
      fc.property(fields, (lines) => {
        const sent = lines.map(([key, before, text, after]) => `${key}:${before}${text}${after}`);
        const expected = lines.flatMap(([key, , text]) => [key, text]);
        expect(parse(sent)?.rawHeaders.slice(2)).toEqual(expected);
      }),
    );
  });
});
