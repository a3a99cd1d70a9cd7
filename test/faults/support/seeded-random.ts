/** Chance that repeats itself: the same seed gives the same draws, in the same order of asking. */
export interface SeededRandom {
  readonly seed: number;
  /** From 0 to below 1. */
  next(): number;
  /** A whole number from 0 to below `limit`. */
  below(limit: number): number;
  pick<Item>(items: readonly Item[]): Item;
}

/** `FAULT_SEED` repeats a run; otherwise each run has a seed of its own. */
export function chooseSeed(): number {
  const wanted = process.env['FAULT_SEED'];
  const seed = wanted === undefined ? Math.floor(Math.random() * 2 ** 32) : Number(wanted);
  if (!Number.isSafeInteger(seed)) throw new Error('FAULT_SEED is not a whole number');
  return seed;
}

/** Mulberry32: small, and even enough to choose moments and replicas. */
export function createSeededRandom(seed: number): SeededRandom {
  let state = seed | 0;
  const next = (): number => {
    state = (state + 0x6d_2b_79_f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (limit: number): number => Math.floor(next() * limit);
  return {
    seed,
    next,
    below,
    pick<Item>(items: readonly Item[]): Item {
      const item = items[below(items.length)];
      if (item === undefined) throw new Error('there is nothing to pick from');
      return item;
    },
  };
}
