import { OAuthError } from '../../protocol/oauth-error.ts';
import type { RefusalReason } from '../../protocol/refusal-reason.ts';
import type { GrantTerms } from '../../services/tokens/grant-terms.ts';
import type { Lease, Rotation } from '../../services/tokens/grants.ts';
import { openRefreshToken, type RefreshToken } from '../../services/tokens/refresh-token.ts';
import { nameGrant, nameIssued, type TokenDeps } from './grant-type.ts';
import {
  asksProvider,
  type Confirmation,
  confirmEntry,
  confirmIdentity,
  confirmUnasked,
} from './identity-confirmation.ts';
import { bindTo, type KeyBinding } from './key-binding.ts';
import { takeTurn } from './rotation-turn.ts';
import { makeAccessToken, makeRefreshToken } from './seal-tokens.ts';
import { unwrapSuccessor, wrapSuccessor } from './stored-successor.ts';
import type { IssuedTokens } from './token-response.ts';

/** A refresh whose every check has passed. */
export interface Refresh {
  readonly token: RefreshToken;
  /** Of the access token. */
  readonly scope: readonly string[];
  /** What the tokens are bound to. */
  readonly keys: KeyBinding;
  readonly requestId: string;
}

/**
 * Rotates a refresh token once the identity provider has vouched for the person again.
 * @throws OAuthError `invalid_grant` (`refresh_token_invalid`, `refresh_family_revoked`, `refresh_reuse_detected`,
 * `identity_gone`, `group`, `group_invalid`, `email_unverified`, `identity_recheck_impossible`, those of the entry rules),
 * `temporarily_unavailable` (`identity_recheck_unanswered`, `refresh_in_progress`)
 */
export async function rotate(refresh: Refresh, deps: TokenDeps): Promise<IssuedTokens> {
  const { token } = refresh;
  if (!asksProvider(token, deps)) {
    const rotation = await rotateAs(refresh, confirmEntry(confirmUnasked(token, deps), deps), deps);
    return rotation.outcome === 'issued' ? rotation.tokens : repeatOrRefuse(refresh, rotation, deps);
  }
  const holder = deps.random.token(12);
  const turn = await takeTurn(token, holder, deps);
  if (turn.outcome !== 'leased') return repeatOrRefuse(refresh, turn, deps);
  try {
    const rotation = await rotateInTurn(
      refresh,
      confirmEntry(await confirmIdentity(token, deps), deps),
      { holder, record: turn.record },
      deps,
    );
    if (rotation.outcome === 'issued') return rotation.tokens;
    // Overtaken after the lease ran out: it was the current token when it came, and no theft.
    return await repeatOrRefuse(refresh, rotation.outcome === 'reused' ? busy : rotation, deps);
  } catch (error) {
    // Whoever waits need not wait for the lease to run out. If the store is away, that is what they do.
    await deps.grants.release(token, holder).catch(() => {});
    throw error;
  }
}

type Issue =
  { readonly outcome: 'issued'; readonly tokens: IssuedTokens } | Exclude<Lease, { outcome: 'leased' }>;

const busy = { outcome: 'busy' } as const;

/**
 * A no ends the grant only while the lease is ours: a process that stood still for longer has asked with a token of the
 * provider's that somebody else's question replaced meanwhile.
 */
async function rotateInTurn(
  refresh: Refresh,
  confirmation: Confirmation,
  lease: { readonly holder: string; readonly record: string },
  deps: TokenDeps,
): Promise<Issue> {
  tellOfRecheck(confirmation, refresh, deps);
  if (confirmation.outcome === 'gone') {
    const turn = await deps.grants.lease(refresh.token, lease.holder);
    if (turn.outcome !== 'leased') return turn;
  }
  return rotateAs(refresh, confirmation, deps, lease.record);
}

/** Makes the successor for whom the identity provider has vouched, or refuses. */
async function rotateAs(
  refresh: Refresh,
  confirmation: Confirmation,
  deps: TokenDeps,
  record?: string,
): Promise<Issue> {
  const { token, scope, keys, requestId } = refresh;
  if (confirmation.outcome !== 'confirmed') throw await refuseIdentity(confirmation, refresh, deps);
  const { terms, identity } = confirmation;
  const now = deps.clock.nowSeconds();
  // A narrowed scope is the access token's alone; the successor keeps the grant's (RFC 6749 §6).
  const accessTerms = bindTo(keys.accessKey, { ...terms, scope });
  const access = makeAccessToken(deps.sealer, accessTerms, now, deps.accessTokenTtlSeconds);
  const refreshTerms = bindTo(keys.refreshKey, terms);
  const next = makeRefreshToken(deps.sealer, refreshTerms, deps.random.token(16), now, identity);
  const rotation = await deps.grants.rotate(token, () => wrapSuccessor(deps.sealer, next), record);
  if (rotation.outcome !== 'rotated') return rotation;
  const identityProvider = deps.identity.nameProvider(terms.identityIssuer);
  const grant = nameGrant(terms);
  if (next.isIdentityDropped) {
    deps.emit({ type: 'identity_token_dropped', ...grant, identityProvider }, requestId);
  }
  const isUnchecked = confirmation.source === 'impossible';
  const unchecked = isUnchecked ? ({ identityUnchecked: true, identityProvider } as const) : {};
  const event = { grantType: 'refresh_token', ...nameIssued(accessTerms), ...unchecked } as const;
  deps.emit({ type: 'tokens_issued', ...event }, requestId);
  return { outcome: 'issued', tokens: { ...access, refreshToken: next.sealed, scope } };
}

