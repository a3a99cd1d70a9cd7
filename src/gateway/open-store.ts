import type { Clock } from '../platform/clock.ts';
import type { Random } from '../platform/random.ts';
import type { Store } from '../platform/store/store.ts';
import type { Logger } from '../platform/telemetry/logger.ts';
import type { Registry } from '../platform/telemetry/metrics.ts';
import type { GatehouseConfig } from './config/config.ts';

export interface OpenStoreDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly registry: Registry;
}

/** Opens the configured store. Loaded on demand: a start pays for the one it uses. */
export async function openStore(config: GatehouseConfig['store'], deps: OpenStoreDeps): Promise<Store> {
  const { clock, random } = deps;
  switch (config.kind) {
    case 'memory': {
      const { createMemoryStore } = await import('../platform/store/memory-store.ts');
      return createMemoryStore({ clock });
    }
    case 'sqlite': {
      const { openSqliteStore } = await import('../platform/store/sqlite-store.ts');
      return openSqliteStore({ path: config.path, synchronous: config.synchronous, clock });
    }
    case 'redis': {
      const { openRedisStore } = await import('../platform/store/redis-store.ts');
      const { observeRedis } = await import('./observe-redis.ts');
      const { connection, keyPrefix } = config;
      return openRedisStore({ connection, keyPrefix, clock, random, ...observeRedis(deps) });
    }
  }
}
