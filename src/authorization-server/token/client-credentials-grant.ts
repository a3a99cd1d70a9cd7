import { OAuthError } from '../../protocol/oauth-error.ts';
import type { GrantTerms } from '../../services/tokens/grant-terms.ts';
import { readLimitedRequest } from './client-limits.ts';
import { nameIssued, type TokenDeps, type TokenRequest } from './grant-type.ts';
import { bindTokens } from './key-binding.ts';
import { makeAccessToken } from './seal-tokens.ts';
import type { IssuedTokens } from './token-response.ts';

/**
 * Gives a client a token of its own: it acts for itself, and no person is in it. The subject is the client's id, under
 * this server's issuer, which no identity provider can have; the token says so, too, and the upstream is told of no user.
 * Nothing is recorded: the token ends by itself, by a revocation, or with the client.
 * @throws OAuthError `unauthorized_client`, reason `grant_type_refused`, for a client without a credential; and what
 * `readLimitedRequest` and `bindTokens` throw   @see OAuth 2.1 §4.2, MCP extension "OAuth Client Credentials"
 */
export async function clientCredentialsGrant(request: TokenRequest, deps: TokenDeps): Promise<IssuedTokens> {
  const { client, requestId } = request;
  if (client.authentication.method === 'none') {
    throw new OAuthError('unauthorized_client', 'The client has no credential to act for itself with', {
      reason: 'grant_type_refused',
    });
  }
  const { resource, scope } = readLimitedRequest(request, deps);
  const now = deps.clock.nowSeconds();
  const terms: GrantTerms = {
    grantId: deps.random.token(16),
    identityIssuer: deps.issuer,
    subject: client.clientId,
    email: undefined,
    name: client.name,
    groups: [],
    actor: 'client',
    client: client.fingerprint,
    resource: resource.identifier,
    scope,
    grantedAt: now,
    absoluteEnd: now + deps.accessTokenTtlSeconds,
  };
  const keys = await bindTokens(request, terms, deps);
  const access = makeAccessToken(deps.sealer, keys.ofAccess, now, deps.accessTokenTtlSeconds);
  deps.emit({ type: 'tokens_issued', grantType: 'client_credentials', ...nameIssued(terms) }, requestId);
  return { ...access, refreshToken: undefined, scope };
}
