import type { NamedProvider } from '../../services/identity/identity-providers.ts';
import type { BrowserBinding } from './browser-binding.ts';
import type { AuthorizationDeps } from './authorization-deps.ts';
import { type ClientAnswer, toClient } from './client-answer.ts';
import { sealTransaction } from './transaction-codec.ts';
import { loginTtlSeconds, type RequestedTerms } from './transaction.ts';

export interface LoginStart {
  /** The identity provider's authorization URL. */
  readonly location: URL;
  /** Set-Cookie values that must go out with it. */
  readonly cookies: readonly string[];
}

export interface LoginStepDeps extends Pick<
  AuthorizationDeps,
  'entry' | 'identityProviders' | 'sealer' | 'clock' | 'random'
> {
  readonly binding: BrowserBinding;
}

/**
 * Begins the login at the identity provider that was chosen. Whose answer is awaited is sealed into the state. `state`, `nonce` and code verifier come into being here and nowhere
 * earlier: before a person approved there is nothing that could be carried to another browser.
 * @throws AuthorizationError `temporarily_unavailable`, reason `idp_unavailable`
 */
export async function startLogin(
  deps: LoginStepDeps,
  { name, provider }: NamedProvider,
  request: Request,
  terms: RequestedTerms,
  refusal: Pick<ClientAnswer, 'afterHumanStep'>,
): Promise<LoginStart> {
  const flowId = deps.random.token(16);
  const flow = deps.binding.flow.issue(request, flowId);
  const secrets = { nonce: deps.random.token(16), codeVerifier: deps.random.token(32) };
  const state = sealTransaction(deps.sealer, {
    stage: 'awaiting-login',
    flowId,
    terms,
    flowHash: flow.hash,
    secrets,
    ...(deps.identityProviders.all.length === 1 ? {} : { identityProvider: name }),
    expiresAt: deps.clock.nowSeconds() + loginTtlSeconds,
  });
  try {
    const { reauthentication } = terms;
    const demands = deps.entry.demandsOf(terms.resource);
    const login = { state, secrets, reauthentication, ...(demands === undefined ? {} : { demands }) };
    const location = await provider.startLogin(login);
    return { location, cookies: flow.cookies };
  } catch (error) {
    throw toClient(error, { ...terms, ...refusal });
  }
}
