import { describeRedirectUri } from '../../protocol/redirect-uri.ts';
import type { Client } from '../../services/clients/client.ts';
import type { GrantTerms } from '../../services/tokens/grant-terms.ts';
import type { Redemption } from '../../services/tokens/grants.ts';
import type { GrantDetails } from '../../services/tokens/person-grant.ts';
import { nameGrant, nameIssued, type TokenDeps, type TokenRequest } from './grant-type.ts';
import { bindTokens } from './key-binding.ts';
import { makeAccessToken, makeRefreshToken } from './seal-tokens.ts';
import type { IssuedTokens } from './token-response.ts';

/** What a person allowed, waiting to be exchanged for its first tokens: behind a code, or behind a device code. */
interface Approval {
  readonly terms: GrantTerms;
  /** The identity provider's refresh token. Undefined: it gave none. */
  readonly identityToken?: string | undefined;
  /** Where the code went. Absent: to a device. */
  readonly redirectUri?: string;
}

export type FailedRedemption = Exclude<Redemption, 'redeemed'>;

/** How events call the two. */
const names = {
  code: { grantType: 'authorization_code', replay: 'code', cause: 'code_replay' },
  device: { grantType: 'device_code', replay: 'device_code', cause: 'device_code_replay' },
} as const;

/**
 * Issues the first tokens of a grant, once: whoever presents the same a second time ends the grant that the first one
 * began. What was wrong about a failed one is for the grant type to say. Listed before it is redeemed: there is never a
 * grant that its person could not see.
 */
export async function redeemApproval(
  approval: Approval,
  kind: keyof typeof names,
  request: TokenRequest,
  deps: TokenDeps,
): Promise<IssuedTokens | FailedRedemption> {
  const { terms, identityToken } = approval;
  const keys = await bindTokens(request, terms, deps);
  const now = deps.clock.nowSeconds();
  // The provider vouched for the person when they logged in.
  const identity =
    identityToken === undefined ? undefined : { refreshToken: identityToken, checkedAt: terms.grantedAt };
  const access = makeAccessToken(deps.sealer, keys.ofAccess, now, deps.accessTokenTtlSeconds);
  const refresh = makeRefreshToken(deps.sealer, keys.ofRefresh, deps.random.token(16), now, identity);
  await deps.personGrants?.add(terms, terms, describeGrant(approval, request.client));
  const redemption = await deps.grants.redeem(terms, refresh.tokenId);
  if (redemption === 'replayed') await endReplayedGrant(terms, kind, request.requestId, deps);
  if (redemption !== 'redeemed') return redemption;
  const { grantType } = names[kind];
  deps.emit({ type: 'tokens_issued', grantType, ...nameIssued(terms) }, request.requestId);
  return { ...access, refreshToken: refresh.sealed, scope: terms.scope };
}

function describeGrant({ terms, redirectUri }: Approval, client: Client): GrantDetails {
  return {
    clientName: client.name,
    clientHost: client.verifiedHost,
    preRegistered: client.preRegistered,
    recipient: redirectUri === undefined ? undefined : describeRedirectUri(redirectUri).origin,
    resource: terms.resource,
    scope: terms.scope,
    grantedAt: terms.grantedAt,
    sessionId: terms.sessionId,
  };
}

/** OAuth 2.1 §4.1.3: somebody else has the code too, and what it was exchanged for may be theirs. */
async function endReplayedGrant(
  terms: GrantTerms,
  kind: keyof typeof names,
  requestId: string,
  deps: TokenDeps,
): Promise<void> {
  const { replay, cause } = names[kind];
  // First: an alarm must not depend on whether the store answers.
  deps.emit({ type: 'replay_detected', kind: replay, ...nameGrant(terms) }, requestId);
  await deps.grants.revoke(terms, cause);
  deps.emit({ type: 'grant_revoked', cause, ...nameGrant(terms) }, requestId);
}
