import type { Clock } from '../../platform/clock.ts';
import type { GuardedFetch } from '../../platform/outbound/guarded-fetch.ts';
import { OAuthError } from '../../protocol/oauth-error.ts';
import { checkAccessTokenHash } from './access-token-hash.ts';
import {
  checkAllowedGroups,
  checkRequiredClaims,
  type Claims,
  type ClaimRules,
  readClaims,
} from './claims.ts';
import type { ClaimsWithToken } from './group-overage.ts';
import type { GoneReason, Identity, Recheck, RecheckRequest } from './identity-provider.ts';
import type { DiscoveredProvider, OpenIdSettings } from './openid-settings.ts';
import { checkIssuedAt, type Connection } from './provider-connection.ts';
import { isAboutPerson, isFinalRefusal } from './provider-failure.ts';
import type { ProviderPause } from './provider-pause.ts';
import { createRotationMemory } from './rotation-memory.ts';

export interface IdentityRecheckDeps {
  readonly config: ClaimRules & Pick<OpenIdSettings, 'requiredClaims'>;
  /** Empty: every person the provider lets in. */
  readonly allowedGroups: readonly string[];
  readonly connect: Connection;
  /** Finds the groups that claims do not list. */
  readonly completeGroups: (issued: ClaimsWithToken, deadline: AbortSignal) => Promise<Claims>;
  readonly fetch: GuardedFetch;
  readonly clock: Clock;
  /** Shared with who shows it. */
  readonly pause: ProviderPause;
  /** Takes one of the questions the provider may be asked per second; false means "not now". */
  readonly takeQuestion: () => boolean;
}

/** Over all requests that one question takes. Less than a grant is leased for while its refresh asks. */
const deadlineMilliseconds = 5_000;

/**
 * Asks the provider about somebody by refreshing its token. Only what it says about this very token is a no; that it
 * is away, overloaded, or refuses ourselves says nothing about the person. Whoever would ask while it is left alone has
 * no answer at once.
 * @see OpenID Connect Core §12.2
 */
export function createIdentityRecheck(
  deps: IdentityRecheckDeps,
): (demand: () => Promise<DiscoveredProvider>, request: RecheckRequest) => Promise<Recheck> {
  const memory = createRotationMemory(deps.clock);
  const { pause } = deps;

  async function ask(demand: () => Promise<DiscoveredProvider>, request: RecheckRequest): Promise<Recheck> {
    // In this order: whom the pause admits finds out for everybody, and has to ask.
    if (!deps.takeQuestion() || !pause.admits()) return { outcome: 'unanswered' };
    const deadline = AbortSignal.timeout(deadlineMilliseconds);
    try {
      const answer = await refresh(await within(deadline, demand()), request, deadline);
      pause.answered();
      return answer;
    } catch (error) {
      const isGone = isFinalRefusal(error);
      if (isGone || isAboutPerson(error)) pause.answered();
      else pause.failed();
      return isGone ? { outcome: 'gone', reason: 'identity_gone' } : { outcome: 'unanswered' };
    }
  }

  async function refresh(
    provider: DiscoveredProvider,
    { refreshToken, known }: RecheckRequest,
    deadline: AbortSignal,
  ): Promise<Recheck> {
    const fetch: GuardedFetch = (url, init) => deps.fetch(url, { ...init, signal: deadline });
    const tokens = await deps.connect(provider, fetch, (configuration) =>
      provider.client.refreshTokenGrant(configuration, refreshToken),
    );
    const said: Claims | undefined = tokens.claims();
    if (said !== undefined) checkIssuedAt(said['iat'], deps.clock);
    const { access_token: accessToken, id_token: idToken = '' } = tokens;
    checkAccessTokenHash({ accessToken, idToken, hash: said?.['at_hash'] });
    const claims =
      said === undefined ? undefined : await deps.completeGroups({ claims: said, accessToken }, deadline);
    const reading = readAgain(claims, known, deps);
    if (typeof reading === 'string') return { outcome: 'gone', reason: reading };
    return { outcome: 'present', identity: reading, refreshToken: tokens.refresh_token ?? refreshToken };
  }

  return async (demand, request) => {
    // Another provider has taken its place: it knows nobody of before, and the former one's token is not for its eyes.
    if (request.known.issuer !== deps.config.issuer) return { outcome: 'gone', reason: 'identity_gone' };
    return memory.answer(request, () => ask(demand, request));
  };
}

/** Who it is now, by the rules of a login; or why they may no longer enter. */
function readAgain(
  claims: Claims | undefined,
  known: Identity,
  { config, allowedGroups }: IdentityRecheckDeps,
): Identity | GoneReason {
  try {
    const identity = claims === undefined ? known : mergeClaims(claims, known, config);
    if (claims !== undefined) checkRequiredClaims(claims, config.requiredClaims);
    // Core §12.2: "its sub Claim Value MUST be the same"; the library has compared the issuer with the provider's.
    if (identity.issuer !== known.issuer || identity.subject !== known.subject) return 'identity_gone';
    checkAllowedGroups(identity.groups, allowedGroups);
    return identity;
  } catch (error) {
    if (!(error instanceof OAuthError)) throw error;
    const { reason } = error;
    if (reason === 'groups_unresolved') return 'group';
    return reason === 'group' || reason === 'group_invalid' || reason === 'email_unverified'
      ? reason
      : 'identity_gone';
  }
}

/**
 * Groups decide about access, so that none said are none. Address and name describe: many providers leave them out of
 * a refreshed ID token, which does not mean that they are gone.
 */
function mergeClaims(claims: Claims, known: Identity, rules: ClaimRules): Identity {
  const { identity } = readClaims(claims, rules);
  return {
    ...identity,
    email: Object.hasOwn(claims, 'email') ? identity.email : known.email,
    name: Object.hasOwn(claims, 'name') ? identity.name : known.name,
  };
}

/** Gives up waiting at the deadline; what was waited for goes on for whoever else wants it. */
function within<T>(deadline: AbortSignal, promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    deadline.addEventListener('abort', () => reject(new Error('the deadline passed')), { once: true });
    promise.then(resolve, reject);
  });
}
