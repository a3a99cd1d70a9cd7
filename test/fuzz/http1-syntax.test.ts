/**
 * Our readers of HTTP/1.1 against Node's strict one: whatever ours take, Node takes, and finds the same in it. The other
 * way round is no rule: ours are narrower on purpose. `FUZZ_CASES` and `FUZZ_SEED` run it for longer, or elsewhere.
 */
import { describe, expect, it } from 'vitest';

import { bodyGoesOn, bodyMalformed, ChunkedBody } from '../../src/platform/http1/chunked-body.ts';
import type { RequestHead, ResponseFraming, ResponseHead } from '../../src/platform/http1/message-head.ts';
import { parseRequestHead } from '../../src/platform/http1/request-head.ts';
import { parseResponseHead } from '../../src/platform/http1/response-head.ts';
import { Http1Mutator } from '../support/http1-mutator.ts';
import { NodeRequestParser, parseResponsesByNode } from '../support/node-http-parser.ts';

const cases = Number(process.env['FUZZ_CASES'] ?? 8000);
const seed = Number(process.env['FUZZ_SEED'] ?? 1);
/** Compared at once, since Node is waited for by turns of the event loop. */
const batchSize = 64;
const sentBodyBytes = 4096;
const limitMs = 3_600_000;

/** Makes cases until there were `cases`, and demands that at least some of them were taken by both. */
async function compareAll(name: string, next: (mutator: Http1Mutator) => (() => Promise<void>) | undefined) {
  const mutator = new Http1Mutator(seed);
  let taken = 0;
  for (let made = 0; made < cases;) {
    const batch: (() => Promise<void>)[] = [];
    for (; made < cases && batch.length < batchSize; made += 1) {
      const compare = next(mutator);
      if (compare !== undefined) batch.push(compare);
    }
    taken += batch.length;
    await Promise.all(batch.map((compare) => compare()));
  }
  if (process.env['FUZZ_CASES'] !== undefined) console.log(`${name}: ${cases} cases, ${taken} taken by both`);
  expect(taken).toBeGreaterThan(cases / 50);
}

/** What a caller would hand to a reader of heads. */
function headOf(text: string): string | undefined {
  const end = text.indexOf('\r\n\r\n');
  return end < 0 ? undefined : text.slice(0, end + 4);
}

function latin1(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}

describe('parseRequestHead and the parser of Node', () => {
  const node = new NodeRequestParser();
  const following = 'GET /following HTTP/1.1\r\nHost: b.example\r\n\r\n';

  async function compare(text: string, head: RequestHead): Promise<void> {
    const isSent = head.bodyBytes <= sentBodyBytes;
    const body = isSent ? 'x'.repeat(head.bodyBytes) : '';
    const wire = text + body + (isSent && head.keepAlive ? following : '');
    const { requests, failure } = await node.parse(latin1(wire));
    const about = JSON.stringify(text);
    expect(failure, about).toBeUndefined();
    const { method, target, rawHeaders, keepAlive } = head;
    expect(requests[0], about).toEqual({ method, target, rawHeaders, keepAlive, body, isWhole: isSent });
    if (!isSent) expect(Number(valueOf(head, 'content-length')), about).toBe(head.bodyBytes);
    const targets = requests.slice(1).map((request) => request.target);
    expect(targets, about).toEqual(isSent && keepAlive ? ['/following'] : []);
  }

  it(
    'find the same request, and the same end of it, in every head that we take',
    async () => {
      await compareAll('requests', (mutator) => {
        const text = headOf(mutator.requestHead());
        const head = text === undefined ? undefined : parseRequestHead(text);
        return text === undefined || head === undefined ? undefined : () => compare(text, head);
      });
    },
    limitMs,
  );

  it('take the longest head that we take', async () => {
    const start = 'GET / HTTP/1.1\r\nHost: a.example\r\nX:';
    const text = `${start}${'a'.repeat(16 * 1024 - start.length - 4)}\r\n\r\n`;
    const head = parseRequestHead(text);
    if (head === undefined) return expect.unreachable();
    return compare(text, head);
  });
});

