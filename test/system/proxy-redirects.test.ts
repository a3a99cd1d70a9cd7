import { afterEach, describe, expect, it } from 'vitest';

import { type ProxiedPath, type ProxiedPathOptions, startProxiedPath } from '../support/proxied-path.ts';
import {
  type Answer,
  chunk,
  type RecordedRequest,
  reply,
  replyJson,
  replyRaw,
} from '../support/recording-upstream.ts';

let path: ProxiedPath;

afterEach(async () => {
  expect(path.internalErrors).toEqual([]);
  await path.close();
});

/** An upstream that knows one target and answers this at every other. */
async function start(
  elsewhere: Answer,
  there: Answer = replyJson({ ok: true }),
  options: ProxiedPathOptions = { upstreamAuthorization: 'Bearer upstream-credential' },
): Promise<void> {
  path = await startProxiedPath(options);
  path.upstream.answer = (request, socket) =>
    (request.target === '/mcp/' ? there : elsewhere)(request, socket);
}

const toSlash = reply(307, { location: '/mcp/' });
const initialize = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params: {} });

/** Header lines, names in lower case, in the sender's order. */
function linesOf(request: RecordedRequest | undefined): readonly string[] {
  return (request?.headerLines ?? []).map(([name, value]) => `${name.toLowerCase()}: ${value}`);
}

async function expectNotFollowed(asked: number): Promise<void> {
  await path.reported(1);
  expect(path.accesses[0]).toMatchObject({ status: 502, reason: 'upstream_redirected' });
  expect(path.events).toMatchObject([
    { type: 'upstream_failed', kind: 'redirect' },
    { type: 'request_refused', endpoint: 'mcp', reason: 'upstream_redirected', status: 502 },
  ]);
  expect(path.upstream.requests.length).toBe(asked);
}

describe('an upstream that wants the slash', () => {
  it.each([307, 308])(
    'gets a POST again after its %i, body and headers as the first time',
    async (status) => {
      await start(reply(status, { location: '/mcp/', 'set-cookie': 'a=b', 'x-user-sub': 'root' }));
      const headers = { 'mcp-session-id': 's1', 'x-user-sub': 'root', cookie: 'c=d' };
      const answer = await path.call({ body: initialize, headers });
      expect(answer.status).toBe(200);
      expect(await answer.json()).toEqual({ ok: true });
      expect(answer.headers.location).toBeUndefined();
      const [first, second, ...more] = path.upstream.requests;
      expect(more).toEqual([]);
      expect(first).toMatchObject({ method: 'POST', target: '/mcp' });
      expect(second).toMatchObject({ method: 'POST', target: '/mcp/' });
      expect(second?.body()).toBe(initialize);
      expect(linesOf(second)).toEqual(linesOf(first));
      expect(second?.header('x-user-sub')).toEqual(['alice']);
      expect(second?.header('authorization')).toEqual(['Bearer upstream-credential']);
      expect(second?.header('mcp-session-id')).toEqual(['s1']);
      expect(second?.header('cookie')).toEqual([]);
    },
  );

  it('may say so with its whole address', async () => {
    await start(async (request, socket) => {
      await reply(307, { location: `${path.upstream.origin}/mcp/` })(request, socket);
    });
    expect((await path.call({ body: initialize })).status).toBe(200);
  });

  it('sees no credential of the client, and none of ours when there is none', async () => {
    await start(toSlash, undefined, {});
    await (await path.call({ body: initialize })).text();
    expect(path.upstream.requests.map((request) => request.header('authorization'))).toEqual([[], []]);
  });

  it('gets the stream of a GET opened, and what it sends arrives event by event', async () => {
    await start(toSlash, (_request, socket) => {
      socket.write(
        'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n' +
          chunk('data: 1\n\n'),
      );
    });
    const raw = path.connect();
    raw.socket.write(
      `GET /mcp HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\nLast-Event-ID: 7\r\n` +
        `Authorization: Bearer ${path.issue()}\r\n\r\n`,
    );
    await raw.until(/data: 1\n\n/);
    const second = await path.upstream.request(1);
    expect(second).toMatchObject({ method: 'GET', target: '/mcp/' });
    expect(second.header('last-event-id')).toEqual(['7']);
    second.socket.write(chunk('data: 2\n\n'));
    await raw.until(/data: 2\n\n/);
    raw.socket.destroy();
    await second.closed;
  });

  it('gets a DELETE', async () => {
    await start(toSlash, reply(204));
    const answer = await path.call({ method: 'DELETE', headers: { 'mcp-session-id': 's1' } });
    expect(answer.status).toBe(204);
    expect(path.upstream.requests[1]).toMatchObject({ method: 'DELETE', target: '/mcp/' });
    expect(path.upstream.requests[1]?.header('mcp-session-id')).toEqual(['s1']);
  });

  it('gets a POST with an empty body', async () => {
    await start(toSlash, reply(202));
    expect((await path.call({ headers: { 'content-length': '0' } })).status).toBe(202);
  });

  it('or wants none of it, is asked without', async () => {
    await start(reply(200), reply(308, { location: '/mcp' }));
    expect((await path.call({ target: '/mcp/', body: initialize })).status).toBe(200);
    expect(path.upstream.requests.map((request) => request.target)).toEqual(['/mcp/', '/mcp']);
  });

  it('has its 404 there passed on', async () => {
    await start(toSlash, reply(404, { 'content-type': 'application/json' }, '{"error":"no session"}'));
    const answer = await path.call({ body: initialize });
    expect(answer.status).toBe(404);
    expect(await answer.text()).toBe('{"error":"no session"}');
  });

  it('is recorded as one call', async () => {
    await start(reply(307, { location: '/mcp/' }, 'moved'));
    await (await path.call({ body: initialize })).text();
    await path.reported(1);
    expect(path.accesses).toMatchObject([
      { status: 200, requestBytes: initialize.length, responseBytes: 11, reason: undefined },
    ]);
    expect(path.events).toEqual([]);
  });
});

