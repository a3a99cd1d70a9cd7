import { afterEach, describe, expect, it } from 'vitest';

import { type ProxiedPath, type ProxiedPathOptions, startProxiedPath } from '../support/proxied-path.ts';
import { reply, replyJson } from '../support/recording-upstream.ts';

let path: ProxiedPath;

afterEach(async () => {
  expect(path.internalErrors).toEqual([]);
  await path.close();
});

async function start(options?: ProxiedPathOptions): Promise<ProxiedPath> {
  path = await startProxiedPath(options);
  return path;
}

describe('MCP 2025-11-25 and older through the mount', () => {
  it('sends session, version, event id and what is accepted, and brings the session back', async () => {
    await start();
    path.upstream.answer = replyJson({}, { 'Mcp-Session-Id': 'new-session' });
    const headers = {
      'mcp-session-id': '1868a90c-~!*',
      'mcp-protocol-version': '2025-06-18',
      'last-event-id': 'a/b+c=',
      accept: 'application/json, text/event-stream',
    };
    const answer = await path.call({ body: '{}', headers });
    for (const [name, value] of Object.entries(headers)) {
      expect(path.upstream.requests[0]?.header(name)).toEqual([value]);
    }
    expect(answer.headers['mcp-session-id']).toBe('new-session');
  });

  it('hands a session that ended, 404 with its body, to the client', async () => {
    await start();
    path.upstream.answer = reply(404, { 'content-type': 'text/plain' }, 'Session not found');
    const answer = await path.call({ body: '{}', headers: { 'mcp-session-id': 'old' } });
    expect(answer.status).toBe(404);
    expect(await answer.text()).toBe('Session not found');
  });
});

describe('MCP 2026-07-28 through the mount', () => {
  it('sends every mirrored header, known or not, unchanged', async () => {
    await start();
    const headers = {
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': 'tools/call',
      'mcp-name': '=?base64?R3LDvMOfZQ==?=',
      'mcp-param-region': 'eu-west 1',
      'mcp-param-tenant_id': '42',
      'mcp-future': 'x',
      traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
      tracestate: 'vendor=1',
      baggage: 'k=v',
    };
    await path.call({ body: '{}', headers });
    for (const [name, value] of Object.entries(headers)) {
      expect(path.upstream.requests[0]?.header(name)).toEqual([value]);
    }
  });

  it('refuses a mirrored header that comes twice', async () => {
    await start();
    const answer = await path.call({ body: '{}', headers: { 'mcp-method': ['tools/list', 'tools/call'] } });
    expect(answer.status).toBe(400);
    expect(path.events).toMatchObject([
      { type: 'request_refused', endpoint: 'mcp', reason: 'parameter_repeated', status: 400 },
    ]);
    expect(path.upstream.requests).toEqual([]);
  });
});

describe('methods', () => {
  it.each(['PUT', 'PATCH', 'HEAD', 'TRACE', 'OPTIONS', 'PROPFIND'])('%s is a 405', async (method) => {
    await start();
    const answer = await path.call({ method });
    expect(answer.status).toBe(405);
    expect(answer.headers.allow).toBe('GET, POST, DELETE');
    expect(path.upstream.requests).toEqual([]);
  });

  it.each(['GET', 'DELETE'])('%s with a body is a 400', async (method) => {
    await start();
    const answer = await path.call({ method, body: '{}', headers: { 'content-length': '2' } });
    expect(answer.status).toBe(400);
    expect(path.upstream.requests).toEqual([]);
  });
});

describe('a page of an allowed origin', () => {
  const origin = 'https://app.example';

  it('is told in a preflight, without a token, what it may send', async () => {
    await start({ allowedOrigins: [origin] });
    const answer = await path.call({
      method: 'OPTIONS',
      bearer: null,
      headers: {
        origin,
        'access-control-request-method': 'POST',
        'access-control-request-headers':
          'authorization, mcp-param-region, Mcp-Param-b_c, x-evil, mcp-param-é',
      },
    });
    expect(answer.status).toBe(204);
    expect(answer.headers).toMatchObject({
      'access-control-allow-origin': origin,
      'access-control-allow-methods': 'GET, POST, DELETE',
      vary: 'Origin, Access-Control-Request-Headers',
    });
    const allowed = answer.headers['access-control-allow-headers']?.split(', ');
    expect(allowed).toEqual(
      expect.arrayContaining([
        'Authorization',
        'Content-Type',
        'Mcp-Session-Id',
        'mcp-param-region',
        'Mcp-Param-b_c',
      ]),
    );
    expect(allowed).not.toContain('x-evil');
    expect(answer.headers['access-control-allow-credentials']).toBeUndefined();
    expect(path.upstream.requests).toEqual([]);
  });

  it('may read answers and refusals alike', async () => {
    await start({ allowedOrigins: [origin] });
    const headers = { origin };
    path.upstream.answer = replyJson({}, { vary: 'Accept', 'access-control-allow-origin': '*' });
    const fine = await path.call({ body: '{}', headers });
    expect(fine.headers['access-control-allow-origin']).toBe(origin);
    expect(fine.headers.vary).toBe('Origin, Accept');
    path.upstream.answer = reply(302, { location: '/x' });
    for (const answer of [
      await path.call({ bearer: null, headers }),
      await path.call({ target: '/mcp//x', headers }),
      await path.call({ method: 'PUT', headers }),
      await path.call({ body: '{}', headers }),
    ]) {
      expect(answer.status).toBeGreaterThanOrEqual(400);
      expect(answer.headers['access-control-allow-origin']).toBe(origin);
      expect(answer.headers['access-control-expose-headers']).toContain('WWW-Authenticate');
    }
  });

  it('is any page on loopback when we are there ourselves', async () => {
    await start({ publicUrl: 'http://127.0.0.1:8080' });
    const inspector = 'http://localhost:6274';
    const answer = await path.call({ body: '{}', headers: { origin: inspector } });
    expect(answer.status).toBe(200);
    expect(answer.headers['access-control-allow-origin']).toBe(inspector);
  });
});

