import { once } from 'node:events';

import { afterEach, describe, expect, it } from 'vitest';

import { type ProxiedPath, type ProxiedPathOptions, startProxiedPath } from '../support/proxied-path.ts';
import { chunk, replyJson } from '../support/recording-upstream.ts';

let path: ProxiedPath;

afterEach(async () => {
  expect(path.internalErrors).toEqual([]);
  await path.close();
});

async function start(options?: ProxiedPathOptions): Promise<ProxiedPath> {
  path = await startProxiedPath(options);
  return path;
}

const eventStreamHead =
  'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n';

/** Opens an event stream upstream and leaves it open. */
function answerWithStream(): void {
  path.upstream.answer = async (request, socket) => {
    await request.complete;
    socket.write(eventStreamHead);
  };
}

describe('an event stream', () => {
  it('arrives event by event: each is answered before the next is sent', async () => {
    await start();
    answerWithStream();
    const answer = await path.call({ body: '{}', headers: { accept: 'text/event-stream' } });
    const upstream = await path.upstream.request(0);
    expect(answer.headers['content-type']).toBe('text/event-stream');
    const events = ['id: 1\ndata:\nretry: 500\n\n', 'id: 2\ndata: {"a":1}\n\n', ': keep-alive\n\n'];
    for (const event of events) {
      upstream.socket.write(chunk(event));
      const [bytes] = (await once(answer.message, 'data')) as [Buffer];
      expect(bytes.toString()).toBe(event);
    }
    upstream.socket.write('0\r\n\r\n');
    await once(answer.message, 'end');
    expect(answer.message.complete).toBe(true);
  });

  it('shows its head before the first event', async () => {
    await start();
    answerWithStream();
    const answer = await path.call({ method: 'GET', headers: { 'last-event-id': 'stream-1/7' } });
    expect(answer.status).toBe(200);
    expect(path.upstream.requests[0]?.header('last-event-id')).toEqual(['stream-1/7']);
  });

  it('is marked so that nobody on the way holds events back', async () => {
    await start();
    answerWithStream();
    const answer = await path.call({ method: 'GET' });
    expect(answer.headers['x-accel-buffering']).toBe('no');
    expect(answer.headers['cache-control']).toBe('no-cache, no-transform');
    expect(answer.headers['content-encoding']).toBeUndefined();
  });

  it('does not stand in the way of calls beside it', async () => {
    await start();
    answerWithStream();
    const streams = await Promise.all([path.call({ method: 'GET' }), path.call({ method: 'GET' })]);
    path.upstream.answer = replyJson({ beside: true });
    expect(await (await path.call({ body: '{}' })).json()).toEqual({ beside: true });
    expect(streams.map((stream) => stream.status)).toEqual([200, 200]);
  });

  it('passes an event larger than any buffer', async () => {
    await start();
    answerWithStream();
    const answer = await path.call({ method: 'GET' });
    const upstream = await path.upstream.request(0);
    const size = 8_000_000;
    upstream.socket.write(chunk(`data: ${'x'.repeat(size)}\n\n`));
    upstream.socket.write('0\r\n\r\n');
    expect((await answer.text()).length).toBe(size + 8);
  });
});

