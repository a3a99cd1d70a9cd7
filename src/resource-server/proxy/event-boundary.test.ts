import { describe, expect, it } from 'vitest';

import { findEventEnd, isBetweenEvents, lastBytes, startOfEvents } from './event-boundary.ts';

/** The positions in a text that are between two events, however it is cut. */
function boundaries(text: string): number[] {
  const bytes = Buffer.from(text);
  const found: number[] = [];
  let last = startOfEvents;
  for (let at = 0; at < bytes.length; at += 1) {
    last = lastBytes(last, bytes, at, at + 1);
    if (isBetweenEvents(last)) found.push(at + 1);
  }
  return found;
}

describe('an event stream', () => {
  it('is between two events before its first byte', () => {
    expect(isBetweenEvents(startOfEvents)).toBe(true);
  });

  it.each([
    ['LF', 'data: 1\n\ndata: 2\n\n', [9, 18]],
    ['CRLF', 'data: 1\r\n\r\ndata: 2\r\n\r\n', [11, 22]],
    ['CR', 'data: 1\r\rdata: 2\r\r', [9, 18]],
    ['LF and CRLF', 'data: 1\n\r\n', [10]],
    ['CRLF and LF', 'data: 1\r\n\n', [10]],
    ['lines of one event', 'id: 7\ndata: 1\ndata: 2', []],
    ['half of a CRLF', 'data: 1\r\n\r', []],
    ['a line that is not blank', 'data: 1\n \n', []],
  ])('ends its events behind a blank line: %s', (_, text, expected) => {
    expect(boundaries(text)).toEqual(expected);
  });

  it('takes the LF of a last CRLF for no event of its own', () => {
    expect(boundaries('data: 1\r\r\n')).toEqual([9, 10]);
  });

  it.each(['a\n\n', 'a\r\n\r\n', 'a\r\r', 'b', '\n'])(
    'has the same last bytes however it is cut: %j',
    (end) => {
      const bytes = Buffer.from(`data: long enough${end}`);
      const whole = lastBytes(startOfEvents, bytes, 0, bytes.length);
      for (let cut = 0; cut <= bytes.length; cut += 1) {
        const first = lastBytes(startOfEvents, bytes, 0, cut);
        expect(lastBytes(first, bytes, cut, bytes.length)).toBe(whole);
      }
    },
  );
});

describe('the next end of an event', () => {
  const bytes = Buffer.from('\ndata: 2\n\ndata: 3\n\n');

  it('is found where the blank line began before', () => {
    const last = lastBytes(startOfEvents, Buffer.from('data: 1\n'), 0, 8);
    expect(findEventEnd(last, bytes, 0, bytes.length)).toBe(1);
  });

  it('is the first of several', () => {
    const last = lastBytes(startOfEvents, Buffer.from('data: 1'), 0, 7);
    expect(findEventEnd(last, bytes, 0, bytes.length)).toBe(10);
  });

  it('is not behind the end of what is there', () => {
    const last = lastBytes(startOfEvents, Buffer.from('data: 1'), 0, 7);
    expect(findEventEnd(last, bytes, 0, 9)).toBe(-1);
  });
});