describe('the rate of an address', () => {
  const limited = { outcome: 'limited', retryAfterSeconds: 9 } as const;
  const allowed = { outcome: 'allowed' } as const;

  it('is that of strangers for a call without a good token', async () => {
    const addresses: string[] = [];
    await start({
      rates: {
        checkCall: () => allowed,
        judgeStranger: () => allowed,
        checkStranger: (address) => {
          addresses.push(address);
          return limited;
        },
      },
    });
    for (const bearer of ['garbage', null]) {
      const answer = await path.call({ bearer, body: '{}' });
      expect(answer.status).toBe(429);
      expect(answer.headers['retry-after']).toBe('9');
      expect(await answer.json()).toMatchObject({ error: 'temporarily_unavailable' });
    }
    expect(addresses).toEqual(['192.0.2.1', '192.0.2.1']);
    expect(path.upstream.requests).toEqual([]);
    expect((await path.call({ body: '{}' })).status).toBe(200);
  });

  it('is its own for a call with a good token', async () => {
    await start({
      rates: { checkCall: () => limited, checkStranger: () => allowed, judgeStranger: () => allowed },
    });
    expect((await path.call({ body: '{}' })).status).toBe(429);
    expect((await path.call({ bearer: 'garbage', body: '{}' })).status).toBe(401);
    expect(path.upstream.requests).toEqual([]);
  });

  it('is not asked about a token of ours that is over: its client has to learn that it must refresh', async () => {
    await start({
      rates: { checkCall: () => limited, checkStranger: () => limited, judgeStranger: () => limited },
    });
    path.revoked.add('grant-1');
    expect((await path.call({ body: '{}' })).status).toBe(401);
  });
});

describe('what the upstream says about itself and our origin', () => {
  it('does not reach the client', async () => {
    await start();
    path.upstream.answer = reply(
      200,
      {
        'content-type': 'text/html',
        'set-cookie': '__Host-session=x; Path=/; Secure',
        server: 'uvicorn',
        'x-powered-by': 'Express',
        'www-authenticate': 'Basic realm="x"',
        'access-control-allow-origin': '*',
        'clear-site-data': '"*"',
        'content-security-policy': "default-src 'unsafe-inline'",
        refresh: '0; url=https://evil.example',
        'x-user-sub': 'root',
      },
      '<script>alert(1)</script>',
    );
    const answer = await path.call({ method: 'GET' });
    expect(Object.keys(answer.headers).sort()).toEqual([
      'connection',
      'content-length',
      'content-security-policy',
      'content-type',
      'date',
      'referrer-policy',
      'strict-transport-security',
      'vary',
      'x-content-type-options',
      'x-frame-options',
      'x-request-id',
    ]);
    expect(answer.headers['content-security-policy']).toContain('sandbox');
    expect(answer.headers['content-security-policy']).not.toContain('unsafe-inline');
  });

  it('keeps trailers to itself', async () => {
    await start();
    path.upstream.answer = async (request, socket) => {
      await request.complete;
      socket.write(
        'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntrailer: Set-Cookie\r\ntransfer-encoding: chunked\r\n\r\n' +
          '2\r\n{}\r\n0\r\nSet-Cookie: a=b\r\n\r\n',
      );
    };
    const answer = await path.call({ body: '{}' });
    expect(await answer.text()).toBe('{}');
    expect(answer.message.trailers).toEqual({});
  });
});

describe('a thousand calls with the same JSON-RPC id', () => {
  it('each get the answer to their own', async () => {
    await start({ perSubjectConcurrency: 0 });
    path.upstream.answer = async (request, socket) => {
      await request.complete;
      const subject = request.header('x-user-sub')[0];
      const body = JSON.stringify({ id: 1, subject, echo: request.body() });
      socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
    };
    const wrong: unknown[] = [];
    for (let round = 0; round < 10; round += 1) {
      await Promise.all(
        Array.from({ length: 100 }, async (_, index) => {
          const subject = `person-${index % 50}`;
          const body = JSON.stringify({ id: 1, round, index });
          const answer = await path.call({ bearer: path.issue({ subject }), body });
          const got = await answer.json();
          if (got['subject'] !== subject || got['echo'] !== body) wrong.push(got);
        }),
      );
    }
    expect(wrong).toEqual([]);
    expect(path.upstream.requests.length).toBe(1000);
  });
});
