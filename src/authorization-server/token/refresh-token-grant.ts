import { OAuthError } from '../../protocol/oauth-error.ts';
import { narrowGranted } from '../../protocol/scope.ts';
import type { ProtectedResource } from '../../services/resources/resource.ts';
import { checkClientResource, limitScope } from '../../services/clients/client-limits.ts';
import type { GrantTerms } from '../../services/tokens/grant-terms.ts';
import { openRefreshToken, type RefreshToken } from '../../services/tokens/refresh-token.ts';
import type { TokenDeps, TokenRequest } from './grant-type.ts';
import { checkResource } from './granted-resource.ts';
import { bindTokens } from './key-binding.ts';
import { invalidToken, rotate } from './refresh-rotation.ts';
import type { IssuedTokens } from './token-response.ts';

/**
 * Exchanges a refresh token for an access token and its successor. The same token from the same client gets the same
 * successor for a short while, so that a lost response or two processes sharing one token cost nobody the session;
 * after that, or once the successor was used, it is theft and ends the grant.
 * @throws OAuthError `invalid_request` (`parameter_missing`), `invalid_target` (`resource_mismatch`), `invalid_scope`
 * (`scope_invalid`, `scope_exceeded`), `invalid_grant` (`refresh_token_invalid`, `client_mismatch`, `token_revoked_iat_cutoff`,
 * `grant_expired`), `temporarily_unavailable` (429, `client_rate_limited`); and what `bindTokens` and
 * `rotate` throw
 * @see OAuth 2.1 §4.3, RFC 9700 §4.14.2
 */
export async function refreshTokenGrant(request: TokenRequest, deps: TokenDeps): Promise<IssuedTokens> {
  const presented = request.parameters.find('refresh_token');
  if (presented === undefined) {
    throw new OAuthError('invalid_request', 'refresh_token is required', { reason: 'parameter_missing' });
  }
  const token = openRefreshToken(deps.sealer, presented);
  if (token === undefined) throw invalidToken('refresh_token_invalid');
  const { scopes } = checkRefreshToken(token, request, deps);
  await checkRate(token.terms, deps);
  const narrowed = narrowGranted(request.parameters.find('scope'), token.terms.scope, scopes);
  const { scope: limit } = request.client;
  const scope = limit === undefined ? narrowed : limitScope(narrowed, [limit], scopes);
  const keys = await bindTokens(request, token.terms, deps);
  return rotate({ token, scope, keys, requestId: request.requestId }, deps);
}

/** Returns what the grant is for. */
function checkRefreshToken(
  token: RefreshToken,
  { client, parameters }: TokenRequest,
  deps: TokenDeps,
): ProtectedResource {
  const { terms } = token;
  const now = deps.clock.nowSeconds();
  if (terms.client !== client.fingerprint) throw invalidToken('client_mismatch');
  if (deps.revokeBefore !== undefined && terms.grantedAt < deps.revokeBefore) {
    throw invalidToken('token_revoked_iat_cutoff');
  }
  // Before idle expiry, which never lies beyond it: the log then says which of the two it was.
  if (terms.absoluteEnd <= now) throw invalidToken('grant_expired');
  if (token.expiresAt <= now) throw invalidToken('refresh_token_invalid');
  const resource = deps.resources.find(terms.resource);
  if (resource === undefined) throw invalidToken('refresh_token_invalid');
  // What the operator took away ends with the next refresh.
  checkClientResource(client, resource);
  checkResource(parameters.all('resource'), terms, deps.resources);
  return resource;
}

/** Not before the token is known to be this client's: nobody else can use up what the grant and its person have. */
async function checkRate(terms: GrantTerms, deps: TokenDeps): Promise<void> {
  const rate = await deps.checkRefreshRate?.(terms);
  if (rate?.outcome !== 'limited') return;
  throw new OAuthError('temporarily_unavailable', 'Too many refreshes; slow down', {
    reason: 'client_rate_limited',
    status: 429,
    retryAfterSeconds: rate.retryAfterSeconds,
  });
}
