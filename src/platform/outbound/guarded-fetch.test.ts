import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createServer as createSocketServer, type Server as SocketServer } from 'node:net';
import { brotliCompressSync } from 'node:zlib';
import { allowInsecureRequests, customFetch, discovery } from 'openid-client';
import { afterEach, describe, expect, it } from 'vitest';

import { createGuardedFetch, type GuardedFetch } from './guarded-fetch.ts';
import { OutboundError } from './outbound-error.ts';

const closers: Array<() => Promise<void>> = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

const guardedFetch = createGuardedFetch({
  totalTimeoutMs: 5_000,
  maxBytes: 1_000,
  userAgent: 'gatehouse/test',
});
const hastyFetch = createGuardedFetch({ totalTimeoutMs: 150, maxBytes: 1_000, userAgent: 'gatehouse/test' });

describe('createGuardedFetch', () => {
  it('returns status, headers and body', async () => {
    const url = await serve((_request, response) => {
      response.writeHead(418, { 'content-type': 'text/plain', 'set-cookie': ['a=1', 'b=2'] }).end('short');
    });
    const response = await guardedFetch(url);
    expect(response).toBeInstanceOf(Response);
    expect(response.status).toBe(418);
    expect(response.headers.get('content-type')).toBe('text/plain');
    expect(response.headers.getSetCookie()).toEqual(['a=1', 'b=2']);
    expect(await response.text()).toBe('short');
  });

  it('asks for no encoding and says who it is, whatever the caller says', async () => {
    const seen: IncomingMessage[] = [];
    const url = await serve((request, response) => {
      seen.push(request);
      response.end();
    });
    await guardedFetch(url, { headers: { 'Accept-Encoding': 'br', 'User-Agent': 'me', accept: 'text/x' } });
    expect(seen[0]?.headers).toMatchObject({
      'accept-encoding': 'identity',
      'user-agent': 'gatehouse/test',
      accept: 'text/x',
    });
    expect(seen[0]?.headers.cookie).toBeUndefined();
  });

  it.each([
    ['text', 'a=1'],
    ['form', new URLSearchParams({ a: '1' })],
    ['bytes', new TextEncoder().encode('a=1')],
  ])('sends a body of %s', async (kind, body) => {
    const url = await serve((request, response) => {
      request.setEncoding('utf8');
      request.on('data', (text: string) => response.write(text));
      request.on('end', () => response.end(` ${request.method} ${request.headers['content-type']}`));
    });
    const response = await guardedFetch(url, { method: 'POST', body });
    const type = kind === 'form' ? 'application/x-www-form-urlencoded;charset=UTF-8' : 'undefined';
    expect(await response.text()).toBe(`a=1 POST ${type}`);
  });

  it('returns a redirect as it is and goes nowhere', async () => {
    const paths: unknown[] = [];
    const url = await serve((request, response) => {
      paths.push(request.url);
      response.writeHead(302, { location: '/elsewhere' }).end();
    });
    const response = await guardedFetch(url);
    expect(response.status).toBe(302);
    expect(response.headers.get('location')).toBe('/elsewhere');
    expect(paths).toEqual(['/']);
  });

  it.each([204, 304])('takes a %s without a body', async (status) => {
    const url = await serve((_request, response) => response.writeHead(status).end());
    const response = await guardedFetch(url);
    expect([response.status, response.body]).toEqual([status, null]);
  });

  it.each(['br', 'gzip', 'identity, gzip', 'GZIP', 'made-up'])(
    'refuses content encoding %s',
    async (coding) => {
      const url = await serve((_request, response) => {
        response.writeHead(200, { 'content-encoding': coding }).end(brotliCompressSync('x'.repeat(100_000)));
      });
      expect(await kindOf(guardedFetch, url)).toBe('encoding');
    },
  );

  it('accepts content encoding identity', async () => {
    const url = await serve((_request, response) =>
      response.writeHead(200, { 'content-encoding': 'Identity' }).end('x'),
    );
    expect(await (await guardedFetch(url)).text()).toBe('x');
  });

  it('takes a body of exactly the cap and refuses one byte more', async () => {
    const url = await serve((request, response) => {
      response.write('x'.repeat(1_000));
      response.end(request.url === '/more' ? 'y' : '');
    });
    expect(await (await guardedFetch(url)).text()).toHaveLength(1_000);
    expect(await kindOf(guardedFetch, `${url}more`)).toBe('too-large');
  });

  it('stops reading an endless body and closes the connection', async () => {
    let gone = (): void => undefined;
    const closed = new Promise<void>((resolve) => {
      gone = resolve;
    });
    const url = await serve((_request, response) => {
      const pump = (): void => {
        while (!response.destroyed && response.write('x'.repeat(16_384)));
      };
      response.on('drain', pump).on('close', gone);
      pump();
    });
    expect(await kindOf(guardedFetch, url)).toBe('too-large');
    await closed;
  });

  it('ends a body that comes byte by byte at the deadline', async () => {
    const url = await serve((_request, response) => {
      const drip = setInterval(() => response.write('x'), 20);
      response.on('close', () => clearInterval(drip));
    });
    expect(await kindOf(hastyFetch, url)).toBe('timeout');
  });

  it('ends the wait for headers at the deadline', async () => {
    const url = await serve(() => undefined);
    expect(await kindOf(hastyFetch, url)).toBe('timeout');
  });

  it('ends headers that come byte by byte at the deadline', async () => {
    const url = await serveSocket((write) => {
      write('HTTP/1.1 200 OK\r\nx: ');
      return setInterval(() => write('x'), 20);
    });
    expect(await kindOf(hastyFetch, url)).toBe('timeout');
  });

  it('gives the reason of a caller who aborted', async () => {
    const url = await serve(() => undefined);
    const reason = new Error('changed my mind');
    await expect(guardedFetch(url, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });

  it('calls a refused connection, a broken answer and an unknown scheme what they are', async () => {
    const url = await serve((request) => request.socket.destroy());
    expect(await kindOf(guardedFetch, url)).toBe('network');
    expect(await kindOf(guardedFetch, 'file:///etc/passwd')).toBe('network');
    for (const close of closers.splice(0)) await close();
    expect(await kindOf(guardedFetch, url)).toBe('network');
  });

  it('refuses headers beyond their cap', async () => {
    const url = await serve((_request, response) => response.setHeader('x', 'y'.repeat(20_000)).end());
    expect(await kindOf(guardedFetch, url)).toBe('network');
  });

  it('honours no proxy of the environment', async () => {
    let proxied = 0;
    const proxy = await serve((_request, response) => {
      proxied += 1;
      response.end('proxied');
    });
    const url = await serve((_request, response) => response.end('direct'));
    const names = ['HTTP_PROXY', 'http_proxy', 'HTTPS_PROXY', 'ALL_PROXY', 'NODE_USE_ENV_PROXY'];
    const before = names.map((name) => process.env[name]);
    for (const name of names) process.env[name] = proxy;
    try {
      const fresh = createGuardedFetch({ totalTimeoutMs: 5_000, maxBytes: 1_000, userAgent: 'x' });
      expect(await (await fresh(url)).text()).toBe('direct');
    } finally {
      names.forEach((name, index) => {
        if (before[index] === undefined) delete process.env[name];
        else process.env[name] = before[index];
      });
    }
    expect(proxied).toBe(0);
  });

  it('names no URL in its errors', async () => {
    const url = await serve((request) => request.socket.destroy());
    const error: unknown = await guardedFetch(`${url}?code=secret`).catch((e: unknown) => e);
    expect(String(error)).toBe('OutboundError: outbound request: no answer');
  });

  it('serves openid-client as its fetch', async () => {
    const url = await serve((request, response) => {
      const issuer = `http://${request.headers.host}`;
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ issuer }));
    });
    const configuration = await discovery(new URL(url), 'client', undefined, undefined, {
      [customFetch]: guardedFetch,
      execute: [allowInsecureRequests],
    });
    expect(`${configuration.serverMetadata().issuer}/`).toBe(url);
  });
});

