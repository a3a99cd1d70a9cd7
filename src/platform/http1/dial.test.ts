import { TLSSocket, type TlsOptions } from 'node:tls';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';

import { createTestAuthority } from '../../../test/support/certificates.ts';
import { call, sendTo } from '../../../test/support/recording-sink.ts';
import { type Script, ScriptedUpstream } from '../../../test/support/scripted-upstream.ts';
import type { ClientTls } from './dial.ts';
import { createHttpClient, type PooledHttpClient } from './http-client.ts';

const authority = createTestAuthority();
const stranger = createTestAuthority();
const server = authority.issue('IP:127.0.0.1');
const named = authority.issue('DNS:upstream.example');

const closers: Array<() => unknown> = [];
afterEach(async () => {
  vi.unstubAllEnvs();
  for (const close of closers.splice(0).toReversed()) await close();
});
afterAll(() => {
  authority.close();
  stranger.close();
});

const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const answerOk: Script = (peer) => peer.send(ok);

describe('a client of an https origin', () => {
  it('speaks over a kept connection', async () => {
    const { client, upstream } = await connectTo(answerOk, server);
    for (let count = 0; count < 5; count += 1) {
      expect((await call(client)).told).toEqual(['head 200', 'data ok', 'end', 'read done']);
      // Only then is it known that no record is behind the answer.
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(upstream.connections).toHaveLength(1);
    expect(upstream.connections[0]?.received.startsWith('GET /mcp HTTP/1.1\r\n')).toBe(true);
  });

  it('carries large bodies both ways', async () => {
    const size = 3_000_000;
    const { client } = await connectTo((peer) => {
      peer.socket.on('data', () => {
        if (peer.received.length < size) return;
        peer.send(`HTTP/1.1 200 OK\r\nContent-Length: ${String(size)}\r\n\r\n${'x'.repeat(size)}`);
      });
    }, server);
    const sink = await call(client, { method: 'POST', body: Buffer.alloc(size) });
    expect(sink.body).toHaveLength(size);
  });

  it('reads no more than the reader can take', async () => {
    const size = 16_000_000;
    const { client, upstream } = await connectTo((peer) => {
      peer.send(`HTTP/1.1 200 OK\r\nContent-Length: ${String(size)}\r\n\r\n${'x'.repeat(size)}`);
    }, server);
    const { sink, exchange } = sendTo(client);
    sink.goesOn = false;
    await sink.until('read done');
    await new Promise((resolve) => setTimeout(resolve, 50));
    // What one read of the kernel brought may still come.
    expect(sink.body.length).toBeLessThanOrEqual(2 * 65_536);
    expect(upstream.connections[0]?.socket.writableLength).toBeGreaterThan(0);
    sink.goesOn = true;
    exchange.resume();
    await sink.over;
    expect(sink.body).toHaveLength(size);
  });

  it('takes no record behind an answer for the answer to what is sent next', async () => {
    const { client, upstream } = await connectTo((peer, number) => {
      peer.socket.cork();
      peer.send(ok);
      if (number === 0) peer.send('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil');
      process.nextTick(() => peer.socket.uncork());
    }, server);
    const { sink } = sendTo(client);
    const second = sendTo.bind(undefined, client, { target: '/second' });
    const answers: Array<ReturnType<typeof second>> = [];
    sink.onTold = (event) => {
      if (event === 'end') answers.push(second());
    };
    await sink.over;
    await answers[0]?.sink.over;
    expect(answers[0]?.sink.body).toBe('ok');
    expect(upstream.connections).toHaveLength(2);
  });

  it('resumes a session', async () => {
    const resumed: boolean[] = [];
    const { client } = await connectTo((peer) => {
      resumed.push(peer.socket instanceof TLSSocket && peer.socket.isSessionReused());
      peer.send('HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
    }, server);
    await call(client);
    await call(client);
    expect(resumed).toEqual([false, true]);
  });

  it.each<[what: string, certificate: TlsOptions, tls: ClientTls | undefined]>([
    ['is of an unknown authority', server, undefined],
    ['is of another authority', stranger.issue('IP:127.0.0.1'), undefined],
    ['has another name', named, { ca: [authority.cert] }],
    [
      'has another name than the one asked for',
      server,
      { ca: [authority.cert], servername: 'upstream.example' },
    ],
  ])('sends nothing to an upstream whose certificate %s', async (_what, certificate, tls = {}) => {
    vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
    const { client, upstream } = await connectTo(answerOk, certificate, tls);
    const { sink, exchange } = sendTo(client, { method: 'POST', body: 'streamed', length: 5 });
    exchange.write(Buffer.from('early'));
    await sink.over;
    expect(sink.told).toEqual(['failure untrusted']);
    await vi.waitFor(() => expect(upstream.open).toHaveLength(0));
    expect(upstream.connections.map(({ received }) => received).join('')).toBe('');
  });

  it('finds the name it is told to ask for', async () => {
    const tls = { ca: [authority.cert], servername: 'upstream.example' };
    const { client } = await connectTo(answerOk, named, tls);
    expect((await call(client)).body).toBe('ok');
  });

  it('shows its certificate', async () => {
    const certificate: TlsOptions = { ...server, requestCert: true, ca: [authority.cert] };
    const shown = authority.issue('DNS:gatehouse.example');
    const { client, upstream } = await connectTo(answerOk, certificate, { ca: [authority.cert], ...shown });
    expect((await call(client)).body).toBe('ok');
    const socket = upstream.connections[0]?.socket;
    expect(socket instanceof TLSSocket && socket.authorized).toBe(true);
    const without = await connectTo(answerOk, certificate);
    expect(['reset', 'unreachable']).toContain((await call(without.client)).failure);
    expect(without.upstream.requests).toBe(0);
  });

  it('shows another certificate from the next connection on, and none of what the former one began', async () => {
    const asks: TlsOptions = { ...server, requestCert: true, ca: [authority.cert] };
    const seen: Array<readonly [subject: string | undefined, resumed: boolean]> = [];
    const { client } = await connectTo(
      (peer) => {
        const socket = peer.socket as TLSSocket;
        seen.push([socket.getPeerCertificate().subjectaltname, socket.isSessionReused()]);
        peer.send('HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
      },
      asks,
      { ca: [authority.cert], ...authority.issue('DNS:first.example') },
    );
    await call(client);
    client.replaceTls({ ca: [authority.cert], ...authority.issue('DNS:second.example') });
    await call(client);
    expect(seen).toEqual([
      ['DNS:first.example', false],
      ['DNS:second.example', false],
    ]);
  });

  it('does not believe in the end of a body that only the connection ends', async () => {
    const { client } = await connectTo((peer) => peer.socket.end('HTTP/1.1 200 OK\r\n\r\nhalf?'), server);
    const sink = await call(client);
    expect(sink.body).toBe('half?');
    expect(sink.told.at(-1)).toBe('failure reset');
    expect(sink.told).not.toContain('end');
  });

  it('does not come to be with a certificate that cannot be read', () => {
    const options = { origin: new URL('https://127.0.0.1'), connectTimeoutMs: 1, headerTimeoutMs: 1 };
    expect(() => createHttpClient({ ...options, tls: { cert: 'no PEM', key: 'no PEM' } })).toThrow(Error);
  });

  it('cannot reach what speaks no TLS, or never answers the handshake', async () => {
    const plain = await ScriptedUpstream.listen(answerOk);
    closers.push(() => plain.close());
    const origin = new URL(`https://127.0.0.1:${String(plain.port)}`);
    const silent = createHttpClient({ origin, connectTimeoutMs: 100, headerTimeoutMs: 20_000 });
    expect((await call(silent)).told).toEqual(['failure connect-timeout']);
    const talking = createHttpClient({ origin, connectTimeoutMs: 5_000, headerTimeoutMs: 20_000 });
    const failed = call(talking);
    await vi.waitFor(() => expect(plain.connections).toHaveLength(2));
    plain.connections[1]?.send(ok);
    expect((await failed).told).toEqual(['failure unreachable']);
    expect(plain.requests).toBe(0);
  });
});

describe('an origin', () => {
  it('may be an IPv6 literal', async () => {
    const upstream = await ScriptedUpstream.listen(answerOk, { host: '::1' });
    closers.push(() => upstream.close());
    const origin = new URL(`http://[::1]:${String(upstream.port)}`);
    expect((await call(clientOf(origin))).body).toBe('ok');
  });

  it('may be a name', async () => {
    const upstream = await ScriptedUpstream.listen(answerOk);
    closers.push(() => upstream.close());
    expect((await call(clientOf(new URL(`http://localhost:${String(upstream.port)}`)))).body).toBe('ok');
  });
});

function clientOf(origin: URL, tls?: ClientTls): PooledHttpClient {
  const timeouts = { connectTimeoutMs: 5_000, headerTimeoutMs: 20_000 };
  const client = createHttpClient({ origin, ...timeouts, ...(tls === undefined ? {} : { tls }) });
  closers.push(() => client.close());
  return client;
}

async function connectTo(
  script: Script,
  certificate: TlsOptions,
  tls: ClientTls = { ca: [authority.cert] },
): Promise<{ client: PooledHttpClient; upstream: ScriptedUpstream }> {
  const upstream = await ScriptedUpstream.listen(script, { tls: certificate });
  closers.push(() => upstream.close());
  return { client: clientOf(upstream.origin, tls), upstream };
}
