/**
 * GET and POST /authorize: where a client sends a person. The hub of this room: it checks the request, asks
 * `nextStep`, and performs that step. Steps never call each other.
 *
 * 1. who asks, and where may the answer go    a page when that fails, never a redirect
 * 2. what is asked                            a redirect to the client when that fails
 * 3. by form: a redirect to the same request by query
 * 4. consent: the page, bound to this browser by a cookie of its own
 *    choice:  (consent page switched off) the page that asks at which of several identity providers, bound the same way
 *    login:   (consent page switched off) straight to the identity provider, bound by a flow cookie
 *
 * Writes nothing to the store: a million requests cost nothing but their answers. Codes are the callback's.
 * @see OAuth 2.1 §4.1.1, RFC 8707 §2, RFC 9700 §4.7 and §4.11
 */
import type { Handler } from '../../platform/http/handler.ts';
import { abbreviateClient } from '../../services/clients/client.ts';
import type { AuthorizationDeps } from './authorization-deps.ts';
import {
  type AuthorizationRequest,
  formatAuthorizationQuery,
  readAuthorizationRequest,
} from './authorization-request.ts';
import { createBeginConsent } from './begin-consent.ts';
import { createBrowserBinding } from './browser-binding.ts';
import { chooseProvider, listProviders } from './chosen-provider.ts';
import { startLogin } from './login-step.ts';
import { nextStep } from './next-step.ts';

export function createAuthorizationEndpoint(deps: AuthorizationDeps): Handler {
  const binding = createBrowserBinding(deps);
  const beginConsent = createBeginConsent(deps);

  // A form of another site comes without this browser's cookies, so nobody could tell which of them make room for a new
  // one: enough such forms, and no request with all those cookies would be taken. A GET comes with them.
  function askByQuery(asked: AuthorizationRequest): Response {
    const location = new URL('/authorize', deps.issuer);
    location.search = formatAuthorizationQuery(asked).toString();
    return new Response(null, {
      status: 303,
      headers: { location: location.href, 'cache-control': 'no-store' },
    });
  }

  async function sendToLogin(request: Request, { terms }: AuthorizationRequest): Promise<Response> {
    const provider = chooseProvider(deps, terms, undefined);
    const login = await startLogin({ ...deps, binding }, provider, request, terms, { afterHumanStep: false });
    // A browser carries the fragment of the authorization URL over to a location that has none of its own.
    const location = login.location.hash === '' ? `${login.location.href}#` : login.location.href;
    const headers = new Headers({ location, 'cache-control': 'no-store' });
    for (const cookie of login.cookies) headers.append('set-cookie', cookie);
    return new Response(null, { status: 302, headers });
  }

  return async (request, context) => {
    const asked = await readAuthorizationRequest(request, deps);
    if (request.method === 'POST') return askByQuery(asked);
    const client = abbreviateClient(asked.client.fingerprint);
    const providers = listProviders(deps, asked.terms).length;
    switch (nextStep(asked, { ...deps, providers })) {
      case 'consent': {
        const page = beginConsent(request, asked);
        deps.emit({ type: 'authorize_initiated', path: 'consent', client }, context.requestId);
        return page;
      }
      case 'choice': {
        const page = beginConsent(request, asked);
        deps.emit({ type: 'authorize_initiated', path: 'silent', client }, context.requestId);
        return page;
      }
      case 'login': {
        const redirect = await sendToLogin(request, asked);
        deps.emit({ type: 'authorize_initiated', path: 'silent', client }, context.requestId);
        return redirect;
      }
    }
  };
}
