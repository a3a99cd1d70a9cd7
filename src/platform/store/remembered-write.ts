import type { EpochSeconds } from '../clock.ts';
import { type Store, StoreError } from './store.ts';

export interface RememberedWrite {
  readonly written: boolean;
  /** What began later than this, the write can lean on the store's memory for. */
  readonly rememberedSince: EpochSeconds;
}

/**
 * Writes what may happen once, and learns whether the store can have forgotten that it happened before.
 *
 * The question after the write is the one that counts: whatever was lost by then shows in it. But who gets no answer to
 * it has written already, and honest people who come again would be taken for thieves. So the question is asked before
 * the write as well, where its failure leaves nothing behind, and that answer counts when the second stays out. Then a
 * loss goes unnoticed only between the two, and does harm only if the same thing was done by somebody else meanwhile.
 * @throws StoreError; from the questions, only when nothing was written
 */
export async function writeRemembered(
  store: Pick<Store, 'rememberedSince'>,
  write: () => Promise<boolean>,
): Promise<RememberedWrite> {
  const before = await store.rememberedSince();
  const written = await write();
  if (!written) return { written, rememberedSince: before };
  const after = await store.rememberedSince().catch((error: unknown) => {
    if (error instanceof StoreError) return before;
    throw error;
  });
  return { written, rememberedSince: Math.max(before, after) };
}
