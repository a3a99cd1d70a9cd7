/**
 * What every login is held to that comes back from an identity provider, whatever it was for: still live, of the provider
 * whose callback this is, finished in the browser that began it, and once.
 */
import type { SecretCookies } from './secret-cookies.ts';
import { OAuthError } from '../../protocol/oauth-error.ts';
import type { Login, LoginAnswer } from '../../services/identity/identity-provider.ts';
import type { NamedProvider } from '../../services/identity/identity-providers.ts';
import type { AccountLogin } from './account-login.ts';
import type { AuthorizationDeps } from './authorization-deps.ts';
import { claimOnce } from './single-use.ts';
import { loginTtlSeconds } from './transaction.ts';

/** The part that a login of an authorization and one of the account page share. */
export type ReturnedLogin = AccountLogin;

export interface LoginReturn {
  /**
   * Nothing is written, nobody asked.
   * @throws OAuthError `invalid_request` (`callback_state_invalid`, `identity_provider_mismatch`), `access_denied`
   * (`browser_mismatch`)
   */
  check(request: Request, login: ReturnedLogin): void;
  /** False: somebody finished it before. @throws OAuthError as `claimOnce` */
  claim(login: ReturnedLogin): Promise<boolean>;
  /** Asks the provider who it was; what it throws is the provider's. A login that our own brake held up may come again. */
  finish(login: ReturnedLogin, answer: Omit<LoginAnswer, 'secrets' | 'startedAt'>): Promise<Login>;
}

export type LoginReturnDeps = Pick<AuthorizationDeps, 'identityProviders' | 'store' | 'clock'>;

/**
 * @param own the identity provider that answers here
 * @param anew what somebody does whose login is over, to be read after a semicolon
 */
export function createLoginReturn(
  deps: LoginReturnDeps,
  own: NamedProvider,
  cookies: Pick<SecretCookies, 'matches'>,
  anew: string,
): LoginReturn {
  return {
    check(request, login) {
      if (login.expiresAt <= deps.clock.nowSeconds()) throw loginOver(anew);
      const { identityProvider: name } = login;
      const isOnly = deps.identityProviders.all.length === 1;
      if (name !== own.name && !(name === undefined && isOnly)) throw foreignProvider();
      if (!cookies.matches(request, login.flowId, login.flowHash)) throw foreignBrowser(anew);
    },
    claim: (login) => claimOnce(deps.store, claimKey(login), login.expiresAt),
    async finish(login, answer) {
      const startedAt = login.expiresAt - loginTtlSeconds;
      try {
        return await own.provider.finishLogin({ ...answer, secrets: login.secrets, startedAt });
      } catch (error) {
        // Our own brake, before anything was sent: the callback is given back, so that reloading it can succeed.
        if (isThrottled(error)) await deps.store.delete(claimKey(login));
        throw error;
      }
    },
  };
}

export function isThrottled(error: unknown): boolean {
  return error instanceof OAuthError && error.reason === 'idp_exchange_throttled';
}

/** Of a state that is not ours, or not any more. */
export function loginOver(anew: string): OAuthError {
  return new OAuthError('invalid_request', `This login has expired; ${anew}`, {
    reason: 'callback_state_invalid',
  });
}

export function finishedBefore(): OAuthError {
  return new OAuthError('invalid_request', 'This login was finished already', {
    reason: 'callback_state_replay',
  });
}

function claimKey({ flowId }: ReturnedLogin): string {
  return `callback_state:${flowId}`;
}

function foreignProvider(): OAuthError {
  return new OAuthError('invalid_request', 'The answer is not from the identity provider of this login', {
    reason: 'identity_provider_mismatch',
  });
}

function foreignBrowser(anew: string): OAuthError {
  return new OAuthError(
    'access_denied',
    `This login was started in another browser, or cookies are blocked; ${anew}`,
    { reason: 'browser_mismatch' },
  );
}
