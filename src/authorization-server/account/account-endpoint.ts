/**
 * GET and POST /account: where people see what they allowed, and end it.
 *
 * Owns the page and its session. The login is the authorization room's, begun here and finished at the callback; which
 * grants there are, services/tokens' to say.
 *
 * GET shows: to who is signed in, their grants; to others, the button that signs in. It ends nothing and begins nothing.
 *
 * POST
 * 1. posted by a page of ours, a form with its fields and nothing else   403 cross_site_post, 400
 * 2. sign-in: on to the identity provider; it names one of ours           400 identity_provider_refused
 * 3. everything else: by who is signed in                                else the page for others, nothing is done
 * 4. with the form of a page that was made for this very session         403 account_form_invalid
 * 5. end: a live grant of this person                                    else their page again, 404: nobody learns of
 *    other people's grants, nor ends one
 * 6. ended means recorded: a store that does not answer is 503, and nothing is said to have ended
 *
 * The entry rules are not asked: who may not enter any more has what they allowed earlier, and may end it.
 * @see RFC 9700 §4.16, Fetch standard on `Origin`
 */
import type { Handler } from '../../platform/http/handler.ts';
import type { Sealer } from '../../platform/sealing/sealer.ts';
import { StoreError } from '../../platform/store/store.ts';
import { OAuthError, storeUnavailable } from '../../protocol/oauth-error.ts';
import type { RefusalReason } from '../../protocol/refusal-reason.ts';
import type { Emit } from '../../services/audit/events.ts';
import type { IdentityProviders, NamedProvider } from '../../services/identity/identity-providers.ts';
import { readFormRequest } from '../../services/requests/form-request.ts';
import { checkSameOriginPost } from '../../services/requests/same-origin-post.ts';
import type { Resources } from '../../services/resources/resources.ts';
import type { BeginAccountLogin } from '../authorization/begin-account-login.ts';
import { type AccountForm, checkFormToken, parseAccountForm, sealFormToken } from './account-form.ts';
import { type AccountOutcome, renderAccountPage } from './account-page.ts';
import type { AccountSession, AccountSessions } from './account-session.ts';
import type { OwnGrants } from './own-grants.ts';
import { renderSignedOutPage, type SignedOutNotice } from './signed-out-page.ts';

export interface AccountDeps {
  readonly issuer: string;
  readonly identityProviders: Pick<IdentityProviders, 'all'>;
  readonly resources: Pick<Resources, 'find'>;
  readonly sessions: AccountSessions;
  readonly ownGrants: OwnGrants;
  readonly beginLogin: BeginAccountLogin;
  readonly sealer: Sealer;
  readonly emit: Emit;
}

/**
 * @throws OAuthError `access_denied` (`cross_site_post`, `account_form_invalid`), `invalid_request`
 * (`parameter_malformed`, `identity_provider_refused`), `temporarily_unavailable` (`replay_store_unavailable`,
 * `idp_unavailable`)
 */
export function createAccountEndpoint(deps: AccountDeps): Handler {
  const { sessions, ownGrants, emit } = deps;

  async function show(session: AccountSession, outcome: AccountOutcome | undefined): Promise<Response> {
    const { account, identityIssuer, expiresAt } = session;
    const grants = await ownGrants.list(session);
    const formToken = sealFormToken(deps.sealer, session);
    const providerHost = new URL(identityIssuer).host;
    return renderAccountPage(
      { account, providerHost, expiresAt, grants, formToken, outcome },
      deps.resources.find,
    );
  }

  function showSignedOut(notice: SignedOutNotice | undefined): Response {
    const cookies = notice === undefined ? [] : [sessions.end()];
    return renderSignedOutPage({ providers: deps.identityProviders.all, notice, cookies });
  }

  function refuse(reason: RefusalReason, status: number, requestId: string): void {
    emit({ type: 'request_refused', endpoint: 'account', reason, status }, requestId);
  }

  function chooseProvider(name: string | undefined): NamedProvider {
    const { all } = deps.identityProviders;
    const chosen = name === undefined && all.length === 1 ? all[0] : all.find((each) => each.name === name);
    if (chosen !== undefined) return chosen;
    throw new OAuthError('invalid_request', 'This server does not let people log in there', {
      reason: 'identity_provider_refused',
    });
  }

  async function end(session: AccountSession, grantId: string, requestId: string): Promise<Response> {
    const grant = await ownGrants.end(session, grantId, requestId);
    if (grant !== undefined) return show(session, { kind: 'ended', grant });
    refuse('account_grant_unknown', 404, requestId);
    return show(session, { kind: 'not-found' });
  }

  async function act(
    { action, formToken }: AccountForm,
    request: Request,
    requestId: string,
  ): Promise<Response> {
    if (action.kind === 'sign-in') return deps.beginLogin(request, chooseProvider(action.at));
    const session = sessions.find(request);
    if (session === undefined) {
      refuse('account_session_over', 403, requestId);
      return showSignedOut({ kind: 'over' });
    }
    checkFormToken(deps.sealer, formToken, session);
    switch (action.kind) {
      case 'end':
        return end(session, action.grantId, requestId);
      case 'end-all': {
        const ended = await ownGrants.endAll(session, requestId);
        return showSignedOut({ kind: 'all-ended', listed: ended.length });
      }
      case 'sign-out':
        return showSignedOut({ kind: 'signed-out' });
    }
  }

  async function answer(request: Request, requestId: string): Promise<Response> {
    if (request.method === 'POST') {
      checkSameOriginPost(request, deps.issuer);
      return act(parseAccountForm(await readFormRequest(request)), request, requestId);
    }
    const session = sessions.find(request);
    return session === undefined ? showSignedOut(undefined) : show(session, undefined);
  }

  return async (request, { requestId }) => {
    try {
      return await answer(request, requestId);
    } catch (error) {
      const refusal = error instanceof StoreError ? storeUnavailable(error) : error;
      throw refusal instanceof OAuthError ? refusal.startingAt(sessions.path) : refusal;
    }
  };
}
