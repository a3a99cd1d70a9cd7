import type { TestOpenIdProvider } from '../openid-provider.ts';

/**
 * Makes a provider behave as Google does.
 *
 * Facts written down from memory of the documents named, not recorded from the provider; check one before you build on it.
 * From developers.google.com:
 * - "OpenID Connect", reference: `hd` is in the ID token of Workspace accounts and absent from others; `sub` is a number in
 *   text; groups are in no token; the parameter `hd` is a hint only
 * - "Using OAuth 2.0 for Web Server Applications": a refresh token comes for `access_type=offline`, with the first consent
 *   or with `prompt=consent`; refreshing gives no new one; `offline_access` is no scope, and unknown ones are refused
 * - ibid.: a token that was revoked, or is of an account that was suspended, is refused with 400 `invalid_grant`; a
 *   redirect URI that nobody registered with 400 `redirect_uri_mismatch`
 */
export function becomeGoogle(remote: TestOpenIdProvider): void {
  remote.refreshTokens = 'kept';
  remote.person = {
    sub: '110169484474386276334',
    email: 'alice@example.com',
    email_verified: true,
    name: 'Alice Example',
    hd: 'example.com',
  };
  remote.shape = {
    paths: { authorize: '/o/oauth2/v2/auth', token: '/token', jwks: '/oauth2/v3/certs' },
    metadata: { authorization_response_iss_parameter_supported: true },
    refusesClient: { status: 401, error: 'invalid_client' },
    redirectUri: 'https://gatehouse.test/callback',
    givesRefreshToken: (request) =>
      request.get('access_type') === 'offline' &&
      (request.get('prompt') ?? '').split(' ').includes('consent'),
    refusesRequest: (request) => {
      const isUnknown = !(request.get('scope') ?? '')
        .split(' ')
        .every((scope) => ['openid', 'email', 'profile'].includes(scope));
      return isUnknown ? 'invalid_scope' : undefined;
    },
  };
}

/** A private account, which no organisation manages. */
export const privateAccount = {
  sub: '107698134823984793285',
  email: 'mallory@gmail.com',
  email_verified: true,
  name: 'Mallory',
};