describe('a client that goes away', () => {
  it('frees the upstream before it has answered', async () => {
    await start();
    path.upstream.answer = () => undefined;
    const raw = path.connect();
    raw.socket.write(`GET /mcp HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${path.issue()}\r\n\r\n`);
    const upstream = await path.upstream.request(0);
    raw.socket.destroy();
    await upstream.closed;
    await path.reported(1);
    expect(path.accesses[0]).toMatchObject({ status: 499, subject: 'alice' });
    expect(path.events).toEqual([]);
  });

  it('frees the upstream in mid-stream', async () => {
    await start();
    answerWithStream();
    const answer = await path.call({ method: 'GET' });
    const upstream = await path.upstream.request(0);
    upstream.socket.write(chunk('data: 1\n\n'));
    await once(answer.message, 'data');
    answer.message.destroy();
    await upstream.closed;
    await path.reported(1);
    expect(path.events).toEqual([]);
  });

  it('frees the upstream in the middle of its own body', async () => {
    await start();
    const raw = path.connect();
    raw.socket.write(
      `POST /mcp HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${path.issue()}\r\nTransfer-Encoding: chunked\r\n\r\n` +
        chunk('half'),
    );
    const upstream = await path.upstream.request(0);
    raw.socket.destroy();
    await upstream.closed;
  });

  it('costs the upstream nothing while a small body is still on its way', async () => {
    await start();
    const raw = path.connect();
    raw.socket.write(
      `POST /mcp HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${path.issue()}\r\nContent-Length: 100\r\n\r\n{`,
    );
    await once(path.server, 'request');
    raw.socket.destroy();
    await path.reported(1);
    expect(path.upstream.openConnections).toBe(0);
    expect(path.upstream.requests).toEqual([]);
  });

  it.each([
    ['calls', 'POST', 503, '1'],
    ['streams', 'GET', 429, '5'],
  ])('gives its place among the %s in flight back', async (_, method, status, retryAfter) => {
    await start({ perSubjectConcurrency: 1, perSubjectStreams: 1 });
    answerWithStream();
    const stream = await path.call({ method });
    const refused = await path.call({ method });
    expect(refused.status).toBe(status);
    expect(refused.headers['retry-after']).toBe(retryAfter);
    expect(await refused.json()).toMatchObject({ error: 'temporarily_unavailable' });
    expect(path.upstream.requests.length).toBe(1);
    stream.message.destroy();
    await path.reported(2);
    path.upstream.answer = replyJson({});
    expect((await path.call({ method })).status).toBe(200);
  });

  it('takes none of the places of the other kind', async () => {
    await start({ perSubjectConcurrency: 1, perSubjectStreams: 1 });
    answerWithStream();
    await path.call({ method: 'GET' });
    expect((await path.call({ body: '{}' })).status).toBe(200);
    expect((await path.call({ body: '{}' })).status).toBe(503);
  });

  it('is among the streams when it asked to listen with a POST, as long as there is a place', async () => {
    await start({ perSubjectConcurrency: 1, perSubjectStreams: 2 });
    answerWithStream();
    const body = '{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen"}';
    for (let count = 0; count < 3; count += 1) expect((await path.call({ body })).status).toBe(200);
    expect((await path.call({ body })).status).toBe(503);
    expect((await path.call({ method: 'GET' })).status).toBe(429);
    expect(path.upstream.requests.length).toBe(3);
  });
});

describe('clients that break off at every byte', () => {
  it('leave nothing behind: no error, no connection, no place taken', async () => {
    await start({ perSubjectConcurrency: 1 });
    const body = '{"jsonrpc":"2.0"}';
    const bytes =
      `POST /mcp HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\nAuthorization: Bearer ${path.issue()}` +
      `\r\n\r\n${body}`;
    path.upstream.answer = async (request, socket) => {
      await request.complete;
      socket.write(`${eventStreamHead}${chunk('data: 1\n\n')}`);
    };
    for (let length = 1; length <= bytes.length; length += 7) {
      const raw = path.connect();
      raw.socket.write(bytes.slice(0, length), () => raw.socket.resetAndDestroy());
      await raw.closed;
      // Its place is free once the gateway has noticed.
      while (path.gatewaySockets.size > 0) await turns(1);
    }
    const raw = path.connect();
    raw.socket.write(bytes);
    await raw.until(/data: 1/);
    raw.socket.destroy();
    await Promise.all(path.upstream.requests.map((request) => request.closed));
    while (path.gatewaySockets.size > 0) await turns(1);
    path.upstream.answer = replyJson({ alive: true });
    expect(await (await path.call({ body })).json()).toEqual({ alive: true });
    expect(path.events).toEqual([]);
  });
});

