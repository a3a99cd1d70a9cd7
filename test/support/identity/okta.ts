import type { TestOpenIdProvider } from '../openid-provider.ts';

/**
 * Makes a provider behave as Okta's authorization servers do.
 *
 * Facts written down from memory of the documents named, not recorded from the provider; check one before you build on it.
 * From developer.okta.com:
 * - "Authorization servers": the organisation's issuer is `https://<domain>`, that of a custom one
 *   `https://<domain>/oauth2/<id>`; both have their endpoints below /v1
 * - "OpenID Connect & OAuth 2.0 API": a refresh token comes for the scope `offline_access`; a scope that a custom server
 *   does not have is answered with `invalid_scope`; the organisation's server knows `groups`
 * - "Refresh access tokens and rotate refresh tokens": one that is over is refused with 400 `invalid_grant`, "The refresh
 *   token is invalid or expired."
 */
export function becomeOkta(remote: TestOpenIdProvider, customServer?: string): void {
  remote.refreshTokens = 'replaced';
  remote.person = {
    sub: '00uid4BxXw6I6TV4m0g3',
    email: 'alice@example.com',
    email_verified: true,
    name: 'Alice Example',
    groups: ['Everyone', 'Engineering'],
  };
  const known = [
    'openid',
    'email',
    'profile',
    'offline_access',
    ...(customServer === undefined ? ['groups'] : []),
  ];
  const below = customServer === undefined ? '/oauth2/v1' : '/v1';
  remote.shape = {
    issuerPath: customServer === undefined ? '' : `/oauth2/${customServer}`,
    paths: { authorize: `${below}/authorize`, token: `${below}/token`, jwks: `${below}/keys` },
    metadata: { authorization_response_iss_parameter_supported: true },
    refusesClient: { status: 401, error: 'invalid_client' },
    givesRefreshToken: (request) => (request.get('scope') ?? '').split(' ').includes('offline_access'),
    refusesRequest: (request) =>
      (request.get('scope') ?? '').split(' ').every((scope) => known.includes(scope))
        ? undefined
        : 'invalid_scope',
  };
}
