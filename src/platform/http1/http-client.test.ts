import { Socket } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';

import { call, RecordingSink, sendTo } from '../../../test/support/recording-sink.ts';
import { type Script, ScriptedUpstream } from '../../../test/support/scripted-upstream.ts';
import { createHttpClient, type HttpClientOptions } from './http-client.ts';
import type { HttpClient } from './response-sink.ts';

const closers: Array<() => unknown> = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

describe('a kept connection', () => {
  it('carries one request after another', async () => {
    const { client, upstream } = await connectTo((peer) => peer.send(ok));
    for (let count = 0; count < 20; count += 1) {
      expect((await call(client)).told).toEqual(['head 200', 'data ok', 'end', 'read done']);
    }
    expect(upstream.requests).toBe(20);
    expect(upstream.connections).toHaveLength(1);
  });

  it('is there again when the end of its answer is told', async () => {
    const { client, upstream } = await connectTo((peer) => peer.send(ok));
    const second = new RecordingSink();
    const { sink } = sendTo(client);
    sink.onTold = (event) => {
      if (event === 'end') sendTo(client, {}, second);
    };
    await second.over;
    expect(sink.told).toEqual(['head 200', 'data ok', 'end', 'read done']);
    expect(second.told).toEqual(['head 200', 'data ok', 'end', 'read done']);
    expect(upstream.connections).toHaveLength(1);
  });

  it('is taken before those that have waited longer', async () => {
    const { client, upstream } = await connectTo((peer, number) => {
      // The answers come in the order in which the connections were made.
      setTimeout(() => peer.send(ok), number < 3 ? 20 * number : 0);
    });
    await Promise.all([call(client), call(client), call(client)]);
    expect(upstream.connections).toHaveLength(3);
    await call(client, { target: '/last' });
    expect(upstream.connections[2]?.received).toContain('/last');
  });

  it('is closed when there are enough', async () => {
    const { client, upstream } = await connectTo((peer) => peer.send(ok), { maxIdle: 1 });
    await Promise.all([call(client), call(client), call(client)]);
    await vi.waitFor(() => expect(upstream.open).toHaveLength(1));
  });

  it('is closed after the time allowed', async () => {
    const { client, upstream } = await connectTo((peer) => peer.send(ok), { idleTimeoutMs: 300 });
    await call(client);
    expect(upstream.open).toHaveLength(1);
    await vi.waitFor(() => expect(upstream.open).toHaveLength(0), 5_000);
  });

  it('is closed a second before the upstream would', async () => {
    const hinting = (seconds: number) =>
      `HTTP/1.1 200 OK\r\nKeep-Alive: timeout=${String(seconds)}, max=100\r\nContent-Length: 0\r\n\r\n`;
    const { client, upstream } = await connectTo((peer, number) => peer.send(hinting(number === 0 ? 1 : 2)));
    await call(client);
    await vi.waitFor(() => expect(upstream.open).toHaveLength(0));
    await call(client);
    expect(upstream.open).toHaveLength(1);
    await vi.waitFor(() => expect(upstream.open).toHaveLength(0), 3_000);
  });

  it('is dropped when bytes come that nobody asked for', async () => {
    const { client, upstream } = await connectTo((peer, number) => {
      peer.send(ok);
      if (number === 0) setTimeout(() => peer.send('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil'), 30);
    });
    await call(client);
    await vi.waitFor(() => expect(upstream.open).toHaveLength(0));
    expect((await call(client)).body).toBe('ok');
    expect(upstream.connections).toHaveLength(2);
  });

  it('is dropped when the upstream ends or resets it', async () => {
    for (const stop of [(socket: Socket) => socket.end(), (socket: Socket) => socket.resetAndDestroy()]) {
      const { client, upstream } = await connectTo((peer) => peer.send(ok));
      await call(client);
      const [first] = upstream.connections;
      if (first !== undefined) stop(first.socket);
      await vi.waitFor(() => expect(upstream.open).toHaveLength(0));
      expect((await call(client, { method: 'POST', body: Buffer.from('x') })).body).toBe('ok');
      expect(upstream.requests).toBe(2);
    }
  });

  it('is not used again after an answer with bytes behind it', async () => {
    const { client, upstream } = await connectTo((peer) => {
      peer.send(`${ok}HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil`);
    });
    expect((await call(client)).told).toEqual(['head 200', 'data ok', 'end', 'read done']);
    expect((await call(client)).body).toBe('ok');
    expect(upstream.connections).toHaveLength(2);
    await vi.waitFor(() => expect(upstream.open).toHaveLength(0));
  });

  it('is not used again when the end of the answer filled the read and more is behind it', async () => {
    const head = 'HTTP/1.1 200 OK\r\nContent-Length: 400000\r\n\r\n';
    const { client, upstream } = await connectTo((peer, number) => {
      const evil = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil'.repeat(2_000);
      peer.send(number === 0 ? head + 'x'.repeat(400_000) + evil : ok);
    });
    const second = new RecordingSink();
    const { sink } = sendTo(client);
    sink.onTold = (event) => {
      if (event === 'end') sendTo(client, {}, second);
    };
    await second.over;
    expect(second.body).toBe('ok');
    expect(upstream.connections).toHaveLength(2);
  });

  it.each([
    ['closes', 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok'],
    ['is of HTTP/1.0', 'HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok'],
    [
      'is of HTTP/1.0 and wants to go on',
      'HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok',
    ],
  ])('is not used again after an answer that %s', async (_what, answer) => {
    const { client, upstream } = await connectTo((peer) => peer.send(answer));
    expect((await call(client)).body).toBe('ok');
    expect((await call(client)).body).toBe('ok');
    expect(upstream.connections).toHaveLength(2);
    await vi.waitFor(() => expect(upstream.open).toHaveLength(0));
  });

  it('is not used again when the answer came before the request was whole', async () => {
    const { client, upstream } = await connectTo((peer) => {
      peer.socket.pause();
      peer.send('HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno');
    });
    const whole = await call(client, { method: 'POST', body: Buffer.alloc(10_000_000) });
    expect(whole.told).toEqual(['head 401', 'data no', 'end', 'read done']);
    const { sink, exchange } = sendTo(client, { method: 'POST', body: 'streamed', length: 100 });
    exchange.write(Buffer.alloc(50));
    await sink.over;
    expect(sink.told.slice(-4)).toEqual(['head 401', 'data no', 'end', 'read done']);
    expect(exchange.write(Buffer.alloc(50))).toBe(true);
    exchange.endBody();
    expect(upstream.connections).toHaveLength(2);
    for (const connection of upstream.connections) connection.socket.resume();
    await vi.waitFor(() => expect(upstream.open).toHaveLength(0));
  });
});

describe('a stale connection', () => {
  /** Answers the first request; every later one on the same connection ends it with no answer. */
  const answerOnce: Script = (peer) => {
    if (peer.received.split('\r\n\r\n').length === 2) peer.send(ok);
    else peer.socket.resetAndDestroy();
  };

  it.each(['GET', 'HEAD', 'OPTIONS', 'DELETE'])('costs %s nothing: it is sent once more', async (method) => {
    const head = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n';
    const { client, upstream } = await connectTo((peer, number) =>
      number === 1 ? peer.socket.destroy() : peer.send(head),
    );
    await call(client);
    expect((await call(client, { method })).told).toEqual(['head 200', 'end', 'read done']);
    expect(upstream.requests).toBe(3);
    expect(upstream.connections).toHaveLength(2);
  });

  it('fails a POST, which may have been carried out', async () => {
    const { client, upstream } = await connectTo(answerOnce);
    await call(client);
    expect((await call(client, { method: 'POST', body: Buffer.from('{}') })).told).toEqual(['failure reset']);
    expect(upstream.requests).toBe(2);
  });

  it('fails a POST without a body, and a DELETE with one', async () => {
    const { client, upstream } = await connectTo(answerOnce);
    await call(client);
    expect((await call(client, { method: 'POST' })).failure).toBe('reset');
    await call(client);
    expect((await call(client, { method: 'DELETE', body: Buffer.from('x') })).failure).toBe('reset');
    expect(upstream.requests).toBe(4);
  });

  it('is forgiven only once', async () => {
    const { client, upstream } = await connectTo((peer, number) =>
      number === 0 ? peer.send(ok) : peer.socket.destroy(),
    );
    await call(client);
    expect((await call(client)).told).toEqual(['failure reset']);
    expect(upstream.requests).toBe(3);
  });

  it('is not forgiven after a byte of an answer', async () => {
    const { client, upstream } = await connectTo((peer, number) => {
      peer.send(number === 0 ? ok : 'H');
      if (number === 1) peer.socket.end();
    });
    await call(client);
    expect((await call(client)).told.at(-1)).toBe('failure reset');
    expect(upstream.requests).toBe(2);
  });

  it('is one that was used: a fresh one that dies is not forgiven', async () => {
    const { client, upstream } = await connectTo((peer) => peer.socket.destroy());
    expect((await call(client)).told).toEqual(['failure reset']);
    expect(upstream.requests).toBe(1);
  });

  it('says nothing to a caller who has given up', async () => {
    const { client, upstream } = await connectTo((peer, number) =>
      number === 0 ? peer.send(ok) : undefined,
    );
    await call(client);
    const { sink, exchange } = sendTo(client);
    exchange.abort();
    exchange.abort();
    await vi.waitFor(() => expect(upstream.open).toHaveLength(0));
    expect(sink.told).toEqual([]);
    expect(upstream.connections).toHaveLength(1);
  });
});

describe('deadlines', () => {
  it('fails when there is no connection in time', async () => {
    const socket = new Socket();
    const client = track(
      createHttpClient({
        origin: new URL('http://127.0.0.1:1'),
        connectTimeoutMs: 10,
        headerTimeoutMs: 10_000,
        connect: () => socket,
      }),
    );
    const sink = await call(client);
    expect(sink.told).toEqual(['failure connect-timeout']);
    expect(socket.destroyed).toBe(true);
  });

  it('fails when nobody listens', async () => {
    const { client, upstream } = await connectTo(() => undefined);
    await upstream.close();
    const { sink } = sendTo(client);
    expect(sink.told).toEqual([]);
    await sink.over;
    expect(sink.told).toEqual(['failure unreachable']);
  });

  it.each([
    ['none of it', ''],
    ['an interim one', 'HTTP/1.1 102 Processing\r\n\r\n'],
    ['half of it', 'HTTP/1.1 200 OK\r\nContent-Le'],
  ])('fails when the head is late and %s has come', async (_what, text) => {
    const { client, upstream } = await connectTo(
      (peer) => {
        if (text !== '') peer.send(text);
      },
      { headerTimeoutMs: 100 },
    );
    const sink = await call(client, { method: 'POST', body: Buffer.from('{}') });
    expect(sink.told).toEqual(['failure header-timeout']);
    expect(upstream.requests).toBe(1);
    await vi.waitFor(() => expect(upstream.open).toHaveLength(0));
  });

  it('fails when the upstream takes no more of the body', async () => {
    const { client } = await connectTo((peer) => peer.socket.pause(), { headerTimeoutMs: 100 });
    const whole = call(client, { method: 'POST', body: Buffer.alloc(20_000_000) });
    expect((await whole).told).toEqual(['failure header-timeout']);
    const { sink, exchange } = sendTo(client, { method: 'POST', body: 'streamed', length: 20_000_000 });
    sink.onTold = () => {
      while (sink.failure === undefined && exchange.write(Buffer.alloc(65_536)));
    };
    sink.onTold('');
    await sink.over;
    expect(sink.told.at(-1)).toBe('failure header-timeout');
  });

  it('gives the caller time for a body, and the upstream for a stream', async () => {
    const { client } = await connectTo(
      async (peer) => {
        await vi.waitFor(() => expect(peer.received).toContain('late'), 5_000);
        peer.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
        setTimeout(() => peer.send('2\r\nok\r\n0\r\n\r\n'), 900);
      },
      { headerTimeoutMs: 100 },
    );
    const { sink, exchange } = sendTo(client, { method: 'POST', body: 'streamed', length: 4 });
    setTimeout(() => {
      exchange.write(Buffer.from('late'));
      exchange.endBody();
    }, 900);
    await sink.over;
    expect(sink.told.filter((event) => event !== 'read done' && event !== 'writable')).toEqual([
      'head 200',
      'data ok',
      'end',
    ]);
  });
});

describe('abort', () => {
  it('before there is a connection leaves nothing behind', async () => {
    const { client, upstream } = await connectTo((peer) => peer.send(ok));
    const { sink, exchange } = sendTo(client);
    exchange.abort();
    await call(client);
    await vi.waitFor(() => expect(upstream.open).toHaveLength(1));
    expect(sink.told).toEqual([]);
    expect(upstream.requests).toBe(1);
  });

  it.each(['head 200', 'data first'])('at `%s` is the last that happens', async (moment) => {
    const { client, upstream } = await connectTo((peer) => {
      peer.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n4\r\nmore\r\n0\r\n\r\n');
    });
    const { sink, exchange } = sendTo(client);
    sink.onTold = (event) => {
      if (event === moment) exchange.abort();
    };
    await sink.until(moment);
    await vi.waitFor(() => expect(upstream.open).toHaveLength(0));
    expect(sink.told.at(-1)).toBe(moment);
    expect((await call(client)).body).toBe('firstmore');
  });

  it('frees the upstream in the middle of a stream', async () => {
    const { client, upstream } = await connectTo((peer) => {
      peer.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n');
    });
    const { sink, exchange } = sendTo(client);
    await sink.until('data first');
    exchange.abort();
    await vi.waitFor(() => expect(upstream.open).toHaveLength(0));
    expect(sink.told).toEqual(['head 200', 'data first', 'read done']);
  });

  it('after the end costs no connection', async () => {
    const { client, upstream } = await connectTo((peer) => peer.send(ok));
    const { sink, exchange } = sendTo(client);
    await sink.over;
    exchange.abort();
    await call(client);
    expect(upstream.connections).toHaveLength(1);
  });
});

describe('close', () => {
  it('fails what is under way and closes what is idle', async () => {
    const { client, upstream } = await connectTo((peer, number) =>
      number === 0 ? peer.send(ok) : undefined,
    );
    await call(client);
    const waiting = [sendTo(client), sendTo(client)];
    await vi.waitFor(() => expect(upstream.requests).toBe(3));
    const dialing = sendTo(client);
    client.close();
    for (const { sink } of [...waiting, dialing]) expect(sink.told).toEqual(['failure reset']);
    await vi.waitFor(() => expect(upstream.open).toHaveLength(0));
    expect(upstream.requests).toBe(3);
  });

  it('fails what is sent afterwards, but not within the call', async () => {
    const { client, upstream } = await connectTo((peer) => peer.send(ok));
    client.close();
    const { sink } = sendTo(client);
    expect(sink.told).toEqual([]);
    await sink.over;
    expect(sink.told).toEqual(['failure reset']);
    expect(upstream.connections).toHaveLength(0);
  });
});

function track(client: HttpClient): HttpClient {
  closers.push(() => client.close());
  return client;
}

async function connectTo(
  script: Script,
  options: Partial<HttpClientOptions> = {},
): Promise<{ client: HttpClient; upstream: ScriptedUpstream }> {
  const upstream = await ScriptedUpstream.listen(script);
  closers.push(() => upstream.close());
  const timeouts = { connectTimeoutMs: 5_000, headerTimeoutMs: 20_000 };
  return { upstream, client: track(createHttpClient({ origin: upstream.origin, ...timeouts, ...options })) };
}
