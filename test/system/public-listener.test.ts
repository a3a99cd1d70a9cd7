import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

import { afterEach, describe, expect, it, vi } from 'vitest';

import { signIn } from '../support/flow.ts';
import { createTestGatehouse, type TestGatehouse } from '../support/gatehouse.ts';
import { type RecordedRequest, startRecordingUpstream } from '../support/recording-upstream.ts';

let gatehouse: TestGatehouse;

afterEach(async () => {
  await gatehouse.close();
});

interface RawAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
}

/** Sends bytes on a connection of their own; resolves with the answer when the server has closed it. */
async function exchange(bytes: string, env: Record<string, string> = {}): Promise<RawAnswer> {
  gatehouse = await createTestGatehouse({ env });
  const { publicPort } = await gatehouse.listen();
  return parse(await receive(publicPort, bytes));
}

function receive(
  port: number,
  bytes: string,
  onText?: (received: string, socket: Socket) => void,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    let received = '';
    socket.on('data', (chunk: Buffer) => {
      received += chunk.toString('latin1');
      onText?.(received, socket);
    });
    socket.once('error', reject);
    socket.once('close', () => {
      resolve(received);
    });
    socket.write(bytes, 'latin1');
  });
}

function parse(text: string): RawAnswer {
  const [head = '', body = ''] = text.split('\r\n\r\n', 2);
  const [statusLine = '', ...lines] = head.split('\r\n');
  const headers = new Headers();
  for (const line of lines) {
    const colon = line.indexOf(':');
    headers.append(line.slice(0, colon), line.slice(colon + 1).trim());
  }
  return { status: Number(statusLine.split(' ')[1]), headers, body };
}

function request(line: string, ...headers: readonly string[]): string {
  return [line, ...headers, '', ''].join('\r\n');
}

const host = 'Host: gatehouse.test';
const form = 'Content-Type: application/x-www-form-urlencoded';
const chunked = 'Transfer-Encoding: chunked';
const many = Array.from({ length: 120 }, (_, index) => `X-${index}: 1`);

const refused: readonly (readonly [what: string, bytes: string, status: number, reason: string])[] = [
  ['bytes that are no HTTP', 'hello\r\n\r\n', 400, 'request_malformed'],
  ['a TLS handshake', '\u0016\u0003\u0001\u0002\0\u0001', 400, 'request_malformed'],
  [
    'both ways of framing',
    request('POST /token HTTP/1.1', host, chunked, 'Content-Length: 3'),
    400,
    'request_malformed',
  ],
  ['a folded header line', request('GET /healthz HTTP/1.1', host, 'X-A: b', ' c'), 400, 'request_malformed'],
  ['a NUL in a header', request('GET /healthz HTTP/1.1', host, 'X-A: b\0c'), 400, 'request_malformed'],
  [
    'a broken chunk',
    `${request('POST /token HTTP/1.1', host, form, chunked)}zz\r\n`,
    400,
    'request_malformed',
  ],
  [
    'a head that is too large',
    request('GET /healthz HTTP/1.1', host, `X-A: ${'b'.repeat(17_000)}`),
    431,
    'headers_too_large',
  ],
  ['too many header lines', request('GET /healthz HTTP/1.1', host, ...many), 431, 'headers_too_large'],
  ['no Host', request('GET /healthz HTTP/1.1'), 400, 'request_malformed'],
  ['two Hosts', request('GET /healthz HTTP/1.1', host, host), 400, 'request_malformed'],
  ['a Host that is none', request('GET /healthz HTTP/1.1', 'Host: a b@c/d'), 400, 'request_malformed'],
  [
    'a Host that a URL parser reads as another',
    request('GET /healthz HTTP/1.1', 'Host: 0x7f.1'),
    400,
    'request_malformed',
  ],
  ['an absolute target', request('GET http://evil.test/healthz HTTP/1.1', host), 400, 'target_malformed'],
  [
    'an unknown transfer coding',
    request('POST /mcp HTTP/1.1', host, 'Transfer-Encoding: gzip, chunked'),
    501,
    'request_malformed',
  ],
  ['chunks in HTTP/1.0', request('POST /token HTTP/1.0', host, chunked), 400, 'request_malformed'],
  [
    'an unknown expectation',
    request('POST /token HTTP/1.1', host, 'Expect: tea', 'Content-Length: 3'),
    417,
    'request_malformed',
  ],
  ['CONNECT', request('CONNECT evil.test:443 HTTP/1.1', host), 405, 'method_not_allowed'],
];

