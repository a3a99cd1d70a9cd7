import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { systemRandom } from '../../src/platform/random.ts';
import { openRedisStore } from '../../src/platform/store/redis-store.ts';
import type { Store } from '../../src/platform/store/store.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { hasRedis, type RedisProcess, startRedis } from '../support/redis.ts';

let redis: RedisProcess;
let store: Store;
const clock = new FakeClock();

beforeAll(async () => {
  if (!hasRedis) return;
  redis = await startRedis();
  store = await openRedisStore({
    connection: {
      shape: 'standalone',
      address: { host: redis.host, port: redis.port },
      database: 0,
      username: undefined,
      password: undefined,
      tls: undefined,
    },
    keyPrefix: 'feeds:',
    clock,
    random: systemRandom,
    deadlines: { attempt: 5_000, operation: 10_000 },
  });
});

afterAll(async () => {
  if (!hasRedis) return;
  await store.close();
  await redis.dispose();
});

describe.runIf(hasRedis)('a feed in Redis', () => {
  it('lets go of what is over, also behind entries that stay', async () => {
    const now = clock.nowSeconds();
    const appendMany = async (count: number, name: string, until: number): Promise<void> => {
      for (let at = 0; at < count; at += 1) await store.append('feed', `${name}${at}`, until);
    };
    await appendMany(20, 'stays', now + 1_000_000);
    await appendMany(1_000, 'short', now + 60);
    clock.advance(61);
    await appendMany(200, 'later', now + 1_000_000);
    expect(Number(await redis.command('XLEN', 'feeds:f:feed'))).toBeLessThan(600);
    const { entries } = await store.read('feed', '');
    expect(entries).toHaveLength(220);
    expect([entries[0], entries.at(-1)]).toEqual(['stays0', 'later199']);
  });
});
