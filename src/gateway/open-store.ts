import type { Clock } from '../platform/clock.ts';
import type { Store } from '../platform/store/store.ts';
import type { GatehouseConfig } from './config/config.ts';

/** Opens the configured store. Loaded on demand: a start pays for the one it uses. */
export async function openStore(config: GatehouseConfig['store'], clock: Clock): Promise<Store> {
  switch (config.kind) {
    case 'memory': {
      const { createMemoryStore } = await import('../platform/store/memory-store.ts');
      return createMemoryStore({ clock });
    }
    case 'sqlite': {
      const { openSqliteStore } = await import('../platform/store/sqlite-store.ts');
      return openSqliteStore({ path: config.path, synchronous: config.synchronous, clock });
    }
  }
}
