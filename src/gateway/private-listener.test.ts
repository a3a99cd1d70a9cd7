import { type IncomingHttpHeaders, request, type Server } from 'node:http';
import { connect } from 'node:net';

import { afterEach, describe, expect, it } from 'vitest';

import { createMetricsRegistry } from '../platform/telemetry/metrics.ts';
import { bind } from './lifecycle.ts';
import { createPrivateListener } from './private-listener.ts';

let server: Server;
let port: number;
let asked: number;

afterEach(() => {
  server.close();
  server.closeAllConnections();
});

/** Bound to loopback whatever it was told about its address. */
async function start(host: string | undefined): Promise<void> {
  asked = 0;
  const deps = {
    registry: createMetricsRegistry(),
    readiness: () => {
      asked += 1;
      return Promise.resolve({ status: 'ok', store: 'ok', identity_provider: 'ok' } as const);
    },
  };
  server = createPrivateListener(deps, { host, port: 0 });
  port = await bind(server, { host: '127.0.0.1', port: 0 });
}

interface Answer {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

function ask(host: string, method = 'GET'): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, path: '/readyz', method, headers: { host } };
    request(options, (response) => {
      let body = '';
      response.on('data', (chunk: Buffer) => (body += chunk.toString()));
      response.on('end', () => {
        resolve({ status: response.statusCode, headers: response.headers, body });
      });
    })
      .on('error', reject)
      .end();
  });
}

describe('the private listener', () => {
  it.each([
    'rebound.test',
    'rebound.test:9090',
    '10.0.0.7:9090',
    'localhost.rebound.test',
    '127.0.0.1.nip.test',
  ])('does not answer to a foreign Host on loopback: %s', async (host) => {
    for (const own of ['127.0.0.1', '::1', 'localhost']) {
      await start(own);
      const { status, body } = await ask(host);
      expect([status, body]).toEqual([403, '{"error":"access_denied"}']);
      expect(asked).toBe(0);
      server.close();
    }
  });

  it.each(['localhost:9090', 'LOCALHOST', '127.0.0.1:9090', '127.0.0.2', '[::1]:9090', '[::1]'])(
    'answers to a loopback Host on loopback: %s',
    async (host) => {
      await start('127.0.0.1');
      expect((await ask(host)).status).toBe(200);
    },
  );

  it('answers a probe that speaks HTTP/1.0 and names no Host', async () => {
    await start('127.0.0.1');
    const socket = connect(port, '127.0.0.1');
    socket.write('GET /readyz HTTP/1.0\r\n\r\n');
    let received = '';
    for await (const chunk of socket) received += String(chunk);
    expect(received).toMatch(/^HTTP\/1\.1 200 /);
  });

  it.each([undefined, '0.0.0.0', '10.0.0.7', 'metrics.internal'])(
    'answers to any Host when it listens on %s',
    async (own) => {
      await start(own);
      expect((await ask('gatehouse.monitoring.svc:9090')).status).toBe(200);
    },
  );

  it.each(['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'])('takes no %s', async (method) => {
    await start('127.0.0.1');
    const { status, headers, body } = await ask('localhost', method);
    expect([status, headers.allow, body]).toEqual([405, 'GET, HEAD', '{"error":"method_not_allowed"}']);
    expect(asked).toBe(0);
  });

  it('answers HEAD without a body', async () => {
    await start('127.0.0.1');
    const { status, body } = await ask('localhost', 'HEAD');
    expect([status, body]).toEqual([200, '']);
  });
});
