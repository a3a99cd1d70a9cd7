import type { TestOpenIdProvider } from '../openid-provider.ts';

export const groupsClaim = 'https://example.com/groups';

/**
 * Makes a provider behave as a tenant of Auth0 does.
 *
 * Facts written down from memory of the documents named, not recorded from the provider; check one before you build on it.
 * From auth0.com/docs:
 * - the issuer ends with a slash
 * - "Refresh tokens": one comes for the scope `offline_access`; without rotation the same one stays; one that is over is
 *   refused with 403 `invalid_grant`, "Unknown or invalid refresh token."
 * - "Create custom claims": claims of an action have a name with a namespace
 * - a wrong secret is 401 `access_denied`, "Unauthorized"
 */
export function becomeAuth0(remote: TestOpenIdProvider): void {
  remote.refreshTokens = 'kept';
  remote.person = {
    sub: 'auth0|5f7c8ec7c33c6c004bbafe82',
    email: 'alice@example.com',
    email_verified: true,
    name: 'Alice Example',
    [groupsClaim]: ['engineering'],
  };
  const issuer = `${remote.origin}/`;
  remote.shape = {
    paths: { authorize: '/authorize', token: '/oauth/token', jwks: '/.well-known/jwks.json' },
    metadata: { issuer, authorization_response_iss_parameter_supported: undefined },
    refusesClient: { status: 401, error: 'access_denied' },
    givesRefreshToken: (request) => (request.get('scope') ?? '').split(' ').includes('offline_access'),
  };
  remote.misbehaviour = { issParameter: null, claims: { iss: issuer } };
}
