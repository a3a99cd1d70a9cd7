import { describe, expect, it } from 'vitest';

import { readBody } from './read-body.ts';

function request(body: BodySource, headers: Record<string, string> = {}): Request {
  return new Request('https://gatehouse.test/', {
    method: 'POST',
    headers,
    body,
    duplex: 'half',
  });
}

type BodySource = ReadableStream<Uint8Array> | string | null;

/** A body that never ends, and remembers how much of it was taken and whether it was let go. */
function endless() {
  const seen = { chunks: 0, cancelled: false };
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      seen.chunks += 1;
      controller.enqueue(new Uint8Array(1024).fill(0x61));
    },
    cancel() {
      seen.cancelled = true;
    },
  });
  return { seen, stream };
}

describe('readBody', () => {
  it.each<[string, BodySource, string]>([
    ['no body', null, ''],
    ['an empty body', '', ''],
    ['a body of exactly the cap', 'x'.repeat(16), 'x'.repeat(16)],
    ['characters of several bytes', '✓ 🤖', '✓ 🤖'],
  ])('reads %s', async (_, body, text) => {
    expect(await readBody(request(body), 16)).toEqual({ outcome: 'read', text });
  });

  it('counts bytes, not characters', async () => {
    expect(await readBody(request('✓✓✓'), 8)).toEqual({ outcome: 'too-large' });
    expect(await readBody(request('✓✓✓'), 9)).toMatchObject({ outcome: 'read' });
  });

  it('joins a character that was cut between two chunks', async () => {
    const [first, second] = [Uint8Array.of(0xe2, 0x9c), Uint8Array.of(0x93)];
    const stream = ReadableStream.from([first, second]);
    expect(await readBody(request(stream), 16)).toEqual({ outcome: 'read', text: '✓' });
  });

  it('stops at the cap and lets the sender go, whatever length was declared', async () => {
    const { seen, stream } = endless();
    expect(await readBody(request(stream, { 'Content-Length': '1' }), 4096)).toEqual({
      outcome: 'too-large',
    });
    expect(seen.cancelled).toBe(true);
    expect(seen.chunks).toBeLessThan(10);
  });

  it.each([
    ['a stray byte', [0x61, 0xff]],
    ['a cut character', [0xe2, 0x9c]],
    ['an overlong form', [0xc0, 0xaf]],
    ['a surrogate', [0xed, 0xa0, 0x80]],
  ])('calls %s malformed', async (_, bytes) => {
    const stream = ReadableStream.from([Uint8Array.from(bytes)]);
    expect(await readBody(request(stream), 16)).toEqual({ outcome: 'malformed' });
  });

  it('calls a body malformed that breaks off: a client that hangs up is no fault of ours', async () => {
    const stream = new ReadableStream<Uint8Array>({
      pull(controller) {
        controller.error(Object.assign(new Error('aborted'), { code: 'ECONNRESET' }));
      },
    });
    expect(await readBody(request(stream), 16)).toEqual({ outcome: 'malformed' });
  });

  it('decodes no content encoding: a small body could be a large one', async () => {
    for (const encoding of ['gzip', 'br', 'identity', '']) {
      const reading = await readBody(request('x', { 'Content-Encoding': encoding }), 16);
      expect(reading).toEqual({ outcome: 'malformed' });
    }
  });
});
