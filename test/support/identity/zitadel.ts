import type { TestOpenIdProvider } from '../openid-provider.ts';

export const rolesClaim = 'urn:zitadel:iam:org:project:roles';

/**
 * Makes a provider behave as Zitadel does for an application with "User roles inside ID Token" and "User Info inside ID
 * Token".
 *
 * Read in zitadel.com/docs, "Claims" and "Scopes", November 2026, not recorded from the provider:
 * - the roles claim is an object: each key a role, each value the organisations that gave it, by id, with their domains
 * - `offline_access` gives a refresh token
 * - address and name are in the ID token of the code flow only where the application says so
 * From memory:
 * - the endpoints are below /oauth/v2; a refresh replaces the token; that of a deactivated user is 400 `invalid_grant`
 * - a bad secret is 400 `invalid_client`
 */
export function becomeZitadel(remote: TestOpenIdProvider): void {
  remote.refreshTokens = 'replaced';
  remote.person = {
    sub: '268937402311049217',
    email: 'alice@example.com',
    email_verified: true,
    name: 'Alice Example',
    [rolesClaim]: { engineering: { '268936105675161601': 'example.zitadel.cloud' } },
  };
  remote.shape = {
    paths: { authorize: '/oauth/v2/authorize', token: '/oauth/v2/token', jwks: '/oauth/v2/keys' },
    metadata: { authorization_response_iss_parameter_supported: undefined },
    givesRefreshToken: (request) => (request.get('scope') ?? '').split(' ').includes('offline_access'),
  };
  remote.misbehaviour = { issParameter: null };
}
