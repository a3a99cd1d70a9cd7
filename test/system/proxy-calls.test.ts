import { afterEach, describe, expect, it } from 'vitest';

import { type ProxiedPath, type ProxiedPathOptions, startProxiedPath } from '../support/proxied-path.ts';
import { chunk, reply, replyJson, replyRaw } from '../support/recording-upstream.ts';

let path: ProxiedPath;

afterEach(async () => {
  expect(path.internalErrors).toEqual([]);
  await path.close();
});

async function start(options?: ProxiedPathOptions): Promise<ProxiedPath> {
  path = await startProxiedPath(options);
  return path;
}

const initialize = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params: {} });

describe('a call through the mount', () => {
  it('carries a JSON request there and its answer back', async () => {
    await start();
    path.upstream.answer = replyJson({ ok: true }, { 'mcp-session-id': 'session-1' });
    const answer = await path.call({ body: initialize });
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual({ ok: true });
    expect(answer.headers['mcp-session-id']).toBe('session-1');
    expect(answer.headers['content-type']).toBe('application/json');
    expect(answer.headers['referrer-policy']).toBe('no-referrer');
    const [sent] = path.upstream.requests;
    expect(sent).toMatchObject({ method: 'POST', target: '/mcp' });
    expect(sent?.body()).toBe(initialize);
    expect(sent?.header('host')).toEqual([new URL(path.upstream.origin).host]);
    expect(sent?.header('x-request-id')).toEqual(['request-1']);
    expect(answer.headers['x-request-id']).toBe('request-1');
  });

  it('keeps target and query byte for byte', async () => {
    await start();
    await path.call({ method: 'GET', target: '/mcp/a%20b/C?x=%2F&y=%41&z' });
    expect(path.upstream.requests[0]?.target).toBe('/mcp/a%20b/C?x=%2F&y=%41&z');
  });

  it('streams a body without a length', async () => {
    await start();
    const raw = path.connect();
    raw.socket.write(
      `POST /mcp HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${path.issue()}\r\nTransfer-Encoding: chunked\r\n\r\n`,
    );
    raw.socket.write(chunk('first '));
    const sent = await path.upstream.request(0);
    raw.socket.write(`${chunk('second')}0\r\n\r\n`);
    await sent.complete;
    expect(sent.body()).toBe('first second');
    expect(sent.header('transfer-encoding')).toEqual(['chunked']);
    await raw.until(/200 OK[^]*\r\n\r\n/);
  });

  it('streams a large body of known length with that length', async () => {
    await start();
    const body = Buffer.alloc(3_000_000, 'x');
    const answer = await path.call({ body });
    expect(answer.status).toBe(200);
    expect(path.upstream.requests[0]?.header('content-length')).toEqual(['3000000']);
    expect(path.upstream.requests[0]?.body().length).toBe(3_000_000);
  });

  it('leaves a 202 without a body as it is', async () => {
    await start();
    path.upstream.answer = reply(202);
    const answer = await path.call({ body: initialize });
    expect(answer.status).toBe(202);
    expect(answer.headers['content-length']).toBe('0');
    expect(await answer.text()).toBe('');
  });

  it('forwards DELETE, and the 405 that the upstream has for it', async () => {
    await start();
    path.upstream.answer = reply(
      405,
      { allow: 'POST', 'content-type': 'application/json' },
      '{"error":"no"}',
    );
    const answer = await path.call({ method: 'DELETE', headers: { 'mcp-session-id': 's' } });
    expect(answer.status).toBe(405);
    expect(answer.headers.allow).toBe('POST');
    expect(await answer.text()).toBe('{"error":"no"}');
    expect(path.upstream.requests[0]).toMatchObject({ method: 'DELETE' });
    expect(path.upstream.requests[0]?.header('mcp-session-id')).toEqual(['s']);
  });

  it.each([400, 403, 404, 409, 422, 429, 500, 503])('passes a %i with its body unchanged', async (status) => {
    await start();
    const body = JSON.stringify({ jsonrpc: '2.0', id: 7, error: { code: -32022, message: 'x' } });
    path.upstream.answer = reply(status, { 'content-type': 'application/json', 'retry-after': '9' }, body);
    const answer = await path.call({ body: initialize });
    expect(answer.status).toBe(status);
    expect(await answer.text()).toBe(body);
    expect(answer.headers['retry-after']).toBe('9');
    expect(answer.headers['www-authenticate']).toBeUndefined();
  });

  it('passes an answer that ends with its connection', async () => {
    await start();
    path.upstream.answer = async (request, socket) => {
      await request.complete;
      socket.end('HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n{"a":1}');
    };
    const answer = await path.call({ body: initialize });
    expect(await answer.json()).toEqual({ a: 1 });
  });

  it('reuses upstream connections one call at a time', async () => {
    await start();
    for (let count = 0; count < 5; count += 1) await (await path.call({ body: initialize })).text();
    expect(new Set(path.upstream.requests.map((request) => request.connection)).size).toBe(1);
  });

  it('does not let an unread Expect stop the call', async () => {
    await start();
    const raw = path.connect();
    raw.socket.write(
      `POST /mcp HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${path.issue()}\r\n` +
        'Expect: 100-continue\r\nContent-Length: 2\r\n\r\n',
    );
    await raw.until(/^HTTP\/1\.1 100 Continue\r\n\r\n/);
    raw.socket.write('{}');
    await raw.until(/HTTP\/1\.1 200 OK/);
    expect(path.upstream.requests[0]?.header('expect')).toEqual([]);
  });
});

