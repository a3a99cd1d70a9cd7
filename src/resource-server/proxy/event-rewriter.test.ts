import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { EventRewriter } from './event-rewriter.ts';

/** What comes out, cut anywhere; undefined where the stream must not go on. */
function rewrite(
  stream: string,
  cuts: readonly number[],
  change: (json: string) => string | undefined,
): string | undefined {
  const rewriter = new EventRewriter((json) => {
    const changed = change(json.toString());
    return changed === json.toString() ? json : changed === undefined ? undefined : Buffer.from(changed);
  }, 1000);
  const bytes = Buffer.from(stream);
  const ends = [...cuts.map((cut) => cut % (bytes.length + 1)).toSorted((a, b) => a - b), bytes.length];
  let out = '';
  let at = 0;
  for (const end of ends) {
    const events = rewriter.take(bytes, at, end);
    if (events === undefined) return undefined;
    out += Buffer.concat(events).toString();
    at = end;
  }
  const rest = rewriter.end();
  return rest === undefined ? undefined : out + rest.toString();
}

const lineEnd = fc.constantFrom('\n', '\r\n', '\r');
const line = fc.constantFrom(
  'data: {"a":1}',
  'data:{',
  'data: }',
  'data',
  'id: 7',
  ': c',
  'event: x',
  'retry: 5',
  'dat: x',
  '',
);
const stream = fc
  .array(fc.tuple(line, lineEnd), { maxLength: 12 })
  .map((lines) => lines.map(([text, end]) => text + end).join(''));
const cuts = fc.array(fc.nat(200), { maxLength: 5 });

describe('EventRewriter', () => {
  it('passes what is not changed byte for byte, however it is cut', () => {
    fc.assert(
      fc.property(stream, cuts, (text, at) => {
        expect(rewrite(text, at, (json) => json)).toBe(text);
      }),
      { numRuns: 2000 },
    );
  });

  it('changes the same, however it is cut', () => {
    fc.assert(
      fc.property(stream, cuts, (text, at) => {
        const change = (json: string): string => `<${json}>`;
        expect(rewrite(text, at, change)).toBe(rewrite(text, [], change));
      }),
      { numRuns: 1000 },
    );
  });

  it.each([
    ['data: x\n\n', 'data: X\n\n'],
    ['id: 1\ndata: x\nevent: e\n\n', 'id: 1\ndata: X\nevent: e\n\n'],
    ['data: x\ndata: y\n\n', 'data: X\ndata: Y\n\n'],
    ['data: x\r\n: c\r\n\r\nid: 2\r\n\r\n', 'data: X\n: c\n\nid: 2\r\n\r\n'],
    ['data:x\n\n', 'data: X\n\n'],
    ['data:  x\n\n', 'data:  X\n\n'],
    ['\uFEFFdata: x\n\n', 'data: X\n\n'],
    ['data: x', 'data: X\n\n'],
    ['event: endpoint\ndata: /x\n\n', 'event: endpoint\ndata: /x\n\n'],
    ['event: endpoint\ndata: x\n\n', 'event: endpoint\ndata: X\n\n'],
    [': x\n\nretry: 5\n\n', ': x\n\nretry: 5\n\n'],
    ['data\n\ndata: \n\n', 'data\n\ndata: \n\n'],
  ])('%j becomes %j', (text, expected) => {
    expect(rewrite(text, [], (json) => json.toUpperCase())).toBe(expected);
  });

  it('gives out nothing of an event before it is whole', () => {
    const rewriter = new EventRewriter((json) => json, 1000);
    const bytes = Buffer.from('data: {"tools":[');
    expect(rewriter.take(bytes, 0, bytes.length)).toEqual([]);
  });

  it('stops at an event that must not go out, and at one that is too long', () => {
    expect(
      rewrite('data: a\n\ndata: b\n\n', [], (json) => (json === 'b' ? undefined : json)),
    ).toBeUndefined();
    expect(rewrite(`data: ${'x'.repeat(1001)}`, [], (json) => json)).toBeUndefined();
    expect(rewrite(`: ${'x'.repeat(1001)}\n\n`, [], (json) => json)).toBeUndefined();
  });
});