describe('the body of a redirect', () => {
  it('is read, and its connection used again', async () => {
    await start(reply(307, { location: '/mcp/', 'content-type': 'text/html' }, '<a href="/mcp/">here</a>'));
    for (let count = 0; count < 6; count += 1) {
      const answer = await path.call({ body: initialize });
      expect(await answer.text()).toBe('{"ok":true}');
    }
    expect(path.upstream.requests.length).toBe(12);
    expect(new Set(path.upstream.requests.map((request) => request.connection)).size).toBeLessThanOrEqual(2);
  });

  it('costs its connection when it is long', async () => {
    await start(reply(307, { location: '/mcp/' }, 'x'.repeat(200_000)));
    const answer = await path.call({ body: initialize });
    expect(await answer.text()).toBe('{"ok":true}');
    await path.upstream.requests[0]?.closed;
  });

  it('costs its connection when it never ends', async () => {
    await start((request, socket) => {
      socket.write('HTTP/1.1 307 X\r\nlocation: /mcp/\r\ntransfer-encoding: chunked\r\n\r\n');
      const timer = setInterval(() => socket.write(chunk('x'.repeat(4000))), 1);
      void request.closed.then(() => {
        clearInterval(timer);
      });
    });
    expect(await (await path.call({ body: initialize })).text()).toBe('{"ok":true}');
    await path.upstream.requests[0]?.closed;
  });

  it('is not waited for when it stops half-way', async () => {
    await start(replyRaw('HTTP/1.1 307 X\r\nlocation: /mcp/\r\ncontent-length: 5\r\n\r\nmo'));
    expect(await (await path.call({ body: initialize })).text()).toBe('{"ok":true}');
    await path.upstream.requests[0]?.closed;
    expect(path.upstream.requests.length).toBe(2);
  });

  it.each([
    ['ends with its connection', 'HTTP/1.1 307 X\r\nlocation: /mcp/\r\nconnection: close\r\n\r\nmoved'],
    ['is cut short', 'HTTP/1.1 307 X\r\nlocation: /mcp/\r\ncontent-length: 50\r\n\r\nmoved'],
  ])('does not matter when it %s', async (_what, bytes) => {
    await start((_request, socket) => {
      socket.end(bytes);
    });
    expect(await (await path.call({ body: initialize })).text()).toBe('{"ok":true}');
    expect(path.upstream.requests.map((request) => request.connection)).toEqual([0, 1]);
  });

  it('waits for nobody once the client is gone', async () => {
    await start(replyRaw('HTTP/1.1 307 X\r\nlocation: /mcp/\r\ncontent-length: 5\r\n\r\n'));
    const raw = path.connect();
    raw.socket.write(`GET /mcp HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${path.issue()}\r\n\r\n`);
    const first = await path.upstream.request(0);
    raw.socket.destroy();
    await first.closed;
    await path.reported(1);
    expect(path.accesses[0]).toMatchObject({ status: 499 });
    expect(path.upstream.requests.length).toBe(1);
  });
});

describe('a redirect that is not followed', () => {
  it('is one of a body that is streamed', async () => {
    await start(toSlash);
    const raw = path.connect();
    raw.socket.write(
      `POST /mcp HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${path.issue()}\r\nTransfer-Encoding: chunked\r\n\r\n` +
        `${chunk(initialize)}0\r\n\r\n`,
    );
    const received = await raw.until(/502 Bad Gateway[^]*\r\n\r\n/);
    expect(received).not.toMatch(/location/i);
    raw.socket.destroy();
    await expectNotFollowed(1);
  });

  it('is one of a body too large to be held', async () => {
    await start(toSlash);
    const answer = await path.call({ body: Buffer.alloc(70_000, ' ') });
    expect(answer.status).toBe(502);
    expect(answer.headers.location).toBeUndefined();
    await answer.text();
    await expectNotFollowed(1);
  });

  it.each([301, 302, 303])('is a %i, even within the mount', async (status) => {
    await start(reply(status, { location: '/mcp/' }));
    expect((await path.call({ method: 'GET' })).status).toBe(502);
    await expectNotFollowed(1);
  });

  it('is the fourth in a row', async () => {
    await start(async (request, socket) => {
      await reply(307, { location: `${request.target}/x` })(request, socket);
    });
    expect((await path.call({ body: initialize })).status).toBe(502);
    await expectNotFollowed(4);
  });
});

describe('a call that is revoked on its way', () => {
  it('does not reach the second target', async () => {
    await start(replyRaw('HTTP/1.1 307 X\r\nlocation: /mcp/\r\ncontent-length: 5\r\n\r\n'));
    const answer = path.call({ body: initialize });
    const first = await path.upstream.request(0);
    await first.complete;
    path.revoked.add('grant-1');
    path.liveCalls.sweep();
    expect((await answer).status).toBe(401);
    await first.closed;
    expect(path.upstream.requests.length).toBe(1);
  });
});
