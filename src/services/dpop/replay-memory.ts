import type { Clock } from '../../platform/clock.ts';
import { proofWindowSeconds } from './proof.ts';

/** Which proofs have been used in this process. */
export interface ReplayMemory {
  /** `full`: whether it was used before can no longer be told apart for so many. */
  claim(id: string): 'first' | 'again' | 'full';
}

/** From the first moment that a proof can be good to its last, and a second at either end for the clock's whole numbers. */
const keepSeconds = 2 * proofWindowSeconds + 2;

/** About 100 bytes each, twice: 40 MB when somebody with a good token tries hard. */
const defaultMaxEntries = 200_000;

/**
 * Remembers each proof for as long as it could be used again, in two halves: the newer becomes the older when it has
 * been kept for long enough, and the one before that is forgotten. Nothing is ever pushed out, which would let a
 * proof count twice: when a half is full, the next proof has to wait.
 */
export function createReplayMemory({
  clock,
  maxEntries = defaultMaxEntries,
}: {
  readonly clock: Pick<Clock, 'nowSeconds'>;
  readonly maxEntries?: number;
}): ReplayMemory {
  let recent = new Set<string>();
  let older = new Set<string>();
  let begunAt = clock.nowSeconds();

  function turn(): void {
    const age = clock.nowSeconds() - begunAt;
    if (age < keepSeconds) return;
    older = age < 2 * keepSeconds ? recent : new Set();
    recent = new Set();
    begunAt += age;
  }

  return {
    claim(id) {
      turn();
      if (recent.has(id) || older.has(id)) return 'again';
      if (recent.size >= maxEntries) return 'full';
      recent.add(id);
      return 'first';
    },
  };
}
