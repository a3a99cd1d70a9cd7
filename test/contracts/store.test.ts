import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { createMemoryStore } from '../../src/platform/store/memory-store.ts';
import { openSqliteStore } from '../../src/platform/store/sqlite-store.ts';
import type { Store } from '../../src/platform/store/store.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { describeStore, type StoreBackend } from './store-contract.ts';

describeStore('memory', async () => {
  const clock = new FakeClock();
  return createBackend(clock, false, () => createMemoryStore({ clock }));
});

describeStore('SQLite, synchronous NORMAL', async () => createSqliteBackend('NORMAL'));

describeStore('SQLite, synchronous FULL', async () => createSqliteBackend('FULL'));

function createSqliteBackend(synchronous: 'FULL' | 'NORMAL'): StoreBackend {
  const clock = new FakeClock();
  const directory = mkdtempSync(join(tmpdir(), 'gatehouse-store-'));
  const open = (): Store => openSqliteStore({ path: join(directory, 'store.db'), synchronous, clock });
  return createBackend(clock, true, open, () => rmSync(directory, { recursive: true }));
}

function createBackend(
  clock: FakeClock,
  shared: boolean,
  open: () => Store,
  remove: () => void = () => undefined,
): StoreBackend {
  const handles: Store[] = [];
  return {
    shared,
    now: () => clock.nowSeconds(),
    async open() {
      const handle = open();
      handles.push(handle);
      return handle;
    },
    async advance(seconds) {
      clock.advance(seconds);
    },
    async dispose() {
      for (const handle of handles) await handle.close();
      remove();
    },
  };
}