describe('a request that no endpoint sees', () => {
  it.each(refused)('is answered in JSON and counted: %s', async (_, bytes, status, reason) => {
    const answer = await exchange(bytes);
    expect(answer.status).toBe(status);
    const requestId = answer.headers.get('x-request-id');
    expect(requestId).toMatch(/^[\w-]{16}$/);
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'content-type': 'application/json',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
      'strict-transport-security': 'max-age=63072000; includeSubDomains',
      connection: 'close',
    });
    expect(answer.headers.get('content-length')).toBe(String(answer.body.length));
    expect(Object.keys(JSON.parse(answer.body) as object)).toEqual(['error', 'error_description']);
    expect(gatehouse.events).toEqual([{ type: 'request_refused', endpoint: 'other', reason, status }]);
    expect(gatehouse.logged()).toContain(requestId);
  });

  it('stands in the access log with the status that its client saw', async () => {
    const answer = await exchange(`${request('POST /token HTTP/1.1', host, form, chunked)}zz\r\n`);
    expect(answer.status).toBe(400);
    await vi.waitFor(() => {
      expect(gatehouse.logged()).toContain('"path":"/token","status":400');
    });
  });

  it('is not counted beside the request that its client left', async () => {
    gatehouse = await createTestGatehouse();
    const { publicPort } = await gatehouse.listen();
    const socket = connect(publicPort, '127.0.0.1');
    socket.end(`${request('POST /token HTTP/1.1', host, form, 'Content-Length: 9')}a=b`);
    await once(socket, 'close');
    await vi.waitFor(() => {
      expect(gatehouse.events).toMatchObject([{ endpoint: 'token', reason: 'body_malformed' }]);
    });
  });

  /** Sends nonsense behind a call whose answer has begun; `finish` ends that answer. */
  async function interrupt(env: Record<string, string>, finish: (socket: Socket) => void): Promise<string> {
    const upstream = await startRecordingUpstream();
    upstream.answer = (_, socket) => {
      socket.write('HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: 1\n\n');
    };
    gatehouse = await createTestGatehouse({ upstream: `${upstream.origin}/mcp`, env });
    const { accessToken } = await signIn(gatehouse);
    const { publicPort } = await gatehouse.listen();
    const get = request('GET /mcp HTTP/1.1', host, `Authorization: Bearer ${accessToken}`);
    const received = await receive(publicPort, get, (text, socket) => {
      if (text.endsWith('data: 1\n\n\r\n')) {
        socket.write('hello\r\n\r\n', () => {
          finish((upstream.requests[0] as RecordedRequest).socket);
        });
      }
    });
    await upstream.close();
    return received;
  }

  it('is not answered in the middle of an answer that has begun', async () => {
    const received = await interrupt({ FAST_LANE: 'off' }, () => undefined);
    expect(received.match(/HTTP\/1\.1/g)).toHaveLength(1);
  });

  it('waits for the end of that answer in the fast lane', async () => {
    const received = await interrupt({}, (socket) => socket.end('data: 2\n\n'));
    expect(received).toMatch(/data: 2\n\n\r\n0\r\n\r\nHTTP\/1\.1 400 Bad Request\r\n/);
    expect(received.match(/HTTP\/1\.1/g)).toHaveLength(2);
  });
});

describe('a foreign Host', () => {
  it('is a 403 on a loopback deployment', async () => {
    const bytes = request('GET /healthz HTTP/1.1', 'Host: rebound.test');
    const answer = await exchange(bytes, { PROXY_BASE_URL: 'http://127.0.0.1:8080' });
    expect(answer.status).toBe(403);
    expect(gatehouse.events).toEqual([
      { type: 'request_refused', endpoint: 'other', reason: 'host_foreign', status: 403 },
    ]);
  });

  it('is taken on any other: proxies in front of us pass on what they are set up to', async () => {
    const bytes = request('GET /healthz HTTP/1.1', 'Host: replica-1.internal', 'Connection: close');
    expect((await exchange(bytes)).status).toBe(200);
    expect(gatehouse.events).toEqual([]);
  });
});
