import { createSecretCookies, type SecretCookies, type SecretCookiesDeps } from './secret-cookies.ts';
import { consentTtlSeconds, loginTtlSeconds } from './transaction.ts';

/**
 * Ties an authorization to one browser, at each of the two places where it could change hands. Neither a captured form
 * nor a captured `state` is worth anything elsewhere.   @see RFC 9700 §4.7
 */
export interface BrowserBinding {
  /** By transaction id: set with a consent page, binds its form to whoever was shown it. */
  readonly consent: SecretCookies;
  /** By flow id: set by the very response that leads to the identity provider, binds the callback to whoever approved. */
  readonly flow: SecretCookies;
  /** The same for the login of the account page. */
  readonly accountFlow: SecretCookies;
}

export function createBrowserBinding(deps: SecretCookiesDeps): BrowserBinding {
  return {
    consent: createSecretCookies(deps, 'consent', consentTtlSeconds),
    flow: createSecretCookies(deps, 'flow', loginTtlSeconds),
    accountFlow: createSecretCookies(deps, 'account-flow', loginTtlSeconds),
  };
}
