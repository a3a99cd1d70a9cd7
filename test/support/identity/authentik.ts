import type { TestOpenIdProvider } from '../openid-provider.ts';

/**
 * Makes a provider behave as authentik does for one application.
 *
 * Facts written down from memory of docs.goauthentik.io, not recorded from the provider; check one before you build on it:
 * - the issuer is `<url>/application/o/<slug>/`, with the slash; authorization and token endpoint are the same for all
 * - groups are in the ID token by the scope `profile`
 * - a refresh token comes for `offline_access`, and each refresh replaces it; one that is over is 400 `invalid_grant`
 * - since 2025.10 the default mapping says `email_verified: false` of everybody
 */
export function becomeAuthentik(remote: TestOpenIdProvider): void {
  remote.refreshTokens = 'replaced';
  remote.person = {
    sub: 'b8f1d0b7c4c1a3e3f0a4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d6e7f80912',
    email: 'alice@example.com',
    email_verified: true,
    name: 'Alice Example',
    groups: ['engineering', 'authentik Admins'],
  };
  const issuer = `${remote.origin}/application/o/gatehouse/`;
  remote.shape = {
    issuerPath: '/application/o/gatehouse',
    paths: {
      authorize: '//application/o/authorize/',
      token: '//application/o/token/',
      jwks: '/jwks/',
    },
    metadata: { issuer, authorization_response_iss_parameter_supported: undefined },
    givesRefreshToken: (request) => (request.get('scope') ?? '').split(' ').includes('offline_access'),
  };
  remote.misbehaviour = { issParameter: null, claims: { iss: issuer } };
}
