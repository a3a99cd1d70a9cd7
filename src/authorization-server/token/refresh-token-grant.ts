import { OAuthError } from '../../protocol/oauth-error.ts';
import type { RefusalReason } from '../../protocol/refusal-reason.ts';
import { resolveResource } from '../../protocol/resource-uri.ts';
import { narrowScope } from '../../protocol/scope.ts';
import type { GrantTerms } from '../../services/tokens/grant-terms.ts';
import type { Rotation } from '../../services/tokens/grants.ts';
import { openRefreshToken, type RefreshToken } from '../../services/tokens/refresh-token.ts';
import { nameGrant, type TokenDeps, type TokenRequest } from './grant-type.ts';
import { makeAccessToken, makeRefreshToken } from './seal-tokens.ts';
import { unwrapSuccessor, wrapSuccessor } from './stored-successor.ts';
import type { IssuedTokens } from './token-response.ts';

/**
 * Exchanges a refresh token for an access token and its successor. The same token from the same client gets the same
 * successor for a short while, so that a lost response or two processes sharing one token cost nobody the session;
 * after that, or once the successor was used, it is theft and ends the grant.
 * @throws OAuthError `invalid_request` (`parameter_missing`), `invalid_target` (`resource_mismatch`), `invalid_scope`
 * (`scope_invalid`), `invalid_grant` (`refresh_token_invalid`, `client_mismatch`, `token_revoked_iat_cutoff`,
 * `grant_expired`, `refresh_family_revoked`, `refresh_reuse_detected`), `temporarily_unavailable` (429,
 * `client_rate_limited`)
 * @see OAuth 2.1 §4.3, RFC 9700 §4.14.2
 */
export async function refreshTokenGrant(request: TokenRequest, deps: TokenDeps): Promise<IssuedTokens> {
  const presented = request.parameters.find('refresh_token');
  if (presented === undefined) {
    throw new OAuthError('invalid_request', 'refresh_token is required', { reason: 'parameter_missing' });
  }
  const token = openRefreshToken(deps.sealer, presented);
  if (token === undefined) throw invalidToken('refresh_token_invalid');
  checkRefreshToken(token, request, deps);
  await checkRate(token.terms, deps);
  const scope = narrowToGranted(request.parameters.find('scope'), token.terms.scope);
  return rotate(token, scope, request.requestId, deps);
}

function checkRefreshToken(token: RefreshToken, { client, parameters }: TokenRequest, deps: TokenDeps): void {
  const { terms } = token;
  const now = deps.clock.nowSeconds();
  if (terms.client !== client.fingerprint) throw invalidToken('client_mismatch');
  if (deps.revokeBefore !== undefined && terms.grantedAt < deps.revokeBefore) {
    throw invalidToken('token_revoked_iat_cutoff');
  }
  // Before idle expiry, which never lies beyond it: the log then says which of the two it was.
  if (terms.absoluteEnd <= now) throw invalidToken('grant_expired');
  if (token.expiresAt <= now) throw invalidToken('refresh_token_invalid');
  const resource = resolveResource(parameters.all('resource'), deps);
  if (terms.resource !== resource) throw invalidToken('refresh_token_invalid');
}

/** Not before the token is known to be this client's: nobody else can use up what the grant and its client have. */
async function checkRate(terms: GrantTerms, deps: TokenDeps): Promise<void> {
  const rate = await deps.checkRefreshRate?.(terms);
  if (rate?.outcome !== 'limited') return;
  throw new OAuthError('temporarily_unavailable', 'Too many refreshes; slow down', {
    reason: 'client_rate_limited',
    status: 429,
    retryAfterSeconds: rate.retryAfterSeconds,
  });
}

/** @throws OAuthError `invalid_scope`, reason `scope_invalid`   @see RFC 6749 §6 */
function narrowToGranted(requested: string | undefined, granted: readonly string[]): readonly string[] {
  const narrowed = narrowScope(requested, granted);
  // A grant without scopes has nothing to widen. Clients repeat the scope they once asked for, and dropping it here
  // as it was dropped then keeps them logged in.
  if (requested === undefined || granted.length === 0) return granted;
  const wider = requested.split(' ').some((scope) => scope !== '' && !granted.includes(scope));
  if (wider || narrowed.length === 0) {
    throw new OAuthError('invalid_scope', 'The requested scope exceeds what was granted', {
      reason: 'scope_invalid',
    });
  }
  return narrowed;
}

async function rotate(
  token: RefreshToken,
  scope: readonly string[],
  requestId: string,
  deps: TokenDeps,
): Promise<IssuedTokens> {
  const { terms } = token;
  const now = deps.clock.nowSeconds();
  // A narrowed scope is the access token's alone; the successor keeps the grant's (RFC 6749 §6).
  const access = makeAccessToken(deps.sealer, { ...terms, scope }, now);
  const rotation = await deps.grants.rotate(token, () =>
    wrapSuccessor(deps.sealer, makeRefreshToken(deps.sealer, terms, deps.random.token(16), now)),
  );
  if (rotation.outcome !== 'rotated' && rotation.outcome !== 'repeated') {
    if (rotation.outcome === 'reused') await endStolenGrant(terms, requestId, deps);
    throw invalidToken(reasonOfRefusal[rotation.outcome]);
  }
  const successor = unwrapSuccessor(deps.sealer, rotation.sealed);
  if (successor === undefined) throw invalidToken('refresh_token_invalid');
  deps.emit(
    rotation.outcome === 'rotated'
      ? { type: 'tokens_issued', grantType: 'refresh_token', ...nameGrant(terms) }
      : { type: 'refresh_repeated', ...nameGrant(terms) },
    requestId,
  );
  return { ...access, refreshToken: successor, scope };
}

const reasonOfRefusal = {
  reused: 'refresh_reuse_detected',
  revoked: 'refresh_family_revoked',
  unknown: 'refresh_token_invalid',
} as const satisfies Record<Exclude<Rotation['outcome'], 'rotated' | 'repeated'>, RefusalReason>;

/** RFC 9700 §4.14.2: thief and client cannot be told apart, so neither keeps the grant. */
async function endStolenGrant(terms: GrantTerms, requestId: string, deps: TokenDeps): Promise<void> {
  // First: an alarm must not depend on whether the store answers.
  deps.emit({ type: 'replay_detected', kind: 'refresh', ...nameGrant(terms) }, requestId);
  await deps.grants.revoke(terms, 'refresh_reuse');
  deps.emit({ type: 'grant_revoked', cause: 'refresh_reuse', ...nameGrant(terms) }, requestId);
}

/** One text for every refresh token that is not good: a stranger cannot tell forged from expired, foreign or spent. */
function invalidToken(reason: RefusalReason): OAuthError {
  return new OAuthError('invalid_grant', 'The refresh token is not valid', { reason });
}
