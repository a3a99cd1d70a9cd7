import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { ResponseHead } from './message-head.ts';
import { ResponseReader, responseGoesOn, responseMalformed, type ResponseTaker } from './response-reader.ts';

const head = 'HTTP/1.1 200 OK\r\n';
const answers = [
  `${head}Content-Length: 5\r\n\r\nhello`,
  `${head}Transfer-Encoding: chunked\r\n\r\n3;x=y\r\nhel\r\n2\r\nlo\r\n0\r\nA: b\r\n\r\n`,
  `${head}\r\nhello`,
  'HTTP/1.1 204 No Content\r\n\r\n',
  `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nA: b\r\n\r\n${head}Content-Length: 5\r\n\r\nhello`,
  `${head}Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello`,
  `${head}Transfer-Encoding: chunked\r\n\r\n3\r\nhelX`,
  'HTTP/1.1 101 Switching Protocols\r\n\r\n',
];

const answer = fc.constantFrom(...answers);
const cuts = fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 200 });

describe('ResponseReader', () => {
  it('reads the same however the bytes are cut, and whatever lies in the buffer around them', () => {
    fc.assert(
      fc.property(answer, fc.string({ maxLength: 40 }), cuts, (text, behind, sizes) => {
        const bytes = Buffer.from(text + behind, 'latin1');
        expect(readIn(bytes, sizes)).toEqual(readIn(bytes, []));
      }),
    );
  });

  it('reads the same when bytes are changed, however they are cut', () => {
    const change = fc.tuple(
      fc.nat({ max: 120 }),
      fc.constantFrom(...'\r,\n, ,:,;,0,1,5,9,a,Z,\0,\x80,HTTP/1.1,\r\n\r\n'.split(',')),
    );
    fc.assert(
      fc.property(answer, fc.array(change, { minLength: 1, maxLength: 3 }), cuts, (text, changes, sizes) => {
        let changed = text;
        for (const [at, by] of changes) changed = changed.slice(0, at) + by + changed.slice(at + 1);
        const bytes = Buffer.from(changed, 'latin1');
        const whole = readIn(bytes, []);
        const cut = readIn(bytes, sizes);
        // A fault may be seen before the end of a head that is not whole.
        if (whole.verdict === responseMalformed || cut.verdict === responseMalformed) {
          expect(cut.told.startsWith(whole.told) || whole.told.startsWith(cut.told)).toBe(true);
          expect(cut.verdict === whole.verdict || whole.verdict === responseGoesOn).toBe(true);
        } else expect(cut).toEqual(whole);
      }),
      { numRuns: 500 },
    );
  });

  it('ends exactly behind the answer', () => {
    for (const text of answers.filter((_text, index) => index !== 2 && index < 5)) {
      expect(readIn(Buffer.from(`${text}HTTP/1.1`), []).verdict).toBe(text.length);
    }
  });

  it('says for how long the connection is kept', () => {
    const reader = new ResponseReader(1_000);
    const read = (field: string): number => {
      reader.expect('GET');
      const text = `${head}Content-Length: 0\r\n${field}\r\n`;
      reader.feed(Buffer.from(text), 0, text.length, new Notes());
      return reader.idleSeconds;
    };
    expect(read('Keep-Alive: timeout=5, max=100\r\n')).toBe(5);
    expect(read('keep-alive: max=100,TIMEOUT=7\r\n')).toBe(7);
    expect(read('Keep-Alive: timeout=9\r\nKeep-Alive: timeout=3\r\n')).toBe(3);
    expect(read('Keep-Alive: timeout=5x, notimeout=4\r\n')).toBe(Infinity);
    expect(read('')).toBe(Infinity);
  });
});

class Notes implements ResponseTaker {
  text = '';

  onHead(told: ResponseHead): void {
    this.text += `${String(told.status)} ${told.rawHeaders.join()} ${told.framing.kind}: `;
  }

  onData(bytes: Buffer, from: number, to: number): void {
    this.text += bytes.toString('latin1', from, to);
  }
}

/** Feeds in pieces of the given sizes, and then the rest. @returns the position of the end counted over all pieces */
function readIn(bytes: Buffer, sizes: readonly number[]): { verdict: number; told: string } {
  const reader = new ResponseReader(16_384);
  const notes = new Notes();
  reader.expect('GET');
  let at = 0;
  for (const size of [...sizes, bytes.length]) {
    const piece = bytes.subarray(at, at + size);
    if (piece.length === 0) break;
    const around = Buffer.concat([Buffer.from('\r\n\r\n'), piece, Buffer.from('\r\n\r\n')]);
    const end = reader.feed(around, 4, 4 + piece.length, notes);
    if (end !== responseGoesOn) return { verdict: end < 0 ? end : at + end - 4, told: notes.text };
    at += piece.length;
  }
  return { verdict: responseGoesOn, told: notes.text };
}
