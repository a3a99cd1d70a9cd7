import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';

import { createClient } from '@redis/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { createRedisCounter } from '../../src/platform/store/redis-counter.ts';
import { createRateLimits } from '../../src/services/limits/rate-limits.ts';
import { freePort } from '../support/free-port.ts';

let server: ChildProcess;
let client: ReturnType<typeof createClient>;

const link = {
  run: (_key: string, command: readonly string[]): Promise<unknown> => client.sendCommand([...command]),
};

beforeAll(async () => {
  const port = await freePort();
  server = spawn('redis-server', ['--port', String(port), '--bind', '127.0.0.1', '--save', ''], {
    stdio: 'ignore',
  });
  client = createClient({ socket: { host: '127.0.0.1', port, reconnectStrategy: 20 } });
  // Until the server listens.
  client.on('error', () => undefined);
  await client.connect();
});

afterAll(async () => {
  client.destroy();
  server.kill();
  await once(server, 'exit');
});

describe('createRedisCounter', () => {
  it('counts for everybody who shares the server and the prefix', async () => {
    const [one, two] = [createRedisCounter(link, 'a'), createRedisCounter(link, 'a')];
    expect((await one.increment('x', 60)).count).toBe(1);
    expect((await two.increment('x', 60, 5)).count).toBe(6);
    expect((await one.increment('y', 60)).count).toBe(1);
    expect((await createRedisCounter(link, 'b').increment('x', 60)).count).toBe(1);
  });

  it('keeps a count for its window and no longer', async () => {
    const counter = createRedisCounter(link, 'window');
    const { resetsInMs } = await counter.increment('x', 60);
    expect(resetsInMs).toBeGreaterThan(0);
    expect(resetsInMs).toBeLessThanOrEqual(60_000);
    expect(await client.pTTL('window:x')).toBeGreaterThan(0);
    await client.pExpire('window:x', 1);
    while ((await client.exists('window:x')) === 1);
    expect((await counter.increment('x', 60)).count).toBe(1);
  });

  it('loses no count however many add at once', async () => {
    const counters = Array.from({ length: 4 }, () => createRedisCounter(link, 'many'));
    const counts = await Promise.all(
      Array.from({ length: 400 }, async (_, at) => (await counters[at % 4]?.increment('x', 60))?.count),
    );
    expect(counts.toSorted((a, b) => Number(a) - Number(b))).toEqual(counts.map((_, at) => at + 1));
  });

  it('holds a limit exactly over replicas', async () => {
    const replicas = Array.from({ length: 3 }, () =>
      createRateLimits({
        enabled: true,
        nowMs: () => Date.now(),
        shared: createRedisCounter(link, 'limits'),
      }),
    );
    const verdicts = [];
    for (let at = 0; at < 120; at += 1) {
      verdicts.push(await replicas[at % 3]?.check('token', '2001:db8::1'));
    }
    expect(verdicts.filter((verdict) => verdict?.outcome === 'allowed')).toHaveLength(60);
  });

  it('rejects when the server says no', async () => {
    await client.set('wrong:x', 'no number');
    await expect(createRedisCounter(link, 'wrong').increment('x', 60)).rejects.toThrow();
  });
});
