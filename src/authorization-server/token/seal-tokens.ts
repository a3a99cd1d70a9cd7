import type { EpochSeconds } from '../../platform/clock.ts';
import { type Sealer, SealTooLargeError } from '../../platform/sealing/sealer.ts';
import { OAuthError } from '../../protocol/oauth-error.ts';
import { accessTokenTtlSeconds, sealAccessToken } from '../../services/tokens/access-token.ts';
import type { GrantTerms } from '../../services/tokens/grant-terms.ts';
import type { Successor } from '../../services/tokens/grants.ts';
import {
  type IdentityProof,
  type RefreshToken,
  refreshTokenIdleSeconds,
  sealRefreshToken,
} from '../../services/tokens/refresh-token.ts';

interface SealedAccessToken {
  readonly accessToken: string;
  readonly tokenType: 'Bearer' | 'DPoP';
  /** As the client is told: a little less than the token has. */
  readonly expiresInSeconds: number;
}

/**
 * Clients count from the moment at which the answer reached them, we from the second before. Whoever trusted the last
 * second would be refused, and some clients ask the person to log in then, although they could refresh.
 */
const announcedEarlySeconds = 5;
/** Of a shorter life nothing is taken away. */
const shortLifeSeconds = 60;

/**
 * Seals an access token for these terms. It never outlives the grant's absolute end.
 * @throws OAuthError when the terms do not fit into a token: `invalid_grant`, reason `groups_too_many`, for somebody with
 * groups; else `server_error`, reason `token_issue_failed`
 */
export function makeAccessToken(
  sealer: Sealer,
  terms: GrantTerms,
  now: EpochSeconds,
  ttlSeconds: number = accessTokenTtlSeconds,
): SealedAccessToken {
  const expiresAt = Math.min(now + ttlSeconds, terms.absoluteEnd);
  const access = { terms, issuedAt: now, expiresAt };
  const accessToken = orIssueFailed(terms, () => sealAccessToken(sealer, access));
  const tokenType = terms.keyThumbprint === undefined ? 'Bearer' : 'DPoP';
  return { accessToken, tokenType, expiresInSeconds: announce(expiresAt - now) };
}

function announce(lifetimeSeconds: number): number {
  return lifetimeSeconds > shortLifeSeconds ? lifetimeSeconds - announcedEarlySeconds : lifetimeSeconds;
}

interface SealedRefreshToken extends Successor {
  /** The identity provider's token did not fit: it is not in there. */
  readonly isIdentityDropped: boolean;
}

/**
 * Seals one generation of the grant's refresh token, good until it idles out or the grant ends. What the identity
 * provider wants to be asked with is of its own choosing, and long with some: it is left out before the login fails.
 * @throws OAuthError when the terms do not fit into a token: `invalid_grant`, reason `groups_too_many`, for somebody with
 * groups; else `server_error`, reason `token_issue_failed`
 */
export function makeRefreshToken(
  sealer: Sealer,
  terms: GrantTerms,
  tokenId: string,
  now: EpochSeconds,
  identity?: IdentityProof,
): SealedRefreshToken {
  const token = { terms, tokenId, expiresAt: Math.min(now + refreshTokenIdleSeconds, terms.absoluteEnd) };
  const whole = identity === undefined ? undefined : sealIfItFits(sealer, { ...token, identity });
  if (whole !== undefined) return { tokenId, sealed: whole, isIdentityDropped: false };
  const timed = identity === undefined ? token : { ...token, identity: without(identity) };
  const sealed = sealIfItFits(sealer, timed) ?? orIssueFailed(terms, () => sealRefreshToken(sealer, token));
  return { tokenId, sealed, isIdentityDropped: identity?.refreshToken !== undefined };
}

/** When the provider last vouched for the person is known all the same. */
function without({ checkedAt }: IdentityProof): IdentityProof {
  return { refreshToken: undefined, checkedAt };
}

function sealIfItFits(sealer: Sealer, token: RefreshToken): string | undefined {
  try {
    return sealRefreshToken(sealer, token);
  } catch (error) {
    if (error instanceof SealTooLargeError) return undefined;
    throw error;
  }
}

/** Whoever is in too many groups finds out why at the login that `invalid_grant` leads to. */
function orIssueFailed({ groups }: GrantTerms, seal: () => string): string {
  try {
    return seal();
  } catch (error) {
    if (!(error instanceof SealTooLargeError)) throw error;
    if (groups.length > 0) {
      throw new OAuthError('invalid_grant', 'This account is in too many groups for this service', {
        reason: 'groups_too_many',
        cause: error,
      });
    }
    throw new OAuthError('server_error', 'The token could not be issued', {
      reason: 'token_issue_failed',
      cause: error,
    });
  }
}
