import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { openSqliteStore } from '../../src/platform/store/sqlite-store.ts';
import type { Store } from '../../src/platform/store/store.ts';
import { FakeClock } from './fake-clock.ts';
import { FakeIdentityProvider } from './fake-identity-provider.ts';
import { createTestGatehouse, type TestGatehouse, type TestGatehouseOptions } from './gatehouse.ts';

/** Two gatehouses of one deployment: same secret, clock and identity provider, and each its own handle of one SQLite file. */
export interface GatehousePair {
  readonly both: readonly [TestGatehouse, TestGatehouse];
  readonly clock: FakeClock;
  /** Both ask this one. */
  readonly identityProvider: FakeIdentityProvider;
  close(): Promise<void>;
}

export async function createGatehousePair(
  options: Omit<TestGatehouseOptions, 'store' | 'clock' | 'identityProvider'> & {
    /** Another handle of the store they share; by default of a SQLite file. */
    readonly openStore?: (clock: FakeClock) => Promise<Store>;
  } = {},
): Promise<GatehousePair> {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-pair-'));
  const clock = new FakeClock();
  const identityProvider = new FakeIdentityProvider();
  const openSqlite = async (): Promise<Store> =>
    openSqliteStore({ path: join(folder, 'store.sqlite'), synchronous: 'NORMAL', clock });
  const open = async (): Promise<TestGatehouse> => {
    const store = await (options.openStore ?? openSqlite)(clock);
    return createTestGatehouse({ ...options, clock, store, identityProvider });
  };
  const both = [await open(), await open()] as const;
  return {
    both,
    clock,
    identityProvider,
    async close() {
      for (const gatehouse of both) await gatehouse.close();
      rmSync(folder, { recursive: true });
    },
  };
}
