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
 * A login that began on the account page comes back here as well: its state says so, and account-callback.ts has it.
 *
 * What fails before step 4 stays on a page: until then this need not be the person who approved.
 * Two identity providers share no callback, whether they say `iss` or not: what one sends is never taken to the other.
 * @see OAuth 2.1 §4.1.2, RFC 9207 §2, RFC 9700 §4.4 and §4.7, OpenID Connect Core §3.1.2.5
 */
import type { Handler } from '../../platform/http/handler.ts';
import { AuthorizationError, OAuthError } from '../../protocol/oauth-error.ts';
import { abbreviateClient } from '../../services/clients/client.ts';
import type { NamedProvider } from '../../services/identity/identity-providers.ts';
import { RefusedPerson } from '../../services/identity/refused-person.ts';
import type { AuthorizationDeps } from './authorization-deps.ts';
import { type AccountCallback, createAccountCallback } from './account-callback.ts';
import { openAccountLogin } from './account-login.ts';
import { createBrowserBinding } from './browser-binding.ts';
import { listProviders } from './chosen-provider.ts';
import { toClient } from './client-answer.ts';
import { describePerson, judgeEntry } from './entry-step.ts';
import { issueCode } from './code-step.ts';
import { parseIdentityProviderAnswer, refusedLogin } from './identity-provider-answer.ts';
import { createLoginReturn, finishedBefore, isThrottled, loginOver } from './returned-login.ts';
import { openAwaitingLogin } from './transaction-codec.ts';
import type { AwaitingLogin } from './transaction.ts';

/** @param own the identity provider that answers here */
export function createCallbackEndpoint(deps: AuthorizationDeps, own: NamedProvider): Handler {
  const binding = createBrowserBinding(deps);
  const returned = createLoginReturn(deps, own, binding.flow, startAgain);
  const { accountSessions } = deps;
  const finishAccountLogin: AccountCallback | undefined =
    accountSessions === undefined ? undefined : createAccountCallback(deps, own, accountSessions);

  function openTransaction(state: string): AwaitingLogin {
    const transaction = openAwaitingLogin(deps.sealer, state);
    if (transaction === undefined) throw loginOver(startAgain);
    return transaction;
  }

  async function claimCallback(transaction: AwaitingLogin, requestId: string): Promise<void> {
    if (await returned.claim(transaction)) return;
    const client = abbreviateClient(transaction.terms.client);
    deps.emit({ type: 'replay_detected', kind: 'callback_state', client }, requestId);
    throw finishedBefore();
  }

  return async (request, context) => {
    const answer = parseIdentityProviderAnswer(request);
    const accountLogin =
      finishAccountLogin === undefined ? undefined : openAccountLogin(deps.sealer, answer.state);
    if (accountLogin !== undefined && finishAccountLogin !== undefined) {
      return finishAccountLogin(request, answer, accountLogin, context.requestId);
    }
    const transaction = openTransaction(answer.state);
    returned.check(request, transaction);
    const { terms, flowId } = transaction;
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
      const { query, state } = answer;
      const { reauthentication } = terms;
      const login = await returned.finish(transaction, { query, state, reauthentication });
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
      const { resource } = terms;
      deps.emit({ type: 'login_succeeded', subject, ...named, resource }, context.requestId);
      const headers = { location, 'cache-control': 'no-store', 'set-cookie': client.cookie };
      return new Response(null, { status: 302, headers });
    } catch (error) {
      // The one whom the entry rules refuse has been told of.
      if (!(error instanceof AuthorizationError) || isAboutGroups(error)) failed(error);
      if (error instanceof RefusedPerson) {
        throw toClient(error, client, describePerson(deps, terms, error, error));
      }
      throw isThrottled(error) ? error : toClient(asAuthorizationResponse(error), client);
    }
  };
}

const startAgain = 'start again from your application';

function isAboutGroups(error: unknown): error is OAuthError {
  return error instanceof OAuthError && error.reason === 'groups_too_many';
}

/** A reload may have changed where people of this resource log in. */
function providerRefused(): OAuthError {
  return new OAuthError('access_denied', 'This server does not let people log in there', {
    reason: 'identity_provider_refused',
  });
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
