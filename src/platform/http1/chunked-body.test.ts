import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { bodyGoesOn, bodyMalformed, ChunkedBody } from './chunked-body.ts';

interface Decoded {
  readonly result: number;
  readonly body: string;
}

/** Feeds the text cut after each of `cuts`, and says where in the whole of it the body ended. */
function decode(text: string, cuts: readonly number[] = []): Decoded {
  const bytes = Buffer.from(text, 'latin1');
  const decoder = new ChunkedBody();
  const pieces: string[] = [];
  const taker = {
    onData: (from: Buffer, start: number, end: number) =>
      void pieces.push(from.toString('latin1', start, end)),
  };
  const inside = cuts.filter((cut) => cut > 0 && cut < bytes.length);
  const edges = [0, ...inside.sort((left, right) => left - right), bytes.length];
  let result = bodyGoesOn;
  for (let index = 1; index < edges.length && result === bodyGoesOn; index += 1)
    result = decoder.feed(bytes, edges[index - 1] ?? 0, edges[index] ?? 0, taker);
  return { result, body: pieces.join('') };
}

const everywhere = (text: string): number[] => Array.from({ length: text.length }, (_, index) => index);

describe('ChunkedBody, RFC 9112 §7.1', () => {
  it('tells the chunks and where the body ends', () => {
    const text = '5\r\nhello\r\n06;a=b\r\n world\r\n0\r\nX-Sum: 1\r\n\r\n';
    expect(decode(`${text}HTTP/1.1`)).toEqual({ result: text.length, body: 'hello world' });
  });

  it('decodes the same body one byte at a time', () => {
    const text = '5;name\r\nhello\r\nA\r\n\r\n0\r\n\r\n!!!\r\n00;x=1;y\r\nX-Sum: 1\r\nY:\r\n\r\n';
    const whole = decode(text);
    expect(whole).toEqual({ result: text.length, body: 'hello\r\n0\r\n\r\n!!!' });
    expect(decode(text, everywhere(text))).toEqual(whole);
  });

  it('decodes whatever was encoded, however it is cut', () => {
    const chunk = fc.string({ unit: 'binary-ascii', minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(fc.array(chunk), fc.array(fc.nat(400)), fc.string(), (chunks, cuts, surplus) => {
        const lines = chunks.map((data) => `${data.length.toString(16)}\r\n${data}\r\n`);
        const text = `${lines.join('')}0\r\n\r\n`;
        const tail = Buffer.from(surplus).toString('latin1');
        expect(decode(text + tail, cuts)).toEqual({ result: text.length, body: chunks.join('') });
      }),
    );
  });

  it('comes to the same verdict on hostile bytes, however they are cut', () => {
    const unit = fc.constantFrom(
      '\r\n',
      '\r',
      '\n',
      '0',
      '1',
      'a',
      ';',
      '=',
      ' ',
      ':',
      'x',
      '\0',
      '\x80',
      '0\r\n\r\n',
    );
    fc.assert(
      fc.property(fc.array(unit), fc.array(fc.nat(60)), (units, cuts) => {
        const text = units.join('');
        expect(decode(text, cuts)).toEqual(decode(text));
      }),
      { numRuns: 2000 },
    );
  });

  it('waits for the rest of a body', () => {
    const text = 'a\r\n0123456789\r\n0\r\nX: y\r\n\r\n';
    for (const end of everywhere(text)) expect(decode(text.slice(0, end)).result).toBe(bodyGoesOn);
  });

  it('takes sizes of up to eight digits', () => {
    expect(decode('ffffffff\r\n').result).toBe(bodyGoesOn);
    expect(decode('FFFFFFFF\r\n').result).toBe(bodyGoesOn);
    expect(decode('00000001\r\nx\r\n0\r\n\r\n').body).toBe('x');
  });

  const refused: ReadonlyArray<readonly [string, string]> = [
    ['no size', '\r\n'],
    ['an extension without a size', ';a\r\n'],
    ['a size that is no hexadecimal number', 'g\r\n'],
    ['a size with a sign', '+5\r\nhello\r\n'],
    ['a size with a prefix', '0x5\r\nhello\r\n'],
    ['a size with a separator', '1_0\r\n'],
    ['a size of nine digits', '100000000\r\n'],
    ['a size of nine digits with zeros in front', '000000005\r\nhello\r\n'],
    ['a blank before the size', ' 5\r\nhello\r\n'],
    ['a blank after the size', '5 \r\nhello\r\n'],
    ['a tab after the size', '5\t\r\nhello\r\n'],
    ['a size ended by LF', '5\nhello\r\n'],
    ['a size ended by CR', '5\rhello\r\n'],
    ['a second CR', '5\r\r\nhello\r\n'],
    ['a chunk longer than its size', '5\r\nhello!\r\n'],
    ['a chunk shorter than its size', '5\r\nhell\r\n0\r\n\r\n'],
    ['a chunk ended by LF', '5\r\nhello\n0\r\n\r\n'],
    ['a chunk ended by CR', '5\r\nhello\r0\r\n\r\n'],
    ['an extension without a name', '5;\r\nhello\r\n'],
    ['an extension whose name is empty', '5;=a\r\nhello\r\n'],
    ['an extension whose value is empty', '5;a=\r\nhello\r\n'],
    ['an extension with two values', '5;a=b=c\r\nhello\r\n'],
    ['an extension with blanks', '5; a\r\nhello\r\n'],
    ['an extension with a quoted value', '5;a="b"\r\nhello\r\n'],
    ['an extension ended by LF', '5;a\nhello\r\n'],
    ['an extension with a byte past ASCII', '5;\x80\r\nhello\r\n'],
    ['a folded trailer', '0\r\nX: y\r\n z\r\n\r\n'],
    ['a trailer without a colon', '0\r\nX\r\n\r\n'],
    ['a trailer with a blank before the colon', '0\r\nX : y\r\n\r\n'],
    ['a trailer with a lone CR', '0\r\nX: y\rz\r\n\r\n'],
    ['a trailer ended by LF', '0\r\nX: y\n\r\n'],
    ['a trailer with NUL', '0\r\nX: \0\r\n\r\n'],
    ['a body ended by LF', '0\r\n\n'],
    ['a body ended by CR and something else', '0\r\n\rx\n'],
    ['a trailer that announces a length', '0\r\ncontent-Length: 5\r\n\r\n'],
    ['a trailer that announces a coding', '0\r\nTransfer-Encoding: chunked\r\n\r\n'],
    ['a trailer that names a host', '0\r\nHost: a\r\n\r\n'],
  ];

  it.each(refused)('refuses %s', (_, text) => {
    expect(decode(text).result).toBe(bodyMalformed);
    expect(decode(text, everywhere(text)).result).toBe(bodyMalformed);
  });

  it('bounds an extension, all extensions and the trailer', () => {
    expect(decode(`0;${'a'.repeat(255)}\r\n\r\n`).result).toBeGreaterThan(0);
    expect(decode(`0;${'a'.repeat(256)}\r\n\r\n`).result).toBe(bodyMalformed);
    const chunk = `1;${'a'.repeat(255)}\r\nx\r\n`;
    expect(decode(chunk.repeat(64)).result).toBe(bodyGoesOn);
    expect(decode(chunk.repeat(65)).result).toBe(bodyMalformed);
    const field = `X:${'a'.repeat(1020)}\r\n`;
    expect(decode(`0\r\n${field.repeat(15)}\r\n`).result).toBeGreaterThan(0);
    expect(decode(`0\r\n${field.repeat(16)}\r\n`).result).toBe(bodyMalformed);
    expect(decode(`0\r\nX:${'a'.repeat(16 * 1024)}`).result).toBe(bodyMalformed);
  });

  it('goes on refusing once it has refused', () => {
    const decoder = new ChunkedBody();
    const taker = { onData: () => expect.unreachable() };
    expect(decoder.feed(Buffer.from('x'), 0, 1, taker)).toBe(bodyMalformed);
    expect(decoder.feed(Buffer.from('0\r\n\r\n'), 0, 5, taker)).toBe(bodyMalformed);
  });
});
