import type { Clock } from '../../platform/clock.ts';
import type { GuardedFetch } from '../../platform/outbound/guarded-fetch.ts';
import { OAuthError } from '../../protocol/oauth-error.ts';
import { computeCodeChallenge } from '../../protocol/pkce.ts';
import type { Emit } from '../audit/events.ts';
import {
  checkAllowedGroups,
  checkRequiredClaims,
  type Claims,
  isAllowedGroup,
  readClaims,
} from './claims.ts';
import { readAuthentication } from './authentication.ts';
import { readWho, withoutOfflineAccess } from './account-purpose.ts';
import { findClientProblem } from './client-check.ts';
import { findCredentialProblem, methodUnlisted } from './credential-check.ts';
import { createCodeExchange } from './code-exchange.ts';
import { startDiscovery } from './discovery.ts';
import { createExchangeLimit } from './exchange-limit.ts';
import { createOverageResolution, refuseUnresolved } from './group-overage.ts';
import type { IdentityProvider, Login, Recheck } from './identity-provider.ts';
import { createIdentityRecheck } from './identity-recheck.ts';
import type { DiscoveredProvider, OpenIdSettings } from './openid-settings.ts';
import type { WatchLane } from './lane-load.ts';
import { createLoginLane } from './login-lane.ts';
import { createLogoutTokenVerification } from './logout-token.ts';
import { createPlaces, mostQuestions } from './places.ts';
import { createConnection } from './provider-connection.ts';
import { ProviderFailure } from './provider-failure.ts';
import { createProviderPause } from './provider-pause.ts';
import { checkAuthenticationTime, formatReauthentication } from './reauthentication.ts';

export interface OpenIdProviderDeps {
  readonly config: OpenIdSettings;
  /** Empty: every person the provider lets in. */
  readonly allowedGroups: readonly string[];
  /** What the rules of this moment ask for, whom the provider does not tell all groups of by itself. Absent: nothing. */
  readonly groupsOfRules?: () => ReadonlySet<string>;
  /** Our callback, as registered with the provider. */
  readonly redirectUri: string;
  readonly fetch: GuardedFetch;
  readonly clock: Clock;
  readonly emit: Emit;
  readonly onLane?: WatchLane | undefined;
  /** Told of every discovery attempt that failed; more follow by themselves. */
  readonly onDiscoveryFailure: (error: unknown) => void;
  /** Told at the start when the provider refuses our client. Without it nothing is tried out. */
  readonly onClientProblem?: (failure: ProviderFailure) => void;
  /** Told at the start of what shows of our credential before the provider is asked for anything. */
  readonly onCredentialProblem?: (failure: ProviderFailure) => void;
}

const maxSessionIdLength = 256;

/**
 * Logs people in at an OpenID provider, with state, nonce and PKCE. Who somebody is comes from the ID token alone;
 * the provider's access token is dropped unused, but where there are more groups than a token can list.
 * @see OpenID Connect Core §3.1, RFC 9207, RFC 9700 §2.1
 */
