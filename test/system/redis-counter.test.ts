import { createClient } from '@redis/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { systemClock } from '../../src/platform/clock.ts';
import { systemRandom } from '../../src/platform/random.ts';
import { createRedisCounter } from '../../src/platform/store/redis-counter.ts';
import { openRedisStore } from '../../src/platform/store/redis-store.ts';
import type { Store } from '../../src/platform/store/store.ts';
import { createRateLimits } from '../../src/services/limits/rate-limits.ts';
import { registerClient } from '../support/flow.ts';
import { createTestGatehouse } from '../support/gatehouse.ts';
import { hasRedis, type RedisProcess, startRedis } from '../support/redis.ts';

let redis: RedisProcess;
let client: ReturnType<typeof createClient>;

const link = {
  run: (_key: string, command: readonly string[]): Promise<unknown> => client.sendCommand([...command]),
};

beforeAll(async () => {
  if (!hasRedis) return;
  redis = await startRedis();
  client = createClient({ socket: { host: redis.host, port: redis.port } });
  client.on('error', () => undefined);
  await client.connect();
});

afterAll(async () => {
  if (!hasRedis) return;
  client.destroy();
  await redis.dispose();
});

describe.runIf(hasRedis)('createRedisCounter', () => {
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

describe.runIf(hasRedis)('gatehouses that share a Redis', () => {
  function openStore(): Promise<Store> {
    const { host, port } = redis;
    const access = { username: undefined, password: undefined, tls: undefined };
    return openRedisStore({
      connection: { ...access, shape: 'standalone', address: { host, port }, database: 0 },
      keyPrefix: 'shared:',
      clock: systemClock,
      random: systemRandom,
    });
  }

  it('share the limit of an address, and go on with their own while Redis is gone', async () => {
    const env = { RATE_LIMIT_ENABLED: 'true' };
    const gatehouses = [
      await createTestGatehouse({ env, store: await openStore() }),
      await createTestGatehouse({ env, store: await openStore() }),
    ] as const;
    const register = async (at: number): Promise<boolean> =>
      registerClient(gatehouses[at % 2] as (typeof gatehouses)[0]).then(
        () => true,
        () => false,
      );
    const registered: boolean[] = [];
    for (let at = 0; at < 14; at += 1) registered.push(await register(at));
    expect(registered.filter(Boolean)).toHaveLength(10);
    for (const { clock } of gatehouses) clock.advance(61);
    await redis.kill();
    const alone: boolean[] = [];
    for (let at = 0; at < 24; at += 1) alone.push(await register(at));
    expect(alone.filter(Boolean)).toHaveLength(20);
    expect(gatehouses[0].logged()).toContain('rate_limits_not_shared');
    for (const gatehouse of gatehouses) await gatehouse.close();
  });
});