/** The token is not, or not now, to be rotated: the answer that its rotation got, or none. */
async function repeatOrRefuse(
  { token, scope, keys, requestId }: Refresh,
  standstill: Exclude<Lease, { outcome: 'leased' }>,
  deps: TokenDeps,
): Promise<IssuedTokens> {
  if (standstill.outcome === 'busy') throw stillRotating();
  if (standstill.outcome !== 'repeated') {
    if (standstill.outcome === 'reused') await endStolenGrant(token.terms, requestId, deps);
    throw invalidToken(reasonOfRefusal[standstill.outcome]);
  }
  const refreshToken = unwrapSuccessor(deps.sealer, standstill.sealed);
  const successor = refreshToken === undefined ? undefined : openRefreshToken(deps.sealer, refreshToken);
  if (refreshToken === undefined || successor === undefined) throw invalidToken('refresh_token_invalid');
  // Bound by the first who came with the token: it is nobody else's any more.
  const { keyThumbprint } = successor.terms;
  if (keyThumbprint !== undefined && keyThumbprint !== keys.refreshKey) {
    throw invalidToken('dpop_key_mismatch');
  }
  // The successor's terms: what the identity provider said of the person when it was made.
  const terms = bindTo(keys.accessKey, { ...successor.terms, scope });
  const now = deps.clock.nowSeconds();
  const access = makeAccessToken(deps.sealer, terms, now, deps.accessTokenTtlSeconds);
  deps.emit({ type: 'refresh_repeated', ...nameGrant(terms) }, requestId);
  return { ...access, refreshToken, scope };
}

function tellOfRecheck(confirmation: Confirmation, { token, requestId }: Refresh, deps: TokenDeps): void {
  const outcome = confirmation.outcome === 'confirmed' ? confirmation.source : confirmation.outcome;
  if (outcome === 'unasked' || outcome === 'impossible') return;
  const identityProvider = deps.identity.nameProvider(token.terms.identityIssuer);
  deps.emit({ type: 'identity_rechecked', outcome, ...nameGrant(token.terms), identityProvider }, requestId);
}

/** The refusal for somebody whom the identity provider no longer, or not now, vouches for. */
async function refuseIdentity(
  confirmation: Exclude<Confirmation, { outcome: 'confirmed' }>,
  { token: { terms }, requestId }: Refresh,
  deps: TokenDeps,
): Promise<OAuthError> {
  switch (confirmation.outcome) {
    case 'impossible':
      return invalidToken('identity_recheck_impossible');
    case 'unanswered':
      return providerSilent();
    case 'gone': {
      const cause = causeOf(confirmation.reason);
      await deps.grants.revoke(terms, cause);
      deps.emit({ type: 'grant_revoked', cause, ...nameGrant(terms) }, requestId);
      return invalidToken(confirmation.reason);
    }
  }
}

function causeOf(reason: RefusalReason): 'group' | 'entry' | 'identity_gone' {
  if (reason === 'group') return 'group';
  return reason.startsWith('entry_') ? 'entry' : 'identity_gone';
}

const reasonOfRefusal = {
  reused: 'refresh_reuse_detected',
  revoked: 'refresh_family_revoked',
  unknown: 'refresh_token_invalid',
} as const satisfies Record<Exclude<Rotation['outcome'], 'rotated' | 'repeated' | 'busy'>, RefusalReason>;

/** RFC 9700 §4.14.2: thief and client cannot be told apart, so neither keeps the grant. */
async function endStolenGrant(terms: GrantTerms, requestId: string, deps: TokenDeps): Promise<void> {
  // First: an alarm must not depend on whether the store answers.
  deps.emit({ type: 'replay_detected', kind: 'refresh', ...nameGrant(terms) }, requestId);
  await deps.grants.revoke(terms, 'refresh_reuse');
  deps.emit({ type: 'grant_revoked', cause: 'refresh_reuse', ...nameGrant(terms) }, requestId);
}

/** One text for every refresh token that is not good: a stranger cannot tell forged from expired, foreign or spent. */
export function invalidToken(reason: RefusalReason): OAuthError {
  return new OAuthError('invalid_grant', 'The refresh token is not valid', { reason });
}

/** Never invalid_grant for these two: clients would throw away what is good again in a moment. */
function providerSilent(): OAuthError {
  return new OAuthError('temporarily_unavailable', 'The login service cannot be asked; try again shortly', {
    reason: 'identity_recheck_unanswered',
    retryAfterSeconds: 10,
  });
}

function stillRotating(): OAuthError {
  return new OAuthError('temporarily_unavailable', 'The token is being refreshed; try again shortly', {
    reason: 'refresh_in_progress',
    retryAfterSeconds: 2,
  });
}