export function createOpenIdProvider(deps: OpenIdProviderDeps): IdentityProvider {
  const { config, clock } = deps;
  const connect = createConnection(deps);
  const discovery = startDiscovery({ ...deps, onDiscovered: (provider) => void checkClient(provider) });
  const exchangeCode = createCodeExchange({ ...deps, connect });
  const { groupsOfRules = () => new Set<string>() } = deps;
  const completeGroups = createOverageResolution({ ...deps, groupsOfRules });
  const limit = { ratePerSecond: config.exchangeRatePerSecond, burst: config.exchangeBurst, clock };
  const loginPause = createProviderPause(clock);
  const lane = createLoginLane(limit, deps.onLane, loginPause);
  const verifyLogoutToken = createLogoutTokenVerification(deps);
  // A budget of its own: refreshes of those who are in must not keep others from logging in.
  const takeQuestion = createExchangeLimit(limit);
  const pause = createProviderPause(clock);
  const recheck = createIdentityRecheck({ ...deps, connect, completeGroups, pause, takeQuestion });
  const inPlace = createPlaces(mostQuestions);
  deps.onLane?.('recheck', () => ({ underWay: inPlace.taken(), isPaused: pause.isPaused() }));

  async function checkClient(provider: DiscoveredProvider): Promise<void> {
    const { onClientProblem, onCredentialProblem } = deps;
    const doubt = await findCredentialProblem(provider.metadata, deps);
    if (doubt !== undefined) onCredentialProblem?.(doubt);
    // Nothing can be sent then, and the same would be told again.
    const isTold = doubt !== undefined && doubt.code !== methodUnlisted;
    if (onClientProblem === undefined || isTold) return;
    const problem = await findClientProblem(provider, { ...deps, connect });
    if (problem !== undefined) onClientProblem(problem);
  }

  return {
    issuer: config.issuer,
    isReady: () => discovery.isDone() && !loginPause.isSilent() && !pause.isSilent(),
    close: () => discovery.close(),

    async startLogin({ state, secrets, reauthentication, demands, purpose }) {
      const { client, metadata } = await discovery.demand();
      const configuration = new client.Configuration(metadata, config.clientId);
      if (config.allowInsecureHttp) client.allowInsecureRequests(configuration);
      const { scopes, authorizationParameters } =
        purpose === 'account' ? withoutOfflineAccess(config) : config;
      return client.buildAuthorizationUrl(configuration, {
        ...authorizationParameters,
        redirect_uri: deps.redirectUri,
        scope: scopes.join(' '),
        state,
        nonce: secrets.nonce,
        code_challenge: computeCodeChallenge(secrets.codeVerifier),
        code_challenge_method: 'S256',
        ...formatReauthentication(reauthentication, authorizationParameters?.['prompt'], demands),
      });
    },

    recheck: (request) =>
      inPlace<Recheck>(
        () => recheck(() => discovery.demand(), request),
        () => ({ outcome: 'unanswered' }),
      ),
    verifyLogout: async (token) => verifyLogoutToken(await discovery.demand(), token),
    admits: (groups) => isAllowedGroup(groups, deps.allowedGroups),

    async finishLogin(answer): Promise<Login> {
      const { query, state, secrets, purpose } = answer;
      const provider = await discovery.demand();
      checkIssuerParameter(query.get('iss'), provider);
      const url = rebuildAnswer(deps.redirectUri, query);
      const { claims, refreshToken } = await lane(async (deadline) => {
        const exchanged = await exchangeCode(provider, { url, state, secrets, deadline });
        if (purpose === 'account') return exchanged;
        return { ...exchanged, claims: await completeGroups(exchanged, deadline) };
      }).catch((error: unknown) => {
        throw refuseUnresolved(error);
      });
      checkAuthenticationTime(claims, answer, clock);
      checkRequiredClaims(claims, config.requiredClaims);
      if (purpose === 'account') {
        return {
          identity: readWho(claims, config),
          refreshToken: undefined,
          sessionId: readSessionId(claims),
        };
      }
      const { identity, isGroupsShapeMismatch } = readClaims(claims, config);
      if (isGroupsShapeMismatch) {
        const { subject } = identity;
        deps.emit({ type: 'groups_claim_shape_mismatch', subject, claim: config.groupsClaim }, undefined);
      }
      checkAllowedGroups(identity.groups, deps.allowedGroups);
      return {
        identity,
        refreshToken,
        sessionId: readSessionId(claims),
        authentication: readAuthentication(claims),
      };
    },
  };
}

/** @see OpenID Connect Back-Channel Logout §2.1 (`sid`); one too long to travel in every token counts as not said */
function readSessionId(claims: Claims): string | undefined {
  const sessionId = claims['sid'];
  const isUsable =
    typeof sessionId === 'string' && sessionId !== '' && sessionId.length <= maxSessionIdLength;
  return isUsable ? sessionId : undefined;
}

/**
 * An answer of another issuer is a mix-up: its code must not be sent to this one. Checked before anything is sent.
 * @see RFC 9207 §2.4
 */
function checkIssuerParameter(value: string | null, { metadata }: DiscoveredProvider): void {
  const isRequired = metadata.authorization_response_iss_parameter_supported === true;
  if (value === metadata.issuer || (value === null && !isRequired)) return;
  throw new OAuthError('invalid_request', 'The answer is not from the identity provider of this login', {
    reason: 'idp_exchange_failed',
    cause: new ProviderFailure('issuer_mismatch'),
  });
}

/** Only what is used of the answer: other parameters would switch the library to other flows. */
function rebuildAnswer(redirectUri: string, query: URLSearchParams): URL {
  const url = new URL(redirectUri);
  for (const name of ['code', 'state', 'iss']) {
    const value = query.get(name);
    if (value !== null) url.searchParams.set(name, value);
  }
  return url;
}
