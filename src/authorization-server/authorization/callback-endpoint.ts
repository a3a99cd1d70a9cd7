/**
 * GET /callback, or /callback/NAME of each of several: where the identity provider sends the person back, and where an authorization code is made.
 *
 * 1. one answer, unambiguous: each parameter once, code or error          400, a page
 * 2. its state is ours and live                                           400, a page
 *    of a login at the identity provider whose callback this is     400, a page; nothing claimed, nobody called
 * 3. the browser has the flow's cookie, which only the approving one got  403, a page; nothing claimed, nobody called
 * 4. the provider said error, or is none of this resource's any more: the client is told, in fixed words
 * 5. claimed, once                                                        400 callback_state_replay
 * 6. the login is finished with the provider: who, how fresh, may they in else the client is told
 * 7. the entry rules of the resource let them in                       else they are told, and then the client
 * 8. the grant is recorded, the code sealed, the browser sent to the client
 *
 * What fails before step 4 stays on a page: until then this need not be the person who approved.
 * Two identity providers share no callback, whether they say `iss` or not: what one sends is never taken to the other.
 * @see OAuth 2.1 §4.1.2, RFC 9207 §2, RFC 9700 §4.4 and §4.7, OpenID Connect Core §3.1.2.5
 */
import type { Handler } from '../../platform/http/handler.ts';
import { AuthorizationError, OAuthError, type OAuthErrorCode } from '../../protocol/oauth-error.ts';
import { abbreviateClient } from '../../services/clients/client.ts';
import type { Login } from '../../services/identity/identity-provider.ts';
import type { NamedProvider } from '../../services/identity/identity-providers.ts';
import type { AuthorizationDeps } from './authorization-deps.ts';
import { createBrowserBinding } from './browser-binding.ts';
import { listProviders } from './chosen-provider.ts';
import { toClient } from './client-answer.ts';
import { describePerson, judgeEntry } from './entry-step.ts';
import { issueCode } from './code-step.ts';
import { type IdentityProviderAnswer, parseIdentityProviderAnswer } from './identity-provider-answer.ts';
import { claimOnce } from './single-use.ts';
import { openAwaitingLogin } from './transaction-codec.ts';
import { type AwaitingLogin, loginTtlSeconds } from './transaction.ts';