describe('parseResponseHead and the parser of Node', () => {
  const final = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n';

  async function compare(text: string, method: string, head: ResponseHead): Promise<void> {
    const about = `${method} ${JSON.stringify(text)}`;
    const { status, rawHeaders, framing } = head;
    // Node takes it for an upgrade or for a response with a body; our client takes none at all.
    if (status === 101) return;
    const isInterim = status < 200;
    const finalBody = method === 'HEAD' ? '' : 'hi';
    const { wire, body } = isInterim ? { wire: final + finalBody, body: finalBody } : bodyFor(framing);
    const isOver = framing.kind === 'close';
    const parsed = await parseResponsesByNode(method, [latin1(text + wire)], isOver);
    expect(parsed.failure, about).toBeUndefined();
    if (isInterim) expect(parsed.interim, about).toEqual([{ status, rawHeaders }]);
    const expected = isInterim
      ? { status: 200, rawHeaders: ['Content-Length', '2'] }
      : { status, rawHeaders };
    const isWhole = framing.kind !== 'length' || framing.bytes <= sentBodyBytes;
    expect(parsed.response, about).toEqual({ ...expected, body, isWhole });
    if (head.keepAlive && !isInterim) expect(parsed.keepAlive, about).toBe(true);
  }

  it(
    'find the same answer, and the same end of it, in every head that we take',
    async () => {
      await compareAll('responses', (mutator) => {
        const text = headOf(mutator.responseHead());
        const method = ['POST', 'GET', 'HEAD'][mutator.below(3)] ?? '';
        const head = text === undefined ? undefined : parseResponseHead(text, method);
        return text === undefined || head === undefined ? undefined : () => compare(text, method, head);
      });
    },
    limitMs,
  );
});

describe('ChunkedBody and the parser of Node', () => {
  const head = latin1('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');

  async function compare(pieces: readonly Buffer[], ours: Decoded): Promise<void> {
    const about = JSON.stringify(pieces.map((piece) => piece.toString('latin1')));
    const { response, failure } = await parseResponsesByNode('GET', [head, ...pieces], false);
    const isWhole = ours.result !== bodyGoesOn;
    if (isWhole) expect(failure, about).toBeUndefined();
    expect(response, about).toMatchObject({ isWhole, body: ours.body });
  }

  it(
    'find the same bytes, and the same end of them, in every body that we take',
    async () => {
      await compareAll('chunked bodies', (mutator) => {
        const pieces = cut(latin1(mutator.chunkedBody()), mutator);
        const ours = decode(pieces);
        if (ours.result === bodyMalformed) return undefined;
        // What comes behind the end is another message.
        const whole = Buffer.concat(pieces);
        const end = ours.result === bodyGoesOn ? whole.length : ours.result;
        return () => compare(end === whole.length ? pieces : [whole.subarray(0, end)], ours);
      });
    },
    limitMs,
  );
});

interface Decoded {
  /** As `ChunkedBody.feed` says it, counted from the first piece. */
  readonly result: number;
  readonly body: string;
}

function decode(pieces: readonly Buffer[]): Decoded {
  const decoder = new ChunkedBody();
  let body = '';
  let before = 0;
  const onData = (bytes: Buffer, from: number, to: number): void => {
    body += bytes.toString('latin1', from, to);
  };
  for (const piece of pieces) {
    const result = decoder.feed(piece, 0, piece.length, { onData });
    if (result !== bodyGoesOn) return { result: result < 0 ? result : before + result, body };
    before += piece.length;
  }
  return { result: bodyGoesOn, body };
}

function cut(bytes: Buffer, mutator: Http1Mutator): Buffer[] {
  const at = mutator.below(2 * bytes.length + 1);
  return at >= bytes.length ? [bytes] : [bytes.subarray(0, at), bytes.subarray(at)];
}

function bodyFor(framing: ResponseFraming): { readonly wire: string; readonly body: string } {
  switch (framing.kind) {
    case 'none':
      return { wire: '', body: '' };
    case 'chunked':
      return { wire: '5\r\nhello\r\n0\r\n\r\n', body: 'hello' };
    case 'close':
      return { wire: 'to the end', body: 'to the end' };
    case 'length': {
      const body = framing.bytes <= sentBodyBytes ? 'x'.repeat(framing.bytes) : '';
      return { wire: body, body };
    }
  }
}

function valueOf(head: RequestHead, name: string): string | undefined {
  const index = head.rawHeaders.findIndex((text, at) => at % 2 === 0 && text.toLowerCase() === name);
  return head.rawHeaders[index + 1];
}
