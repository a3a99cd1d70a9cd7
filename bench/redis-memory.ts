/** A Redis of one's own, and what it holds. */
import { setTimeout as sleep } from 'node:timers/promises';

import { systemClock } from '../src/platform/clock.ts';
import { systemRandom } from '../src/platform/random.ts';
import { openRedisStore } from '../src/platform/store/redis-store.ts';
import type { Store } from '../src/platform/store/store.ts';
import type { RedisProcess } from '../test/support/redis.ts';

/** What the gatehouse puts before its keys when nothing else is configured. */
export const keyPrefix = 'mcp-auth-proxy:';

export async function openBenchStore({ host, port }: Pick<RedisProcess, 'host' | 'port'>): Promise<Store> {
  const access = { username: undefined, password: undefined, tls: undefined } as const;
  const connection = { ...access, shape: 'standalone', address: { host, port }, database: 0 } as const;
  const store = await openRedisStore({ connection, keyPrefix, clock: systemClock, random: systemRandom });
  // Codes from the second in which a Redis was first seen are not redeemed.
  const since = await store.rememberedSince();
  while (systemClock.nowSeconds() <= since) await sleep(50);
  return store;
}

export interface RedisHoldings {
  readonly keys: number;
  /** `used_memory`: all that Redis allocated, connections included. */
  readonly bytes: number;
}

export async function readHoldings(redis: RedisProcess): Promise<RedisHoldings> {
  const info = String(await redis.command('INFO', 'memory'));
  return {
    keys: Number(await redis.command('DBSIZE')),
    bytes: Number(/^used_memory:(\d+)/m.exec(info)?.[1]),
  };
}
