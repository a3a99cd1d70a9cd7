import type { Clock } from '../../src/platform/clock.ts';
import { createMemoryStore } from '../../src/platform/store/memory-store.ts';
import type { Store } from '../../src/platform/store/store.ts';

/** A store in memory that can lose it, as a flushed Redis does. Nobody is woken by that. */
export interface ForgetfulStore {
  readonly store: Store;
  forget(): void;
}

export function createForgetfulStore(clock: Clock): ForgetfulStore {
  let inner = createMemoryStore({ clock });
  let epoch = 1;
  const store: Store = {
    putIfAbsent: (...record) => inner.putIfAbsent(...record),
    get: (key) => inner.get(key),
    replace: (...record) => inner.replace(...record),
    delete: (key) => inner.delete(key),
    list: (...page) => inner.list(...page),
    append: (...entry) => inner.append(...entry),
    async read(feed, cursor) {
      const [readEpoch, position = ''] = cursor === '' ? [String(epoch)] : cursor.split('/');
      const startedOver = readEpoch !== String(epoch);
      const page = await inner.read(feed, startedOver ? '' : position);
      return { ...page, cursor: `${epoch}/${page.cursor}`, startedOver };
    },
    watch: (...watcher) => inner.watch(...watcher),
    rememberedSince: () => inner.rememberedSince(),
    ping: () => inner.ping(),
    close: () => inner.close(),
  };
  return {
    store,
    forget() {
      inner = createMemoryStore({ clock });
      epoch += 1;
    },
  };
}
