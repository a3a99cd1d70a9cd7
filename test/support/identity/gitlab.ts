import type { TestOpenIdProvider } from '../openid-provider.ts';

/**
 * Makes a provider behave as a GitLab does.
 *
 * Read in docs.gitlab.com, "GitLab as OpenID Connect identity provider", November 2026, not recorded from the provider:
 * - the ID token has `sub`, `email`, `email_verified`, `name` and `groups_direct`; `groups`, "either directly or through an
 *   ancestor group", is only at the userinfo endpoint
 * - neither has groups that somebody is in since another group was invited (gitlab.com/gitlab-org/gitlab, issue 431691)
 * From memory:
 * - `sub` is the numeric id, as text; the endpoints are below /oauth
 * - each login gives a refresh token, each refresh another one; a blocked account's is 400 `invalid_grant`
 * - a bad secret is 401 `invalid_client`
 */
export function becomeGitLab(remote: TestOpenIdProvider): void {
  remote.refreshTokens = 'replaced';
  remote.person = {
    sub: '4711',
    email: 'alice@example.com',
    email_verified: true,
    name: 'Alice Example',
    nickname: 'alice',
    groups_direct: ['example', 'example/mcp'],
  };
  remote.shape = {
    paths: { authorize: '/oauth/authorize', token: '/oauth/token', jwks: '/oauth/discovery/keys' },
    metadata: { authorization_response_iss_parameter_supported: undefined },
    refusesClient: { status: 401, error: 'invalid_client' },
  };
  remote.misbehaviour = { issParameter: null };
}
