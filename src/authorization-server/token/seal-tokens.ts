import type { EpochSeconds } from '../../platform/clock.ts';
import { type Sealer, SealTooLargeError } from '../../platform/sealing/sealer.ts';
import { OAuthError } from '../../protocol/oauth-error.ts';
import { accessTokenTtlSeconds, sealAccessToken } from '../../services/tokens/access-token.ts';
import type { GrantTerms } from '../../services/tokens/grant-terms.ts';
import type { Successor } from '../../services/tokens/grants.ts';
import { refreshTokenIdleSeconds, sealRefreshToken } from '../../services/tokens/refresh-token.ts';

interface SealedAccessToken {
  readonly accessToken: string;
  readonly expiresInSeconds: number;
}

/**
 * Seals an access token for these terms. It never outlives the grant's absolute end.
 * @throws OAuthError `server_error`, reason `token_issue_failed`, when the terms do not fit into a token
 */
export function makeAccessToken(sealer: Sealer, terms: GrantTerms, now: EpochSeconds): SealedAccessToken {
  const expiresAt = Math.min(now + accessTokenTtlSeconds, terms.absoluteEnd);
  const accessToken = orIssueFailed(() => sealAccessToken(sealer, { terms, issuedAt: now, expiresAt }));
  return { accessToken, expiresInSeconds: expiresAt - now };
}

/**
 * Seals one generation of the grant's refresh token, good until it idles out or the grant ends.
 * @throws OAuthError `server_error`, reason `token_issue_failed`, when the terms do not fit into a token
 */
export function makeRefreshToken(
  sealer: Sealer,
  terms: GrantTerms,
  tokenId: string,
  now: EpochSeconds,
): Successor {
  const expiresAt = Math.min(now + refreshTokenIdleSeconds, terms.absoluteEnd);
  return { tokenId, sealed: orIssueFailed(() => sealRefreshToken(sealer, { terms, tokenId, expiresAt })) };
}

function orIssueFailed(seal: () => string): string {
  try {
    return seal();
  } catch (error) {
    if (!(error instanceof SealTooLargeError)) throw error;
    throw new OAuthError('server_error', 'The token could not be issued', {
      reason: 'token_issue_failed',
      cause: error,
    });
  }
}
