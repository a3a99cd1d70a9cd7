import type { Clock } from '../../../platform/clock.ts';
import type { GuardedFetch } from '../../../platform/outbound/guarded-fetch.ts';
import { OAuthError } from '../../../protocol/oauth-error.ts';
import { computeCodeChallenge } from '../../../protocol/pkce.ts';
import { checkAllowedGroups, isAllowedGroup, readClaims } from '../claims.ts';
import { createExchangeLimit } from '../exchange-limit.ts';
import type { Identity, IdentityProvider, LoginAnswer, LoginSecrets, Recheck } from '../identity-provider.ts';
import type { WatchLane } from '../lane-load.ts';
import { createLoginLane } from '../login-lane.ts';
import type { OpenIdSettings } from '../openid-settings.ts';
import { createPlaces, mostQuestions } from '../places.ts';
import { ProviderFailure, summarizeFailure } from '../provider-failure.ts';
import { createProviderPause } from '../provider-pause.ts';
import { checkAuthenticationTime } from '../reauthentication.ts';
import { createGitHubApi } from './github-api.ts';
import { askForPerson, askWhoItIs } from './github-person.ts';
import { createGitHubRecheck } from './github-recheck.ts';

export interface GitHubProviderDeps {
  readonly config: Pick<
    OpenIdSettings,
    | 'issuer'
    | 'clientId'
    | 'clientSecret'
    | 'scopes'
    | 'authorizationParameters'
    | 'exchangeRatePerSecond'
    | 'exchangeBurst'
  >;
  /** Organisations, and teams as `organisation/team`. Empty: every GitHub account. */
  readonly allowedGroups: readonly string[];
  /** Our callback, as registered with GitHub. */
  readonly redirectUri: string;
  readonly fetch: GuardedFetch;
  readonly clock: Clock;
  readonly onLane?: WatchLane | undefined;
  /** Told at the start when GitHub refuses our client, or cannot be reached. */
  readonly onStartFailure: (failure: ProviderFailure) => void;
}

const probeDeadlineMilliseconds = 10_000;
/** Of those that people have given already: they are not asked for another. Who it is, GitHub says without any. */
const identifyingScope = 'user:email';

/**
 * Logs people in at GitHub, which speaks OAuth 2.0 and no OpenID: who somebody is, its interface says to the token that
 * the code was exchanged for. The token is kept as a refresh token is: GitHub's last until somebody revokes them.
 * @see https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps, RFC 9700 §2.1
 */
