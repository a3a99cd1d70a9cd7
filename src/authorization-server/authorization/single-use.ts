import type { EpochSeconds } from '../../platform/clock.ts';
import { writeRemembered } from '../../platform/store/remembered-write.ts';
import { type Store, StoreError } from '../../platform/store/store.ts';
import { OAuthError, storeUnavailable } from '../../protocol/oauth-error.ts';
import { consentTtlSeconds, loginTtlSeconds } from './transaction.ts';

/**
 * Claims something that may happen once. True for one caller, whatever the number of processes; false for the others.
 * What began before the store may have lost its marks is refused, whoever claims it.
 * @throws OAuthError `temporarily_unavailable`, reason `replay_store_unavailable`, when the store does not answer;
 * `invalid_request`, reasons `consent_token_invalid` and `callback_state_invalid`
 */
export async function claimOnce(store: Store, key: string, expiresAt: EpochSeconds): Promise<boolean> {
  try {
    const claim = await writeRemembered(store, () => store.putIfAbsent(key, 'claimed', expiresAt));
    if (!claim.written) return false;
    if (beganAt(key, expiresAt) > claim.rememberedSince) return true;
  } catch (error) {
    throw error instanceof StoreError ? storeUnavailable(error) : error;
  }
  // It may have been claimed before, and the mark forgotten since.
  throw new OAuthError(
    'invalid_request',
    'This login was interrupted by a disturbance here; start again from your application',
    { reason: kindOf(key).reason },
  );
}

/** What can be claimed: how long it lives, so that its end tells when it began. */
const kinds = {
  consent: { ttlSeconds: consentTtlSeconds, reason: 'consent_token_invalid' },
  callback_state: { ttlSeconds: loginTtlSeconds, reason: 'callback_state_invalid' },
} as const;

function kindOf(key: string): (typeof kinds)[keyof typeof kinds] {
  return key.startsWith('consent:') ? kinds.consent : kinds.callback_state;
}

function beganAt(key: string, expiresAt: EpochSeconds): EpochSeconds {
  return expiresAt - kindOf(key).ttlSeconds;
}