describe('a certificate of this server', () => {
  const shows = { showsCertificate: true };

  it('is not shown over plain http: nothing is sent', async () => {
    let requests = 0;
    const url = await serve((_request, response) => {
      requests += 1;
      response.end();
    });
    const certified = (): never => {
      throw new Error('no dispatcher is needed');
    };
    const certifiedFetch = createGuardedFetch({
      totalTimeoutMs: 5_000,
      maxBytes: 1_000,
      userAgent: 'x',
      certified,
    });
    await expect(certifiedFetch(url, shows)).rejects.toThrow('a certificate needs https');
    expect(requests).toBe(0);
    expect((await certifiedFetch(url)).status).toBe(200);
  });

  it('is none where there is none', async () => {
    await expect(guardedFetch('https://127.0.0.1:9/', shows)).rejects.toThrow(TypeError);
  });
});

async function kindOf(fetch: GuardedFetch, url: string): Promise<unknown> {
  const outcome: unknown = await fetch(url).catch((error: unknown) => error);
  return outcome instanceof OutboundError ? outcome.kind : outcome;
}

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  return listen(server, () => server.closeAllConnections());
}

async function serveSocket(answer: (write: (text: string) => void) => NodeJS.Timeout): Promise<string> {
  const server = createSocketServer((socket) => {
    socket.on('error', () => undefined);
    const timer = answer((text) => socket.write(text));
    socket.on('close', () => clearInterval(timer));
  });
  return listen(server, () => undefined);
}

async function listen(server: Server | SocketServer, closeConnections: () => void): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(
    () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        closeConnections();
      }),
  );
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}
