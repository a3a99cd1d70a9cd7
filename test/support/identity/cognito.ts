import type { TestOpenIdProvider } from '../openid-provider.ts';

/**
 * Makes a provider behave as a user pool of Amazon Cognito does.
 *
 * Read in the Amazon Cognito Developer Guide, November 2026, not recorded from the provider:
 * - "Understanding user pool JSON web tokens": ID tokens have `cognito:groups`, a list
 * - "Refresh tokens": every login by code gives one, without a scope; a refresh gives a new ID token and, unless rotation
 *   is on, no new refresh token; one that was revoked, or whose user was disabled or deleted, is 400 `invalid_grant`
 * From memory:
 * - the endpoints of login are at the domain of the pool, those of keys and discovery at its issuer
 * - an unknown scope is answered with `invalid_scope`, a bad secret with 400 `invalid_client`
 * - it does not say `iss` in the authorization response
 */
export function becomeCognito(remote: TestOpenIdProvider): void {
  remote.refreshTokens = 'kept';
  remote.person = {
    sub: '9324f8c2-7001-70d5-4f6a-6f1c5d2a8e11',
    email: 'alice@example.com',
    email_verified: true,
    name: 'Alice Example',
    'cognito:username': 'alice',
    'cognito:groups': ['engineering'],
    token_use: 'id',
  };
  const known = ['openid', 'email', 'profile', 'phone'];
  remote.shape = {
    issuerPath: '/eu-central-1_AbCdEfGhI',
    paths: { authorize: '//oauth2/authorize', token: '//oauth2/token', jwks: '/.well-known/jwks.json' },
    metadata: { authorization_response_iss_parameter_supported: undefined },
    refusesRequest: (request) =>
      (request.get('scope') ?? '').split(' ').every((scope) => known.includes(scope))
        ? undefined
        : 'invalid_scope',
  };
  remote.misbehaviour = { issParameter: null };
}
