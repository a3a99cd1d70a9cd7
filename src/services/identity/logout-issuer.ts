import { OAuthError } from '../../protocol/oauth-error.ts';
import type { Logout } from './identity-provider.ts';
import type { IdentityProviders } from './identity-providers.ts';
import { ProviderFailure } from './provider-failure.ts';

/**
 * Verifies a logout token as the identity provider that it says it is from. Its word for that is not believed, it only
 * picks whose keys, issuer and client id the whole of it is then held to.
 * @throws OAuthError with reasons `logout_token_invalid`, `idp_unavailable`
 * @see OpenID Connect Back-Channel Logout §2.6
 */
export function createLogoutVerification({
  all,
}: Pick<IdentityProviders, 'all'>): (token: string) => Promise<Logout> {
  return async (token) => {
    const [only, ...others] = all;
    if (only !== undefined && others.length === 0) return only.provider.verifyLogout(token);
    const issuer = await readIssuer(token);
    // Settings drop the slash at the end of an issuer that has one.
    const own = all.find(({ provider }) => issuer === provider.issuer || issuer === `${provider.issuer}/`);
    if (own === undefined) throw refuse();
    return own.provider.verifyLogout(token);
  };
}

async function readIssuer(token: string): Promise<string | undefined> {
  const jose = await import('jose');
  try {
    return jose.decodeJwt(token).iss;
  } catch {
    throw refuse();
  }
}

function refuse(): OAuthError {
  return new OAuthError('invalid_request', 'The logout token is not valid', {
    reason: 'logout_token_invalid',
    cause: new ProviderFailure('issuer_mismatch'),
  });
}
