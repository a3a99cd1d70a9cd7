import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

import { afterEach, describe, expect, it, vi } from 'vitest';

import { createTestAuthority } from '../../test/support/certificates.ts';
import { createTestGatehouse } from '../../test/support/gatehouse.ts';
import { createInFlight } from './in-flight.ts';
import { bind } from './lifecycle.ts';
import { createPublicListener, type PublicListenerDeps } from './public-listener.ts';

const closers: (() => Promise<unknown> | void)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

/** Of a listener whose rooms never come. */
const early: PublicListenerDeps = {
  issuer: 'https://gatehouse.test',
  certificate: undefined,
  connections: { perAddress: 0, total: undefined, isExempt: () => false, onRefused: () => {} },
  fastLane: true,
  aliveProbeMs: 30_000,
  inFlight: createInFlight(),
  isDraining: () => false,
  findRequests: () => undefined,
  awaitRequests: () => new Promise(() => {}),
};

async function startEarly(): Promise<string> {
  const { server, closeAll } = createPublicListener(early);
  closers.push(() => {
    server.close();
    closeAll();
  });
  return `http://127.0.0.1:${await bind(server, { host: '127.0.0.1', port: 0 })}`;
}

describe.each([
  ['in the clear', false],
  ['with TLS', true],
])('the public listener %s', (_what, isSecure) => {
  it('closes at once what one address brings beyond its limit, and takes on when some have ended', async () => {
    const authority = createTestAuthority();
    closers.push(() => authority.close());
    const onRefused = vi.fn();
    const { server, openConnections, closeAll } = createPublicListener({
      ...early,
      certificate: isSecure ? { ...authority.issue('DNS:gatehouse.test'), expiresAt: 0 } : undefined,
      connections: { perAddress: 2, total: undefined, isExempt: () => false, onRefused },
    });
    expect(openConnections).toBe(0);
    closers.push(() => {
      server.close();
      closeAll();
    });
    const port = await bind(server, { host: '127.0.0.1', port: 0 });
    const ask = (): Promise<string> =>
      new Promise((resolve) => {
        const socket = isSecure
          ? connectTls({ port, host: '127.0.0.1', ca: authority.cert, servername: 'gatehouse.test' })
          : connectTcp(port, '127.0.0.1');
        open.push(socket);
        socket.on('error', () => resolve('closed')).on('close', () => resolve('closed'));
        socket.once('data', () => resolve('answered'));
        socket.write('GET /healthz HTTP/1.1\r\nHost: gatehouse.test\r\n\r\n');
      });
    const open: Socket[] = [];
    expect([await ask(), await ask(), await ask()]).toEqual(['answered', 'answered', 'closed']);
    expect(onRefused.mock.calls).toEqual([['address']]);
    open[0]?.destroy();
    await expect.poll(ask).toBe('answered');
  });
});

async function probe(origin: string): Promise<{ readonly status: number; readonly headers: string[][] }> {
  const response = await fetch(`${origin}/healthz`);
  // Those that tell one answer from another.
  const headers = [...response.headers].filter(([name]) => !['date', 'x-request-id'].includes(name));
  return { status: response.status, headers };
}

describe('the public listener before its rooms are there', () => {
  it('answers a liveness probe with the headers that it has later', async () => {
    const gatehouse = await createTestGatehouse();
    closers.push(() => gatehouse.close());
    const late = await probe((await gatehouse.listen()).url);
    expect(late.headers).toContainEqual(['x-content-type-options', 'nosniff']);
    expect(await probe(await startEarly())).toEqual(late);
  });
});