/** @param own the identity provider that answers here */
export function createCallbackEndpoint(deps: AuthorizationDeps, own: NamedProvider): Handler {
  const binding = createBrowserBinding(deps);

  function openTransaction(state: string): AwaitingLogin {
    const transaction = openAwaitingLogin(deps.sealer, state);
    if (transaction !== undefined && transaction.expiresAt > deps.clock.nowSeconds()) return transaction;
    throw new OAuthError('invalid_request', 'This login has expired; start again from your application', {
      reason: 'callback_state_invalid',
    });
  }

  function checkProvider({ identityProvider: name }: AwaitingLogin): void {
    const isOnly = deps.identityProviders.all.length === 1;
    if (name === own.name || (name === undefined && isOnly)) return;
    throw new OAuthError('invalid_request', 'The answer is not from the identity provider of this login', {
      reason: 'identity_provider_mismatch',
    });
  }

  async function claimCallback(transaction: AwaitingLogin, requestId: string): Promise<void> {
    if (await claimOnce(deps.store, callbackKey(transaction), transaction.expiresAt)) return;
    const client = abbreviateClient(transaction.terms.client);
    deps.emit({ type: 'replay_detected', kind: 'callback_state', client }, requestId);
    throw new OAuthError('invalid_request', 'This login was finished already', {
      reason: 'callback_state_replay',
    });
  }

  async function identify(
    answer: IdentityProviderAnswer & { outcome: 'code' },
    transaction: AwaitingLogin,
  ): Promise<Login> {
    try {
      return await own.provider.finishLogin({
        query: answer.query,
        state: answer.state,
        secrets: transaction.secrets,
        reauthentication: transaction.terms.reauthentication,
        startedAt: transaction.expiresAt - loginTtlSeconds,
      });
    } catch (error) {
      // Our own brake, before anything was sent: the callback is given back, so that reloading it can succeed.
      if (isThrottled(error)) await deps.store.delete(callbackKey(transaction));
      throw error;
    }
  }

  return async (request, context) => {
    const answer = parseIdentityProviderAnswer(request);
    const transaction = openTransaction(answer.state);
    checkProvider(transaction);
    const { terms, flowId } = transaction;
    if (!binding.flow.matches(request, flowId, transaction.flowHash)) throw foreignBrowser();
    const client = { ...terms, afterHumanStep: true, cookie: binding.flow.end(flowId) };
    const named = { client: abbreviateClient(terms.client), identityProvider: own.name };
    const failed = (error: unknown): unknown => {
      const reason = error instanceof OAuthError ? error.reason : 'internal';
      deps.emit({ type: 'login_failed', reason, ...named }, context.requestId);
      return error;
    };
    if (answer.outcome === 'error') throw toClient(failed(refusedLogin(answer.error)), client);
    if (!listProviders(deps, terms).includes(own)) throw toClient(failed(providerRefused()), client);
    await claimCallback(transaction, context.requestId);
    try {
      const login = await identify(answer, transaction);
      const refusal = judgeEntry(deps, terms, login);
      if (refusal !== undefined) {
        const { subject } = login.identity;
        const { resource } = terms;
        const refused = { reason: refusal.reason, subject, ...named, resource };
        deps.emit({ type: 'entry_refused', ...refused }, context.requestId);
        throw toClient(refusal, client, describePerson(deps, terms, login, refusal));
      }
      const location = await issueCode(deps, terms, login, context.requestId).catch((error: unknown) => {
        throw isAboutGroups(error)
          ? toClient(error, client, describePerson(deps, terms, login, error))
          : error;
      });
      const { subject } = login.identity;
      deps.emit({ type: 'login_succeeded', subject, ...named }, context.requestId);
      const headers = { location, 'cache-control': 'no-store', 'set-cookie': client.cookie };
      return new Response(null, { status: 302, headers });
    } catch (error) {
      // The one whom the entry rules refuse has been told of.
      if (!(error instanceof AuthorizationError) || isAboutGroups(error)) failed(error);
      throw isThrottled(error) ? error : toClient(asAuthorizationResponse(error), client);
    }
  };
}

function callbackKey(transaction: AwaitingLogin): string {
  return `callback_state:${transaction.flowId}`;
}

function isThrottled(error: unknown): boolean {
  return error instanceof OAuthError && error.reason === 'idp_exchange_throttled';
}

function foreignBrowser(): OAuthError {
  return new OAuthError(
    'access_denied',
    'This login was started in another browser, or cookies are blocked; start again from your application',
    { reason: 'browser_mismatch' },
  );
}

function isAboutGroups(error: unknown): error is OAuthError {
  return error instanceof OAuthError && error.reason === 'groups_too_many';
}

/** A reload may have changed where people of this resource log in. */
function providerRefused(): OAuthError {
  return new OAuthError('access_denied', 'This server does not let people log in there', {
    reason: 'identity_provider_refused',
  });
}

function refusedLogin(code: OAuthErrorCode): OAuthError {
  return new OAuthError(code, 'The identity provider did not complete the login', { reason: 'idp_error' });
}

/** A refusal in a code that an authorization response may have: clients know no others (RFC 6749 §4.1.2.1). */
function asAuthorizationResponse(error: unknown): unknown {
  if (!(error instanceof OAuthError)) return error;
  const known = ['access_denied', 'server_error', 'temporarily_unavailable'].includes(error.code);
  if (known) return error;
  return new OAuthError('server_error', error.description, {
    reason: error.reason,
    cause: error.cause,
  });
}
