import { type ClaimRules, type Claims, readClaims } from './claims.ts';
import type { Identity } from './identity-provider.ts';
import type { OpenIdSettings } from './openid-settings.ts';

type Asked = Pick<OpenIdSettings, 'scopes' | 'authorizationParameters'>;

/** What a provider is asked for when it has to say who somebody is and no more: nothing that makes a refresh token. */
export function withoutOfflineAccess({ scopes, authorizationParameters = {} }: Asked): Asked {
  const { access_type: accessType, prompt, ...others } = authorizationParameters;
  return {
    scopes: scopes.filter((scope) => scope !== 'offline_access'),
    authorizationParameters: {
      ...others,
      ...(accessType === undefined || accessType === 'offline' ? {} : { access_type: accessType }),
      // A consent that is asked for anew each time is there for the refresh token as well.
      ...(prompt === undefined || prompt === 'consent' ? {} : { prompt }),
    },
  };
}

/**
 * Who somebody is, whatever they may do. What would refuse a login for its groups or its address is left out.
 * @throws OAuthError `access_denied`, reason `subject_missing`
 */
export function readWho(claims: Claims, rules: ClaimRules): Identity {
  const { sub, name, email, email_verified: verified } = claims;
  const isVerified = verified === true || verified === 'true';
  return readClaims({ sub, name, ...(isVerified ? { email, email_verified: true } : {}) }, rules).identity;
}
