/**
 * The callback of a login that began on the account page: the checks of every returned login, then a session in place of
 * an authorization code. No client is told anything; every refusal is a page that leads back to where the person began.
 *
 * 1. live, of this identity provider, in the browser that began it      400, 403
 * 2. the provider said error                                            a page
 * 3. claimed, once                                                      400 callback_state_replay
 * 4. finished with the provider: who it is, and nothing else. Rules about who may enter are not asked: whoever may not
 *    enter any more has all the more reason to end what is left
 * 5. the session's cookie, and on to the account page; the flow's cookie ends
 *
 * What the provider gave beside the identity is dropped.
 */
import { OAuthError } from '../../protocol/oauth-error.ts';
import type { NamedProvider } from '../../services/identity/identity-providers.ts';
import type { AccountSessions } from '../account/account-session.ts';
import type { AccountLogin } from './account-login.ts';
import type { AuthorizationDeps } from './authorization-deps.ts';
import { createBrowserBinding } from './browser-binding.ts';
import { type IdentityProviderAnswer, refusedLogin } from './identity-provider-answer.ts';
import { createLoginReturn, finishedBefore } from './returned-login.ts';

export type AccountCallback = (
  request: Request,
  answer: IdentityProviderAnswer,
  login: AccountLogin,
  requestId: string,
) => Promise<Response>;

/** @param own the identity provider that answers here */
export function createAccountCallback(
  deps: AuthorizationDeps,
  own: NamedProvider,
  sessions: Pick<AccountSessions, 'begin' | 'path'>,
): AccountCallback {
  const { accountFlow } = createBrowserBinding(deps);
  const returned = createLoginReturn(deps, own, accountFlow, 'sign in again');

  async function finish(
    request: Request,
    answer: IdentityProviderAnswer,
    login: AccountLogin,
    requestId: string,
  ): Promise<Response> {
    returned.check(request, login);
    if (answer.outcome === 'error') throw refusedLogin(answer.error);
    if (!(await returned.claim(login))) {
      deps.emit({ type: 'replay_detected', kind: 'callback_state' }, requestId);
      throw finishedBefore();
    }
    const { state, query } = answer;
    const reauthentication = { prompt: undefined, maxAgeSeconds: undefined };
    const whoever = await returned.finish(login, { query, state, reauthentication, purpose: 'account' });
    const headers = new Headers({
      location: new URL(sessions.path, deps.issuer).href,
      'cache-control': 'no-store',
    });
    headers.append('set-cookie', sessions.begin(whoever));
    headers.append('set-cookie', accountFlow.end(login.flowId));
    const { subject } = whoever.identity;
    deps.emit({ type: 'account_login', subject, identityProvider: own.name }, requestId);
    return new Response(null, { status: 302, headers });
  }

  return async (...callback) => {
    try {
      return await finish(...callback);
    } catch (error) {
      throw error instanceof OAuthError ? error.startingAt(sessions.path) : error;
    }
  };
}
