/**
 * POST /consent: the answer to the consent page. Everything that was asked is in the sealed token; the form says
 * nothing but yes or no, which of the permissions, and where to log in when there is a choice.
 *
 * 1. no client authentication, no query, a form          401, 400
 * 2. posted by a page of ours                            403 cross_site_post
 * 3. the form has its fields and nothing else            400
 * 4. the token is ours and live                          400
 * 5. by the browser that was asked (the page's cookie)  403 browser_mismatch
 * 6. for a client that was not denied since             401 client_denied
 * 7. at an identity provider of this resource          400 identity_provider_refused
 * 8. nothing is allowed that was not asked               400; approved, and nothing allowed: the page again
 * 9. claimed, once                                       else the page again, with the original expiry
 * 10. deny: the client is told; approve: on to the identity provider, and the browser gets the flow's cookie;
 *    either way the page's cookie ends
 *
 * Only step 9 writes, so nothing that is refused before it costs the person their decision.
 * @see MCP security best practices 2026-07-28, "Confused Deputy Problem"; RFC 9700 §4.7
 */
import type { Handler } from '../../platform/http/handler.ts';
import { formatAuthorizationResponse } from '../../protocol/authorization-response.ts';
import { OAuthError } from '../../protocol/oauth-error.ts';
import { abbreviateClient, refuseDeniedClient } from '../../services/clients/client.ts';
import { readFormRequest } from '../../services/requests/form-request.ts';
import { checkSameOriginPost } from '../../services/requests/same-origin-post.ts';
import { noScopes } from '../../services/resources/resource.ts';
import type { AuthorizationDeps } from './authorization-deps.ts';
import { createBrowserBinding } from './browser-binding.ts';
import type { NamedProvider } from '../../services/identity/identity-providers.ts';
import { chooseProvider } from './chosen-provider.ts';
import { chooseScope, listPermissions, type ScopeChoice } from './chosen-scope.ts';
import { parseConsentForm } from './consent-form.ts';
import { askForConsent, isChoiceAlone } from './consent-step.ts';
import { renderInterstitialPage } from './interstitial-page.ts';
import { startLogin } from './login-step.ts';
import { claimOnce } from './single-use.ts';
import { openAwaitingConsent } from './transaction-codec.ts';
import type { AwaitingConsent } from './transaction.ts';

export function createConsentEndpoint(deps: AuthorizationDeps): Handler {
  const binding = createBrowserBinding(deps);

  function openTransaction(consentToken: string): AwaitingConsent {
    const transaction = openAwaitingConsent(deps.sealer, consentToken);
    if (transaction !== undefined && transaction.expiresAt > deps.clock.nowSeconds()) return transaction;
    throw new OAuthError(
      'invalid_request',
      'This consent page has expired; start again from your application',
      {
        reason: 'consent_token_invalid',
      },
    );
  }

  function askAgain(request: Request, transaction: AwaitingConsent): Response {
    const transactionId = deps.random.token(16);
    const { hash, cookies } = binding.consent.issue(request, transactionId);
    const again = { ...transaction, transactionId, consentHash: hash };
    return askForConsent(deps, again, { notice: 'answered-before', cookies });
  }

  function choose({ terms }: AwaitingConsent, ticked: readonly string[]): ScopeChoice {
    // A page without permissions to choose from takes none away.
    const chosen = isChoiceAlone(deps, terms) ? listPermissions(terms.scope) : ticked;
    return chooseScope(terms.scope, chosen, deps.resources.find(terms.resource)?.scopes ?? noScopes);
  }

  // The page's cookie stays until the page expires: the claim is what makes the answer count once, and whoever sends the
  // form again is told so instead of being taken for a stranger.
  function deny({ terms }: AwaitingConsent): Response {
    return renderInterstitialPage({
      title: 'Access denied',
      message: 'You denied the request. The application is being told.',
      location: formatAuthorizationResponse(terms.redirectUri, {
        iss: deps.issuer,
        state: terms.state,
        error: 'access_denied',
        errorDescription: 'The person denied the request',
      }),
      linkText: 'Back to the application',
    });
  }

  /** Who goes on goes on with this scope: it is sealed into the next stage, and the form is not asked again. */
  async function approve(
    request: Request,
    { terms }: AwaitingConsent,
    scope: readonly string[],
    provider: NamedProvider,
  ): Promise<Response> {
    const chosen = { ...terms, scope };
    const login = await startLogin({ ...deps, binding }, provider, request, chosen, { afterHumanStep: true });
    return renderInterstitialPage({
      title: 'On to your login',
      message: `You are being taken to ${login.location.host}.`,
      location: login.location.href,
      linkText: 'Go on to the login',
      cookies: login.cookies,
    });
  }

  return async (request, context) => {
    refuseClientAuthentication(request);
    checkSameOriginPost(request, deps.issuer);
    const form = parseConsentForm(await readFormRequest(request, { repeatable: ['scope'] }));
    const { consentToken, action } = form;
    const transaction = openTransaction(consentToken);
    const { transactionId, consentHash } = transaction;
    if (!binding.consent.matches(request, transactionId, consentHash)) throw foreignBrowser();
    if (deps.isClientDenied(transaction.terms.client)) throw refuseDeniedClient();
    const client = abbreviateClient(transaction.terms.client);
    const provider =
      action === 'approve' ? chooseProvider(deps, transaction.terms, form.identityProvider) : undefined;
    const choice = choose(transaction, form.scope);
    if (action === 'approve' && choice.outcome === 'nothing-chosen') {
      return askForConsent(deps, transaction, { notice: 'nothing-chosen', cookies: [] });
    }
    if (!(await claimOnce(deps.store, `consent:${transactionId}`, transaction.expiresAt))) {
      deps.emit({ type: 'replay_detected', kind: 'consent', client }, context.requestId);
      return askAgain(request, transaction);
    }
    const decision = action === 'approve' ? 'approved' : 'denied';
    if (!isChoiceAlone(deps, transaction.terms)) {
      const { resource } = transaction.terms;
      deps.emit({ type: 'consent_decided', decision, client, resource }, context.requestId);
    }
    return choice.outcome === 'chosen' && provider !== undefined
      ? approve(request, transaction, choice.scope, provider)
      : deny(transaction);
  };
}

/** A person answers here, not a client: credentials of one are a misconfigured integration. */
function refuseClientAuthentication(request: Request): void {
  if (request.headers.get('authorization') === null) return;
  throw new OAuthError('invalid_client', 'The consent form takes no client authentication', {
    reason: 'client_authentication_unsupported',
    headers: { 'www-authenticate': 'Basic realm="consent"' },
  });
}

function foreignBrowser(): OAuthError {
  return new OAuthError(
    'access_denied',
    'This page was opened by another browser, or cookies are blocked; start again from your application',
    { reason: 'browser_mismatch' },
  );
}
