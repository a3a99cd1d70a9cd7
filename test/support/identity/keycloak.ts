import type { TestOpenIdProvider } from '../openid-provider.ts';

/**
 * Makes a provider behave as a realm of Keycloak does.
 *
 * Facts written down from memory of the documents named, not recorded from the provider; check one before you build on it.
 * From its Server Administration Guide and its sources (keycloak/keycloak, TokenManager.java and its tests):
 * - the issuer is `<url>/realms/<realm>`, its endpoints are below /protocol/openid-connect
 * - the mapper "Group Membership" writes full paths, `/engineering`, unless that is switched off
 * - each refresh gives a new refresh token; the refusals are 400 `invalid_grant`, with "Session not active", "Token is not
 *   active", "User disabled" as descriptions
 * - a client without a good secret is told 401 `unauthorized_client`, "Invalid client or Invalid client credentials"
 * - a realm that does not exist is a 404
 */
export function becomeKeycloak(remote: TestOpenIdProvider): void {
  remote.refreshTokens = 'replaced';
  remote.person = {
    sub: 'f3b1c9a4-6a0f-4b57-9c61-0a7c0f9d6a11',
    email: 'alice@example.com',
    email_verified: true,
    name: 'Alice Example',
    preferred_username: 'alice',
    groups: ['/engineering', '/engineering/mcp'],
  };
  const below = '/protocol/openid-connect';
  remote.shape = {
    issuerPath: '/realms/main',
    paths: { authorize: `${below}/auth`, token: `${below}/token`, jwks: `${below}/certs` },
    refusesClient: { status: 401, error: 'unauthorized_client' },
    metadata: {
      token_endpoint_auth_methods_supported: [
        'private_key_jwt',
        'client_secret_basic',
        'client_secret_post',
        'tls_client_auth',
        'client_secret_jwt',
      ],
    },
  };
}