export function createGitHubProvider(deps: GitHubProviderDeps): IdentityProvider {
  const { config, clock } = deps;
  const { issuer } = config;
  const api = createGitHubApi({ ...config, fetch: deps.fetch });
  const limit = { ratePerSecond: config.exchangeRatePerSecond, burst: config.exchangeBurst, clock };
  const loginPause = createProviderPause(clock);
  const lane = createLoginLane(limit, deps.onLane, loginPause);
  const inPlace = createPlaces(mostQuestions);
  const takeQuestion = createExchangeLimit(limit);
  const pause = createProviderPause(clock);
  deps.onLane?.('recheck', () => ({ underWay: inPlace.taken(), isPaused: pause.isPaused() }));
  const recheck = createGitHubRecheck({ ...deps, issuer, api, pause, takeQuestion, readPerson });
  const closing = new AbortController();
  void probe();

  /** A code that nobody issued: GitHub says first what is wrong with the client, if anything is. */
  async function probe(): Promise<void> {
    const form = { code: 'gatehouse-start', redirect_uri: deps.redirectUri };
    const signal = AbortSignal.any([closing.signal, AbortSignal.timeout(probeDeadlineMilliseconds)]);
    const failure = await api.exchangeCode(form, signal).then(() => undefined, summarizeFailure);
    if (failure === undefined || failure.code === 'bad_verification_code' || closing.signal.aborted) return;
    deps.onStartFailure(failure);
  }

  async function exchange(
    { query, secrets }: LoginAnswer,
    signal: AbortSignal,
  ): Promise<{ identity: Identity; token: string }> {
    try {
      const token = await api.exchangeCode(formOf(query, secrets), signal);
      return { identity: readPerson(await askForPerson(api, token, signal), issuer), token };
    } catch (error) {
      throw refuse(error);
    }
  }

  /**
   * Who it is, for the account page. GitHub keeps ten tokens of a person with one app and the same scopes, and ends the
   * oldest for an eleventh: that could be one by which a grant is asked about. So this one has fewer scopes, and is ended.
   */
  async function identify({ query, secrets }: LoginAnswer, signal: AbortSignal): Promise<Identity> {
    try {
      const token = await api.exchangeCode(formOf(query, secrets), signal, 'account');
      try {
        return readPerson(await askWhoItIs(api, token, signal), issuer);
      } finally {
        await api.endToken(token, signal).catch(() => {});
      }
    } catch (error) {
      throw refuse(error);
    }
  }

  function formOf(query: URLSearchParams, { codeVerifier }: LoginSecrets): Readonly<Record<string, string>> {
    const code = query.get('code') ?? '';
    return { code, redirect_uri: deps.redirectUri, code_verifier: codeVerifier };
  }

  return {
    issuer,
    // Nothing has to be found out: GitHub's endpoints are known.
    isReady: () => !loginPause.isSilent() && !pause.isSilent(),
    close: () => closing.abort(),
    admits: (groups) => isAllowedGroup(groups, deps.allowedGroups),
    recheck: (request) =>
      inPlace<Recheck>(
        () => recheck(request),
        () => ({ outcome: 'unanswered' }),
      ),

    startLogin({ state, secrets, reauthentication, purpose }) {
      const url = new URL(api.authorizationEndpoint);
      const parameters = {
        ...config.authorizationParameters,
        client_id: config.clientId,
        redirect_uri: deps.redirectUri,
        scope: (purpose === 'account' ? [identifyingScope] : config.scopes).join(' '),
        state,
        code_challenge: computeCodeChallenge(secrets.codeVerifier),
        code_challenge_method: 'S256',
        // The one prompt that GitHub knows.
        ...(reauthentication.prompt === 'select_account' ? { prompt: 'select_account' } : {}),
      };
      for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
      return Promise.resolve(url);
    },

    async finishLogin(answer) {
      checkAnswer(answer, issuer);
      // GitHub never says when somebody logged in: what has to be recent is refused before anything is sent.
      checkAuthenticationTime({}, answer, clock);
      if (answer.purpose === 'account') {
        const identity = await lane((deadline) => identify(answer, deadline));
        return { identity, refreshToken: undefined, sessionId: undefined };
      }
      const { identity, token } = await lane((deadline) => exchange(answer, deadline));
      checkAllowedGroups(identity.groups, deps.allowedGroups);
      return { identity, refreshToken: token, sessionId: undefined };
    },

    verifyLogout: () =>
      Promise.reject(
        new OAuthError('invalid_request', 'This identity provider sends no logout tokens', {
          reason: 'logout_token_invalid',
        }),
      ),
  };
}

function readPerson(claims: Parameters<typeof readClaims>[0], issuer: string): Identity {
  return readClaims(claims, { issuer, groupsClaim: 'groups', trustUnverifiedEmail: false }).identity;
}

/** GitHub names no issuer so far; one that is named has to be GitHub's. @see RFC 9207 §2.4 */
function checkAnswer({ query, state }: LoginAnswer, issuer: string): void {
  const named = query.get('iss');
  const isOurs = named === null || named === issuer || named === `${issuer}/login/oauth`;
  if (isOurs && query.get('state') === state) return;
  throw new OAuthError('invalid_request', 'The answer is not from the identity provider of this login', {
    reason: 'idp_exchange_failed',
    cause: new ProviderFailure('issuer_mismatch'),
  });
}

function refuse(error: unknown): OAuthError {
  if (error instanceof OAuthError) return error;
  const cause = summarizeFailure(error);
  if (cause.code === 'unverified_user_email') {
    const description = 'The e-mail address of this account is not verified';
    return new OAuthError('access_denied', description, { reason: 'email_unverified', cause });
  }
  return new OAuthError('server_error', 'The identity provider did not complete the login', {
    reason: 'idp_exchange_failed',
    status: 502,
    cause,
  });
}
