import type { NamedProvider } from '../../services/identity/identity-providers.ts';
import { sealAccountLogin } from './account-login.ts';
import type { AuthorizationDeps } from './authorization-deps.ts';
import { createBrowserBinding } from './browser-binding.ts';
import { renderInterstitialPage } from './interstitial-page.ts';
import { loginTtlSeconds } from './transaction.ts';

/** Answers a form with the way to the identity provider, for somebody who wants to see what they allowed. */
export type BeginAccountLogin = (request: Request, at: NamedProvider) => Promise<Response>;

export type BeginAccountLoginDeps = Pick<
  AuthorizationDeps,
  'issuer' | 'identityProviders' | 'sealer' | 'clock' | 'random'
>;

/**
 * Begins such a login as the one of an authorization is begun: bound to this browser, with state, nonce and verifier of
 * its own. Nothing is written. The provider is asked who it is and for nothing else: no refresh token.
 * @throws OAuthError `temporarily_unavailable`, reason `idp_unavailable`
 */
export function createBeginAccountLogin(deps: BeginAccountLoginDeps): BeginAccountLogin {
  const binding = createBrowserBinding(deps);
  return async (request, { name, provider }) => {
    const flowId = deps.random.token(16);
    const flow = binding.accountFlow.issue(request, flowId);
    const secrets = { nonce: deps.random.token(16), codeVerifier: deps.random.token(32) };
    const state = sealAccountLogin(deps.sealer, {
      flowId,
      flowHash: flow.hash,
      secrets,
      ...(deps.identityProviders.all.length === 1 ? {} : { identityProvider: name }),
      expiresAt: deps.clock.nowSeconds() + loginTtlSeconds,
    });
    const location = await provider.startLogin({
      state,
      secrets,
      reauthentication: { prompt: undefined, maxAgeSeconds: undefined },
      purpose: 'account',
    });
    return renderInterstitialPage({
      title: 'On to your login',
      message: `You are being taken to ${location.host}.`,
      location: location.href,
      linkText: 'Go on to the login',
      cookies: flow.cookies,
    });
  };
}
