import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { ResponseHead } from './message-head.ts';
import { parseResponseHead } from './response-head.ts';

function parse(lines: readonly string[], status = '200 OK', method = 'POST'): ResponseHead | undefined {
  return parseResponseHead(
    `HTTP/1.1 ${status}\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n`,
    method,
  );
}

describe('parseResponseHead, RFC 9112 §4', () => {
  it('reads status, fields and framing', () => {
    expect(parse(['Content-Type: text/plain', 'X-A:b', 'CONTENT-LENGTH: 12'])).toEqual({
      status: 200,
      rawHeaders: ['Content-Type', 'text/plain', 'X-A', 'b', 'CONTENT-LENGTH', '12'],
      framing: { kind: 'length', bytes: 12 },
      keepAlive: true,
    });
  });

  it('takes blanks off a value, and nothing but blanks', () => {
    const values = parse(['A: \t b \t', 'B:', 'C:  ', 'D:\xa0c\xa0', 'E: f g'])?.rawHeaders.filter(
      (_, i) => i % 2,
    );
    expect(values).toEqual(['b', '', '', '\xa0c\xa0', 'f g']);
  });

  it.each(['200', '200 ', '599 What \xff\tever', '100 Continue'])('takes the status %j', (status) => {
    expect(parse([], status)?.status).toBe(Number(status.slice(0, 3)));
  });

  it('finds no body in interim answers, 204, 304 and what answers HEAD', () => {
    const none = { kind: 'none' };
    expect(parse([], '103')?.framing).toEqual(none);
    expect(parse(['Content-Length: 0'], '204')?.framing).toEqual(none);
    expect(parse(['Content-Length: 5'], '304')?.framing).toEqual(none);
    expect(parse(['Content-Length: 5'], '200', 'HEAD')?.framing).toEqual(none);
    expect(parse(['Transfer-Encoding: chunked'], '200', 'HEAD')?.framing).toEqual(none);
  });

  it('passes over other blanks around a coding', () => {
    for (const line of ['Transfer-Encoding:\t chunked  ', 'Transfer-Encoding:chunked'])
      expect(parse([line, 'X: chunked\t'])?.framing).toEqual({ kind: 'chunked' });
  });

  it('reads chunks, and the end of the connection where no framing is said', () => {
    expect(parse(['Transfer-Encoding: Chunked'])).toMatchObject({
      framing: { kind: 'chunked' },
      keepAlive: true,
    });
    expect(parse(['Content-Type: a'])).toMatchObject({ framing: { kind: 'close' }, keepAlive: false });
  });

  it.each([
    'Connection: close',
    'connection: CLOSE',
    'Connection: keep-alive, close',
    'Connection: ,\tclose ,x',
    'Proxy-Connection: close',
  ])('does not keep a connection with %j', (line) => {
    expect(parse([line, 'Content-Length: 1', 'Connection: keep-alive'])?.keepAlive).toBe(false);
  });

  it('keeps a connection whose options do not say close', () => {
    expect(parse(['Connection: keep-alive, closed, x-close', 'Content-Length: 1'])?.keepAlive).toBe(true);
  });

  it('keeps no connection on which HEAD was answered without any framing', () => {
    expect(parse([], '200', 'HEAD')).toMatchObject({ framing: { kind: 'none' }, keepAlive: false });
    expect(parse(['Content-Length: 5'], '200', 'HEAD')?.keepAlive).toBe(true);
    expect(parse(['Transfer-Encoding: chunked'], '200', 'HEAD')?.keepAlive).toBe(true);
  });

  it('keeps no connection of HTTP/1.0, and none that would switch protocols', () => {
    const head = parseResponseHead(
      'HTTP/1.0 200 OK\r\nContent-Length: 1\r\nConnection: keep-alive\r\n\r\n',
      'GET',
    );
    expect(head).toMatchObject({ framing: { kind: 'length', bytes: 1 }, keepAlive: false });
    expect(parse(['Upgrade: x', 'Connection: upgrade'], '101')?.keepAlive).toBe(false);
  });

  it.each([
    ['two equal lengths', ['Content-Length: 5', 'Content-Length: 5']],
    ['a list of lengths', ['Content-Length: 5, 5']],
    ['an empty length', ['Content-Length:']],
    ['a signed length', ['Content-Length: +5']],
    ['a hexadecimal length', ['Content-Length: 0x5']],
    ['a length with a fraction', ['Content-Length: 5.0']],
    ['a length with a blank', ['Content-Length: 5 5']],
    ['a length with a no-break space', ['Content-Length: 5\xa0']],
    ['a length of sixteen digits', ['Content-Length: 1000000000000000']],
    ['a length and a coding', ['Content-Length: 5', 'Transfer-Encoding: chunked']],
    ['a coding and a length', ['Transfer-Encoding: chunked', 'Content-Length: 5']],
    ['chunked twice', ['Transfer-Encoding: chunked', 'Transfer-Encoding: chunked']],
    ['chunked twice in a list', ['Transfer-Encoding: chunked, chunked']],
    ['another coding', ['Transfer-Encoding: gzip, chunked']],
    ['a coding after a no-break space', ['Transfer-Encoding: \xa0chunked']],
    ['a coding before a tab', ['Transfer-Encoding: chunked\t']],
    ['a coding before blanks with a tab', ['X: a', 'transfer-encoding:\tChunked \t ']],
    ['an empty coding', ['Transfer-Encoding:']],
    ['a quoted coding', ['Transfer-Encoding: "chunked"']],
    ['a blank before the colon', ['Content-Length : 5']],
    ['a tab before the colon', ['Content-Length\t: 5']],
    ['a folded line', ['X: a', ' b']],
    ['a line that begins with a blank', [' X: a']],
    ['a line without a colon', ['X']],
    ['a line without a name', [': a']],
    ['a name that is no token', ['X(a): b']],
    ['a name past ASCII', ['X\xe9: b']],
    ['a lone CR', ['X: a\rContent-Length: 5']],
    ['a lone LF', ['X: a\nContent-Length: 5']],
    ['NUL', ['X: a\0b']],
    ['DEL', ['X: a\x7fb']],
    ['an empty line within', ['X: a', '', 'Y: b']],
  ])('refuses %s', (_, lines) => {
    expect(parse(lines)).toBeUndefined();
  });

  it.each([
    'HTTP/1.1 99 x\r\n\r\n',
    'HTTP/1.1 600 x\r\n\r\n',
    'HTTP/1.1 099 x\r\n\r\n',
    'HTTP/1.1 2000 x\r\n\r\n',
    'HTTP/1.1 200\tx\r\n\r\n',
    'HTTP/1.1  200 x\r\n\r\n',
    'HTTP/1.1 200 a\rb\r\n\r\n',
    'HTTP/1.1 200 a\0b\r\n\r\n',
    'HTTP/1.2 200 x\r\n\r\n',
    'HTTP/2 200 x\r\n\r\n',
    'http/1.1 200 x\r\n\r\n',
    'ICY 200 x\r\n\r\n',
    '\r\nHTTP/1.1 200 x\r\n\r\n',
    'HTTP/1.1 200 x\n\n',
    'HTTP/1.1 200 x\r\n',
    'HTTP/1.1 200 x\r\n\r\n\r\n',
    'HTTP/1.0 200 x\r\nTransfer-Encoding: chunked\r\n\r\n',
    '',
  ])('refuses %j', (text) => {
    expect(parseResponseHead(text, 'GET')).toBeUndefined();
  });

  it.each(['100', '103', '204'])('refuses a body announced by %s', (status) => {
    expect(parse(['Content-Length: 1'], status)).toBeUndefined();
    expect(parse(['Transfer-Encoding: chunked'], status)).toBeUndefined();
  });

  it('refuses an interim head that ends the connection', () => {
    expect(parse(['Connection: close'], '103')).toBeUndefined();
    expect(parseResponseHead('HTTP/1.0 100 Continue\r\n\r\n', 'POST')).toBeUndefined();
  });

  it('gives back the names and values that it was sent', () => {
    const name = fc.stringMatching(/^x-[!#$%&'*+.^_`|~0-9A-Za-z-]+$/);
    const value = fc.stringMatching(/^(?:[!-~\x80-\xff](?:[\t -~\x80-\xff]*[!-~\x80-\xff])?)?$/);
    fc.assert(
      fc.property(fc.array(fc.tuple(name, value)), (fields) => {
        const lines = fields.map(([key, text]) => `${key}: ${text}`);
        expect(parse(lines)?.rawHeaders).toEqual(fields.flat());
      }),
    );
  });
});