describe('an upstream that breaks off', () => {
  it.each([
    ['chunks', eventStreamHead + chunk('data: 1\n\n') + chunk('data: ha')],
    ['a length', 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{"half":'],
  ])('in an answer with %s is seen by the client as broken', async (_framing, bytes) => {
    await start();
    path.upstream.answer = async (request, socket) => {
      await request.complete;
      socket.write(bytes);
    };
    const raw = path.connect();
    raw.socket.write(`GET /mcp HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${path.issue()}\r\n\r\n`);
    await raw.until(/(?:half|data: ha)/);
    path.upstream.requests[0]?.socket.resetAndDestroy();
    await raw.closed;
    expect(raw.received()).not.toContain('0\r\n\r\n');
    await path.reported(1);
    expect(path.events).toEqual([{ type: 'upstream_failed', kind: 'reset' }]);
  });

  it('does not hurt the next call', async () => {
    await start();
    path.upstream.answer = async (request, socket) => {
      await request.complete;
      socket.end('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nshort');
    };
    const broken = await path.call({ body: '{}' });
    await expect(broken.text()).rejects.toThrow();
    path.upstream.answer = replyJson({ next: true });
    expect(await (await path.call({ body: '{}' })).json()).toEqual({ next: true });
  });
});

describe('back-pressure', () => {
  it('stops reading from an upstream whose client does not read', async () => {
    await start();
    const block = chunk('x'.repeat(1_000_000));
    const total = 200;
    let written = 0;
    path.upstream.answer = async (request, socket) => {
      await request.complete;
      socket.write(eventStreamHead);
      while (written < total && !socket.destroyed) {
        written += 1;
        if (!socket.write(block)) await once(socket, 'drain');
      }
      socket.write('0\r\n\r\n');
    };
    const answer = await path.call({ method: 'GET' });
    answer.message.pause();
    // The writer stands still once every buffer between it and the reader is full.
    let before = -1;
    while (written !== before) {
      before = written;
      for (let turn = 0; turn < 200; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(written).toBeLessThan(50);
    const buffered = [...path.gatewaySockets].reduce((sum, socket) => sum + socket.writableLength, 0);
    expect(buffered).toBeLessThan(4_000_000);
    let received = 0;
    answer.message.on('data', (bytes: Buffer) => {
      received += bytes.length;
    });
    answer.message.resume();
    await once(answer.message, 'end');
    expect(received).toBe(total * 1_000_000);
  });

  it('stops reading from a client whose upstream does not read', async () => {
    await start({ maxBodyBytes: 500_000_000 });
    path.upstream.answer = (request, socket) => {
      socket.pause();
      void request.complete.then(() => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n'));
    };
    const raw = path.connect();
    raw.socket.write(
      `POST /mcp HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${path.issue()}\r\nTransfer-Encoding: chunked\r\n\r\n`,
    );
    const block = chunk('y'.repeat(1_000_000));
    let blocks = 0;
    let stalled = false;
    while (!stalled && blocks < 200) {
      blocks += 1;
      if (raw.socket.write(block)) continue;
      const drained = once(raw.socket, 'drain').then(() => true);
      stalled = !(await Promise.race([drained, turns(3_000).then(() => false)]));
    }
    expect(stalled).toBe(true);
    expect(blocks).toBeLessThan(60);
    path.upstream.requests[0]?.socket.resume();
    raw.socket.write('0\r\n\r\n');
    await raw.until(/200 OK/);
    expect(path.upstream.requests[0]?.body().length).toBe(blocks * 1_000_000);
  });
});

describe('a body above the cap', () => {
  it('is refused by its length, and the connection stays usable', async () => {
    await start({ maxBodyBytes: 100_000 });
    const raw = path.connect();
    const authorization = `Authorization: Bearer ${path.issue()}\r\n`;
    raw.socket.write(`POST /mcp HTTP/1.1\r\nHost: x\r\n${authorization}Content-Length: 100001\r\n\r\n`);
    await raw.until(/^HTTP\/1\.1 413 [^]*The request body is too large"}$/);
    expect(path.upstream.openConnections).toBe(0);
    raw.socket.write('x'.repeat(100_001));
    raw.socket.write(`GET /mcp HTTP/1.1\r\nHost: x\r\n${authorization}\r\n`);
    await raw.until(/HTTP\/1\.1 200 OK/);
    expect(path.upstream.requests.map((request) => request.method)).toEqual(['GET']);
  });

  it('is refused by its bytes when it has no length, and the upstream is let go', async () => {
    await start({ maxBodyBytes: 100_000 });
    const raw = path.connect();
    raw.socket.write(
      `POST /mcp HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${path.issue()}\r\nTransfer-Encoding: chunked\r\n\r\n`,
    );
    raw.socket.write(chunk('x'.repeat(60_000)));
    const upstream = await path.upstream.request(0);
    raw.socket.write(chunk('x'.repeat(60_000)));
    await raw.until(/^HTTP\/1\.1 413 /);
    await upstream.closed;
    expect(path.events).toMatchObject([
      { type: 'request_refused', endpoint: 'mcp', reason: 'body_too_large', status: 413 },
    ]);
  });

  it('cuts off a client that does not stop', async () => {
    await start({ maxBodyBytes: 100_000 });
    const raw = path.connect();
    raw.socket.write('POST /mcp HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n');
    await raw.until(/^HTTP\/1\.1 401 /);
    const block = chunk('x'.repeat(60_000));
    const pump = (): void => {
      if (!raw.socket.destroyed) raw.socket.write(block, () => setImmediate(pump));
    };
    pump();
    await raw.closed;
  });
});

describe('an upstream that answers before it has read the body', () => {
  it('is heard, and its connection is not used again', async () => {
    await start();
    path.upstream.answer = (_request, socket) => {
      socket.write('HTTP/1.1 400 X\r\ncontent-length: 3\r\n\r\nno\n');
    };
    const raw = path.connect();
    const authorization = `Authorization: Bearer ${path.issue()}\r\n`;
    raw.socket.write(`POST /mcp HTTP/1.1\r\nHost: x\r\n${authorization}Transfer-Encoding: chunked\r\n\r\n`);
    raw.socket.write(chunk('part'));
    await raw.until(/^HTTP\/1\.1 400 [^]*no\n$/);
    await path.upstream.requests[0]?.closed;
    raw.socket.write(`${chunk('r'.repeat(1_000_000))}0\r\n\r\n`);
    path.upstream.answer = replyJson({ next: true });
    raw.socket.write(`GET /mcp HTTP/1.1\r\nHost: x\r\n${authorization}\r\n`);
    await raw.until(/"next":true/);
    expect(path.upstream.requests[1]).toMatchObject({ method: 'GET', connection: 1 });
  });
});

describe('a stream and the right to have it', () => {
  it('ends when the grant is revoked', async () => {
    await start();
    answerWithStream();
    const answer = await path.call({ body: '{}' });
    const upstream = await path.upstream.request(0);
    path.liveCalls.sweep();
    expect(upstream.socket.destroyed).toBe(false);
    path.revoked.add('grant-1');
    path.liveCalls.sweep();
    await expect(answer.text()).rejects.toThrow();
    await upstream.closed;
  });

  it('that only listens ends cleanly when the token expires', async () => {
    await start();
    answerWithStream();
    const answer = await path.call({ method: 'GET' });
    path.clock.advance(3600);
    path.liveCalls.sweep();
    expect(await answer.text()).toBe('');
    await path.upstream.requests[0]?.closed;
  });

  it('that answers a call has some time left after its token expired', async () => {
    await start();
    answerWithStream();
    const answer = await path.call({ body: '{}' });
    const upstream = await path.upstream.request(0);
    path.clock.advance(3601);
    path.liveCalls.sweep();
    upstream.socket.write(chunk('data: late\n\n'));
    const [bytes] = (await once(answer.message, 'data')) as [Buffer];
    expect(bytes.toString()).toBe('data: late\n\n');
    path.clock.advance(300);
    path.liveCalls.sweep();
    await upstream.closed;
  });

  it('is refused while its body is still on its way, and the upstream hears nothing', async () => {
    await start();
    const raw = path.connect();
    raw.socket.write(
      `POST /mcp HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${path.issue()}\r\nContent-Length: 2\r\n\r\n{`,
    );
    await once(path.server, 'request');
    path.revoked.add('grant-1');
    path.liveCalls.sweep();
    await raw.until(/^HTTP\/1\.1 401 [^]*}$/);
    raw.socket.write('}GET /mcp HTTP/1.1\r\nHost: x\r\n\r\n');
    await raw.until(/}HTTP\/1\.1 401 /);
    path.revoked.clear();
    expect((await path.call({ method: 'GET' })).status).toBe(200);
    expect(path.upstream.requests.map((request) => request.method)).toEqual(['GET']);
  });

  it('is refused while it waits for the upstream', async () => {
    await start();
    path.upstream.answer = () => undefined;
    const pending = path.call({ body: '{}' });
    const upstream = await path.upstream.request(0);
    path.revoked.add('grant-1');
    path.liveCalls.sweep();
    const answer = await pending;
    expect(answer.status).toBe(401);
    expect(answer.headers['www-authenticate']).toContain('error="invalid_token"');
    await upstream.closed;
  });
});

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}