describe('the record of a call', () => {
  it('names person, method, tool and id, and counts the bytes', async () => {
    await start();
    path.upstream.answer = replyJson({ ok: 1 });
    const body = JSON.stringify({ jsonrpc: '2.0', id: 5, method: 'tools/call', params: { name: 'add' } });
    await (await path.call({ body })).text();
    await path.reported(1);
    expect(path.accesses).toMatchObject([
      {
        method: 'POST',
        target: '/mcp',
        status: 200,
        subject: 'alice',
        email: 'alice@example.com',
        rpc: { method: 'tools/call', tool: 'add', id: '5', batch: false, toolCalls: ['add'] },
        reason: undefined,
        requestBytes: body.length,
        responseBytes: 8,
      },
    ]);
  });

  it('says why a call was refused, and knows nobody then', async () => {
    await start();
    await (await path.call({ bearer: null, body: initialize })).text();
    await path.reported(1);
    expect(path.accesses[0]).toMatchObject({ status: 401, subject: undefined, reason: 'token_missing' });
    expect(path.events).toEqual([
      { type: 'request_refused', endpoint: 'mcp', reason: 'token_missing', status: 401 },
    ]);
  });
});

describe('what the upstream gets wrong', () => {
  async function expectGatewayError(status: number, reason: string): Promise<void> {
    const answer = await path.call({ body: initialize });
    expect(answer.status).toBe(status);
    expect(answer.headers['content-type']).toBe('application/json');
    expect(answer.headers['cache-control']).toBe('no-store');
    expect(await answer.json()).toMatchObject({ error: 'bad_gateway' });
    const refusal = { type: 'request_refused', endpoint: 'mcp', reason, status };
    expect(path.events).toContainEqual(expect.objectContaining(refusal));
    expect(path.events.some((event) => event.type === 'upstream_failed')).toBe(true);
  }

  it('is a 502 when nobody listens', async () => {
    await start({ upstreamOrigin: 'http://127.0.0.1:1' });
    await expectGatewayError(502, 'upstream_unavailable');
  });

  it('is a 502 when it hangs up before it answers', async () => {
    await start();
    path.upstream.answer = (_request, socket) => {
      socket.destroy();
    };
    await expectGatewayError(502, 'upstream_unavailable');
    expect(path.upstream.requests.length).toBe(1);
  });

  it('is a 504 when it does not answer in time', async () => {
    await start({ headerTimeoutSeconds: 0.05 });
    path.upstream.answer = () => undefined;
    await expectGatewayError(504, 'upstream_timeout');
    await path.upstream.requests[0]?.closed;
  });

  it.each([
    ['is no HTTP', 'SSH-2.0-x\r\n\r\n'],
    ['has two lengths', 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}'],
    [
      'has length and chunks',
      'HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    [
      'has two media types',
      'HTTP/1.1 200 OK\r\ncontent-type: a/b\r\ncontent-type: c/d\r\ncontent-length: 0\r\n\r\n',
    ],
    ['is one early hint after the other', 'HTTP/1.1 103 X\r\n\r\n'.repeat(20)],
    ['switches protocols', 'HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\nconnection: upgrade\r\n\r\n'],
    ['has a status of its own invention', 'HTTP/1.1 999 X\r\ncontent-length: 0\r\n\r\n'],
  ])('is a 502 when its answer %s', async (_what, bytes) => {
    await start();
    path.upstream.answer = replyRaw(bytes);
    await expectGatewayError(502, 'upstream_malformed');
    await path.upstream.requests[0]?.closed;
  });

  it.each([301, 302, 303, 307, 308])('is a 502 when it redirects with %i', async (status) => {
    await start();
    path.upstream.answer = reply(status, { location: 'https://evil.example/mcp' });
    await expectGatewayError(502, 'upstream_redirected');
    expect(path.upstream.requests.length).toBe(1);
  });

  it('is a 502 when it refuses the credential of the gateway', async () => {
    await start();
    path.upstream.answer = reply(401, { 'www-authenticate': 'Bearer realm="upstream"' }, 'no');
    const answer = await path.call({ body: initialize });
    expect(answer.status).toBe(502);
    expect(answer.headers['www-authenticate']).toBeUndefined();
    expect(path.events).toContainEqual({ type: 'upstream_failed', kind: 'credential' });
    const refusal = { type: 'request_refused', endpoint: 'mcp', reason: 'upstream_credential_refused' };
    expect(path.events).toContainEqual(expect.objectContaining({ ...refusal, status: 502 }));
  });
});
