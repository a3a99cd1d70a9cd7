import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

import { afterEach, describe, expect, it, vi } from 'vitest';

import { soundEnvironment } from '../support/configuration.ts';

const main = new URL('../../src/cli/main.ts', import.meta.url).pathname;
const closers: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

interface Serving {
  readonly child: ChildProcess;
  readonly port: number;
  metric(line: string): Promise<number>;
}

/** `gatehouse serve` that may have so many files open. */
async function serve(descriptors: number, env: Readonly<Record<string, string>>): Promise<Serving> {
  const command = ['-c', `ulimit -n ${descriptors} && exec "$0" "$@"`, process.execPath, main, 'serve'];
  const child = spawn('/bin/sh', command, {
    env: {
      ...soundEnvironment,
      PROD_MODE: 'false',
      OIDC_ISSUER_URL: 'http://127.0.0.1:1',
      STORE_PATH: ':memory:',
      LISTEN_ADDR: '127.0.0.1:0',
      METRICS_ADDR: '127.0.0.1:0',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const ended = once(child, 'close');
  closers.push(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  const portOf = (message: string): Promise<number> =>
    vi.waitFor(
      () => {
        const line = output.split('\n').find((each) => each.includes(`"msg":"${message}"`)) ?? '{}';
        const { address = '' } = JSON.parse(line) as { address?: string };
        expect(address).not.toBe('');
        return Number(address.split(':').at(-1));
      },
      { timeout: 20_000, interval: 50 },
    );
  const [port, metricsPort] = [await portOf('listening'), await portOf('metrics_listening')];
  return {
    child,
    port,
    async metric(line) {
      const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
      const found = text.split('\n').find((each) => each.startsWith(`${line} `));
      return Number(found?.split(' ').at(-1) ?? 0);
    },
  };
}

/** Opens connections that say nothing, and keeps those that it may. */
async function crowd(port: number, count: number): Promise<readonly Socket[]> {
  const sockets = Array.from({ length: count }, () =>
    connect(port, '127.0.0.1').on('error', () => undefined),
  );
  closers.push(() => sockets.forEach((socket) => socket.destroy()));
  await Promise.all(sockets.map((socket) => Promise.race([once(socket, 'connect'), once(socket, 'close')])));
  return sockets;
}

async function isServed(port: number): Promise<boolean> {
  const response = await fetch(`http://127.0.0.1:${port}/healthz`, { headers: { connection: 'close' } });
  return response.status === 200;
}

describe.each([
  ['as many as its open files allow', 200, {}, 68],
  ['MAX_CONNECTIONS', 1024, { MAX_CONNECTIONS: '20' }, 20],
])('a server that may hold %s', (_what, descriptors, env, cap) => {
  it('closes connections past that, lives, and serves again when some have left', async () => {
    const { child, port, metric } = await serve(descriptors, env);
    const sockets = await crowd(port, 250);
    await vi.waitFor(async () => {
      expect(await metric('gatehouse_connections_refused_total{cause="total"}')).toBe(250 - cap);
    });
    await vi.waitFor(() => expect(sockets.filter((socket) => !socket.closed)).toHaveLength(cap));
    expect(await metric('gatehouse_connections_open')).toBe(cap);
    expect(await metric('gatehouse_connections_refused_total{cause="descriptors"}')).toBe(0);
    await expect(isServed(port)).rejects.toThrow();
    for (const socket of sockets) socket.destroy();
    await vi.waitFor(async () => expect(await isServed(port)).toBe(true));
    expect(child.exitCode).toBeNull();
  });
});
