import type { EpochSeconds } from '../../platform/clock.ts';
import { type Store, StoreError } from '../../platform/store/store.ts';
import { storeUnavailable } from '../../protocol/oauth-error.ts';

/**
 * Claims something that may happen once. True for one caller, whatever the number of processes; false for the others.
 * @throws OAuthError `temporarily_unavailable`, reason `replay_store_unavailable`, when the store does not answer
 */
export async function claimOnce(store: Store, key: string, expiresAt: EpochSeconds): Promise<boolean> {
  try {
    return await store.putIfAbsent(key, 'claimed', expiresAt);
  } catch (error) {
    throw error instanceof StoreError ? storeUnavailable(error) : error;
  }
}
