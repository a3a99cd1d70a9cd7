import type { SharedCount } from '../../platform/store/shared-counter.ts';
import { createWindowTable, type WindowTable } from './window-table.ts';

/** Counts that one process keeps for several. As `SharedCounter`, and answers at once. */
export interface ProcessCounter {
  increment(key: string, windowSeconds: number, by: number): SharedCount;
}

export interface ProcessCounterDeps {
  readonly nowMs: () => number;
  /** About 150 bytes each. */
  readonly maxKeys?: number;
}

interface Count {
  readonly endsAt: number;
  count: number;
}

const defaultMaxKeys = 100_000;

export function createProcessCounter({
  nowMs,
  maxKeys = defaultMaxKeys,
}: ProcessCounterDeps): ProcessCounter {
  /** By length of the window: a table's windows are all of one. */
  const tables = new Map<number, WindowTable<Count>>();

  function tableOf(windowSeconds: number): WindowTable<Count> {
    let table = tables.get(windowSeconds);
    if (table === undefined) {
      const create = (endsAt: number): Count => ({ endsAt, count: 0 });
      table = createWindowTable({ windowMs: windowSeconds * 1000, maxKeys, nowMs, create });
      tables.set(windowSeconds, table);
    }
    return table;
  }

  return {
    increment(key, windowSeconds, by) {
      const entry = tableOf(windowSeconds).take(key);
      entry.count += by;
      return { count: entry.count, resetsInMs: entry.endsAt - nowMs() };
    },
  };
}
