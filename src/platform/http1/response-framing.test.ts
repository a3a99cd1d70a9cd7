import { afterEach, describe, expect, it, vi } from 'vitest';

import { call, sendTo } from '../../../test/support/recording-sink.ts';
import {
  type Script,
  type ScriptedConnection,
  ScriptedUpstream,
} from '../../../test/support/scripted-upstream.ts';
import { createHttpClient } from './http-client.ts';
import type { HttpClient } from './response-sink.ts';

const closers: Array<() => unknown> = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

const closing = 'HTTP/1.1 200 OK\r\n\r\n';
const counted = 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n';
const chunked = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';
const interim = 'HTTP/1.1 103 Early Hints\r\nLink: </x>; rel=preload\r\n\r\n';

describe('an answer', () => {
  const whole: Array<[what: string, method: string, answer: string, body: string, keeps: boolean]> = [
    ['with a length', 'GET', `${counted}0123456789`, '0123456789', true],
    ['with the length 0', 'GET', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', '', true],
    ['in chunks', 'GET', `${chunked}4;a=b\r\n0123\r\n6\r\n456789\r\n0\r\nX-T: 1\r\n\r\n`, '0123456789', true],
    ['in no chunk', 'GET', `${chunked}0\r\n\r\n`, '', true],
    ['to HEAD', 'HEAD', counted, '', true],
    ['204', 'GET', 'HTTP/1.1 204 No Content\r\n\r\n', '', true],
    ['304 with a length', 'GET', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\n\r\n', '', true],
    ['after interim ones', 'GET', `${interim.repeat(8)}${counted}0123456789`, '0123456789', true],
    ['of HTTP/1.0 with a length', 'GET', 'HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok', 'ok', false],
  ];

  it.each(whole)('%s is read in one piece', async (_what, method, answer, body, keeps) => {
    const { client, upstream } = await connectTo((peer) => peer.send(answer));
    const sink = await call(client, { method });
    expect(sink.body).toBe(body);
    expect(sink.told.slice(-2)).toEqual(['end', 'read done']);
    expect(sink.told.filter((event) => event === 'read done')).toHaveLength(1);
    await call(client, { method });
    expect(upstream.connections).toHaveLength(keeps ? 1 : 2);
  });

  it.each(whole)('%s is read byte by byte', async (_what, method, answer, body, keeps) => {
    const { client, upstream } = await connectTo((peer) => peer.sendByteWise(answer));
    for (const _time of [1, 2]) {
      const sink = await call(client, { method });
      expect(sink.body).toBe(body);
      expect(sink.told.slice(-2)).toEqual(['end', 'read done']);
    }
    expect(upstream.connections).toHaveLength(keeps ? 1 : 2);
  });

  it('hands on its pieces as they come', async () => {
    const { client } = await connectTo((peer) => {
      peer.send(`${chunked}5\r\nfirst\r\n`);
      setTimeout(() => peer.send('6\r\nsecond\r\n0\r\n\r\n'), 30);
    });
    const sink = await call(client);
    expect(sink.told).toEqual(['head 200', 'data first', 'read done', 'data second', 'end', 'read done']);
  });

  it.each(['GET', 'POST'])('to %s may reach to the end of the connection', async (method) => {
    const { client, upstream } = await connectTo((peer) => peer.socket.end(`${closing}0123456789`));
    const body = method === 'GET' ? 'none' : Buffer.from('{}');
    for (const _time of [1, 2]) {
      const sink = await call(client, { method, body });
      expect(sink.body).toBe('0123456789');
      expect(sink.told.slice(-2)).toEqual(['end', 'read done']);
    }
    expect(upstream.connections).toHaveLength(2);
  });

  it('of HTTP/1.0 may reach to the end of the connection', async () => {
    const { client } = await connectTo((peer) => peer.socket.end('HTTP/1.0 200 OK\r\n\r\nok'));
    expect((await call(client)).told).toContain('end');
  });

  it.each([
    ['to the end of the connection', `${closing}0123`],
    ['with a length', `${counted}0123`],
    ['in chunks', `${chunked}4\r\n0123\r\n`],
    ['whose head is half', 'HTTP/1.1 200 OK\r\nContent-Le'],
  ])('%s is broken by a reset', async (_what, answer) => {
    const { client } = await connectTo((peer) => {
      peer.send(answer);
      setTimeout(() => peer.socket.resetAndDestroy(), 30);
    });
    expect((await call(client)).told.at(-1)).toBe('failure reset');
  });

  it.each([
    ['with a length', `${counted}0123`],
    ['in chunks', `${chunked}4\r\n0123\r\n`],
    ['in chunks without the last line', `${chunked}4\r\n0123\r\n0\r\n`],
    ['whose head is half', 'HTTP/1.1 200 OK\r\nContent-Le'],
    ['whose head has no last line', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n'],
    ['that is an interim one', interim],
    ['of no byte', ''],
  ])('%s is broken by an early end', async (_what, answer) => {
    const { client } = await connectTo((peer) => peer.socket.end(answer, 'latin1'));
    const sink = await call(client);
    expect(sink.told.at(-1)).toBe('failure reset');
    expect(sink.told).not.toContain('end');
  });

  it.each([
    ['with two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc'],
    [
      'with a length and chunks',
      'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    ['with a folded line', 'HTTP/1.1 200 OK\r\nA: b\r\n c\r\nContent-Length: 0\r\n\r\n'],
    ['204 with chunks', 'HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
    ['101', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n'],
    ['after too many interim ones', `${interim.repeat(9)}${counted}0123456789`],
    ['behind a line end', '\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'],
    ['with bare line feeds', 'HTTP/1.1 200 OK\nContent-Length: 0\n\n'],
    ['of another protocol', 'SSH-2.0-OpenSSH_9.9\r\n'],
    ['of HTTP/2', '\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0\x80'],
    ['with a huge head', `HTTP/1.1 200 OK\r\nA: ${'a'.repeat(17_000)}`],
    ['with a head one byte too long', `${headOf(16_385)}0123456789`],
  ])('%s is malformed', async (_what, answer) => {
    const { client, upstream } = await connectTo((peer) => peer.send(answer));
    expect((await call(client)).told.filter((event) => event !== 'read done')).toEqual(['failure malformed']);
    await vi.waitFor(() => expect(upstream.open).toHaveLength(0));
    expect(upstream.requests).toBe(1);
  });

  it('with a head as long as allowed passes', async () => {
    const { client } = await connectTo((peer) => peer.send(`${headOf(16_384)}0123456789`));
    expect((await call(client)).body).toBe('0123456789');
  });

  it('with broken chunks fails after what came before', async () => {
    const { client, upstream } = await connectTo((peer) => peer.send(`${chunked}4\r\n0123\r\nzz\r\n`));
    expect((await call(client)).told).toEqual(['head 200', 'data 0123', 'failure malformed']);
    await vi.waitFor(() => expect(upstream.open).toHaveLength(0));
  });
});

describe('a request', () => {
  const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n';
  const sizes = [0, 1, 8_192, 8_193, 65_536, 65_537, 1_000_000];

  it.each(sizes)('of %i bytes arrives as it was given, on a new connection and a kept one', async (size) => {
    const body = Buffer.alloc(
      size,
      Uint8Array.from({ length: 251 }, (_, index) => index),
    );
    const { client, upstream } = await connectTo(answerWhen(size, ok));
    await call(client, { method: 'POST', body });
    await call(client, { method: 'POST', body });
    const head = `POST /mcp HTTP/1.1\r\nHost: upstream.example\r\nContent-Length: ${String(size)}\r\n\r\n`;
    const sent = (head + body.toString('latin1')).repeat(2);
    expect(upstream.connections).toHaveLength(1);
    expect(upstream.connections[0]?.received === sent).toBe(true);
  });

  it('in pieces arrives as it was given, however early they were written', async () => {
    const { client, upstream } = await connectTo(answerWhen(9, ok));
    for (const _time of [1, 2]) {
      const { sink, exchange } = sendTo(client, { method: 'POST', body: 'streamed', length: 9 });
      for (const piece of ['one', '', 'two', 'six']) exchange.write(Buffer.from(piece));
      exchange.endBody();
      await sink.over;
      expect(sink.told.slice(-2)).toEqual(['end', 'read done']);
    }
    expect(upstream.connections).toHaveLength(1);
    expect(upstream.connections[0]?.received.match(/\r\n\r\nonetwosix/g)).toHaveLength(2);
  });
});

function headOf(bytes: number): string {
  const [start, end] = ['HTTP/1.1 200 OK\r\nContent-Length: 10\r\nA: ', '\r\n\r\n'];
  return start + 'a'.repeat(bytes - start.length - end.length) + end;
}

/** Answers each request when so many bytes of its body are there. */
function answerWhen(size: number, answer: string): Script {
  return (peer: ScriptedConnection) => {
    const start = peer.received.lastIndexOf('\r\n\r\n') + 4;
    const look = (): void => {
      if (peer.received.length < start + size) return;
      peer.socket.off('data', look);
      peer.send(answer);
    };
    peer.socket.on('data', look);
    look();
  };
}

async function connectTo(script: Script): Promise<{ client: HttpClient; upstream: ScriptedUpstream }> {
  const upstream = await ScriptedUpstream.listen(script);
  const client = createHttpClient({
    origin: upstream.origin,
    connectTimeoutMs: 5_000,
    headerTimeoutMs: 20_000,
  });
  closers.push(
    () => upstream.close(),
    () => client.close(),
  );
  return { client, upstream };
}
