/**
 * Admission to a mount that takes the tokens of somebody else. What was found good is remembered, and a call with it is
 * admitted at once, as with a token of ours; a token that nobody knows yet is checked first, by whoever can.
 *
 * 1. read the credential, as for ours
 * 2. remembered: judge it again, by expiry, revocation and cut-off
 * 3. refused a moment ago: the same answer, and nobody is asked
 * 4. check it: once for all calls that come with it meanwhile, so many at a time, and no longer than the deadline
 *
 * Whatever goes wrong on the way is 503: nobody is let in, and no client throws a good token away.
 * Not here: what makes a token good (`services/identity/foreign/`).
 */
import { createHash } from 'node:crypto';

import type { Clock, EpochSeconds } from '../../platform/clock.ts';
import type { ClientFingerprint } from '../../services/clients/client.ts';
import type {
  ForeignToken,
  ForeignVerdict,
  VerifyForeignToken,
} from '../../services/identity/foreign/token-authority.ts';
import type { GrantTerms } from '../../services/tokens/grant-terms.ts';
import {
  type Admission,
  type AdmissionControl,
  type AdmissionDeps,
  type AdmittedCall,
  judgeAdmitted,
  type PendingAdmission,
} from './admit.ts';
import { readBearerCredential } from './bearer-credential.ts';
import { type AdmittingResource, prepareRefusals, type RefusedCall } from './refused-calls.ts';
import { createVerifiedTokens } from './verified-tokens.ts';

export interface ForeignAdmissionDeps extends Pick<
  AdmissionDeps,
  'clock' | 'revocations' | 'revokeBefore' | 'cacheEntries'
> {
  readonly verify: VerifyForeignToken;
  readonly fingerprintClient: (clientId: string) => ClientFingerprint;
  /** Whether somebody of these groups may enter. */
  readonly admits: (groups: readonly string[]) => boolean;
  /** Whether the upstream gets the token. Default: no. */
  readonly passesOn?: boolean;
  /** Told of what should not happen. */
  readonly onError: (error: unknown) => void;
}

export interface ForeignAdmission {
  admit(authorization: string | readonly string[] | undefined): Admission | PendingAdmission;
  readonly recheck: AdmissionControl['recheck'];
}

/** A token that was found good, for as long as that counts. */
interface Known {
  readonly call: AdmittedCall;
  readonly freshUntil: EpochSeconds;
}

/** What is known of a call that goes on: streams outlive what was found out at their beginning. */
interface Watched {
  readonly token: string;
  freshUntil: EpochSeconds;
  isAsking: boolean;
  refused: RefusedCall | undefined;
}

const defaultCacheEntries = 10_000;
/** Tokens that are checked at the same time, and calls that wait for it. */
const maxChecks = 64;
const maxWaiting = 1_000;
const deadlineMilliseconds = 10_000;
/** So long a token that was refused is refused unseen, and so many are remembered. */
const refusedSeconds = 5;
const maxRefused = 1_000;
/** A stream goes on for so long while nobody can say whether its token is still good. */
const unansweredSeconds = 60;

const unavailable: RefusedCall = {
  outcome: 'refused',
  status: 503,
  reason: 'token_issuer_unavailable',
  error: 'temporarily_unavailable',
  description: 'The access token cannot be checked now; try again shortly',
  retryAfterSeconds: 5,
};
const tooMany: RefusedCall = {
  ...unavailable,
  reason: 'token_checks_exceeded',
  retryAfterSeconds: 1,
};
const notInGroup: RefusedCall = {
  outcome: 'refused',
  status: 403,
  reason: 'group',
  error: 'access_denied',
  description: 'This account is not in a group that may use this service',
};

export function createForeignAdmission(
  resource: AdmittingResource,
  deps: ForeignAdmissionDeps,
): ForeignAdmission {
  const { clock } = deps;
  const refusals = prepareRefusals(resource);
  const known = createVerifiedTokens<Known>({
    maxEntries: deps.cacheEntries ?? defaultCacheEntries,
    isOver: ({ call, freshUntil }) => Math.min(call.expiresAt, freshUntil) <= clock.nowSeconds(),
  });
  const refused = createRefusedTokens(clock);
  const checks = new Map<string, Promise<Admission>>();
  const watched = new WeakMap<AdmittedCall, Watched>();
  let waiting = 0;

  function judge(call: AdmittedCall): RefusedCall | undefined {
    const reason = judgeAdmitted(call, deps);
    return reason === undefined ? undefined : refusals[reason];
  }

  /** Undefined: somebody has to be asked. */
  function findKnown(token: string): Admission | undefined {
    const entry = known.find(token);
    if (entry === undefined) return refused.find(token);
    const refusal = judge(entry.call);
    if (refusal === undefined && entry.freshUntil > clock.nowSeconds()) return entry.call;
    known.forget(token);
    return refusal;
  }

  function check(token: string): Promise<Admission> | undefined {
    const present = checks.get(token);
    if (present !== undefined) return present;
    if (checks.size >= maxChecks) return undefined;
    // A copy: a slice would keep the request head that it was cut from.
    const copy = Buffer.from(token, 'latin1').toString('latin1');
    const checking = withDeadline(verify(copy), deadlineMilliseconds, unavailable).finally(() =>
      checks.delete(copy),
    );
    checks.set(copy, checking);
    return checking;
  }

  async function verify(token: string): Promise<Admission> {
    try {
      return settle(token, await deps.verify(token));
    } catch (error) {
      deps.onError(error);
      return unavailable;
    }
  }

  function settle(token: string, verdict: ForeignVerdict): Admission {
    if (verdict.outcome === 'unavailable') return unavailable;
    if (verdict.outcome === 'refused') return refused.keep(token, refusals[verdict.reason]);
    const call = toCall(token, verdict.token, resource, deps);
    if (!deps.admits(call.grant.groups)) return refused.keep(token, notInGroup);
    const refusal = judge(call);
    if (refusal !== undefined) return refused.keep(token, refusal);
    const freshUntil = verdict.freshUntil ?? Infinity;
    known.keep(token, { call, freshUntil });
    if (freshUntil !== Infinity) {
      watched.set(call, { token, freshUntil, isAsking: false, refused: undefined });
    }
    return call;
  }

  async function wait(token: string): Promise<Admission> {
    const checking = waiting < maxWaiting ? check(token) : undefined;
    if (checking === undefined) return tooMany;
    waiting += 1;
    try {
      return await checking;
    } finally {
      waiting -= 1;
    }
  }

  /** Asks again about the token of a stream, and hears of it at the next look. */
  async function ask(state: Watched): Promise<void> {
    state.isAsking = true;
    const again = findKnown(state.token) ?? (await check(state.token)) ?? unavailable;
    state.isAsking = false;
    if (again.outcome === 'admitted') {
      state.freshUntil = watched.get(again)?.freshUntil ?? state.freshUntil;
    } else if (again.status !== 503) state.refused = again;
  }

  return {
    admit(authorization) {
      const credential = readBearerCredential(authorization);
      if (credential.kind === 'absent') return refusals.token_missing;
      if (credential.kind === 'malformed') return refusals.invalid_token;
      const { token } = credential;
      return findKnown(token) ?? { outcome: 'pending', check: () => wait(token) };
    },
    recheck(call) {
      const refusal = judge(call);
      const state = watched.get(call);
      if (refusal !== undefined || state === undefined) return refusal;
      const now = clock.nowSeconds();
      if (state.refused !== undefined) return state.refused;
      if (state.freshUntil > now) return undefined;
      if (!state.isAsking) void ask(state);
      return now >= state.freshUntil + unansweredSeconds ? unavailable : undefined;
    },
  };
}

/** In the shape of a grant of ours. What we did not grant has no record here: its id is the token's own hash. */
function toCall(
  token: string,
  { identity, authentication, isOfClient, clientId, sessionId, scope, issuedAt, expiresAt }: ForeignToken,
  { identifier }: AdmittingResource,
  { fingerprintClient, passesOn = false }: Pick<ForeignAdmissionDeps, 'fingerprintClient' | 'passesOn'>,
): AdmittedCall {
  const { issuer: identityIssuer, ...person } = identity;
  const grant: GrantTerms = {
    ...person,
    ...authentication,
    identityIssuer,
    grantId: createHash('sha256').update(token).digest('base64url'),
    ...(sessionId === undefined ? {} : { sessionId }),
    ...(isOfClient ? { actor: 'client' as const } : {}),
    client: fingerprintClient(clientId ?? ''),
    resource: identifier,
    scope,
    grantedAt: issuedAt,
    absoluteEnd: expiresAt,
  };
  const judged = { ...grant, issuedAt };
  return {
    outcome: 'admitted',
    grant,
    person: `${identityIssuer}\n${identity.subject}`,
    judged,
    issuedAt,
    expiresAt,
    // What was judged and not what was sent: another reader could find another token in that.
    ...(passesOn ? { passedOn: `Bearer ${token}` } : {}),
  };
}

/** Tokens that were refused a moment ago, by their hash: they are as long as strangers like. */
function createRefusedTokens(clock: Clock) {
  const entries = new Map<string, { readonly refusal: RefusedCall; readonly until: EpochSeconds }>();
  const hash = (token: string): string => createHash('sha256').update(token).digest('base64');
  return {
    find(token: string): RefusedCall | undefined {
      if (entries.size === 0) return undefined;
      const entry = entries.get(hash(token));
      return entry === undefined || entry.until <= clock.nowSeconds() ? undefined : entry.refusal;
    },
    keep(token: string, refusal: RefusedCall): RefusedCall {
      const key = hash(token);
      entries.delete(key);
      const [oldest] = entries.keys();
      if (entries.size >= maxRefused && oldest !== undefined) entries.delete(oldest);
      entries.set(key, { refusal, until: clock.nowSeconds() + refusedSeconds });
      return refusal;
    },
  };
}

async function withDeadline<Value>(
  work: Promise<Value>,
  milliseconds: number,
  otherwise: Value,
): Promise<Value> {
  const { promise, resolve } = Promise.withResolvers<Value>();
  const timer = setTimeout(() => resolve(otherwise), milliseconds);
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}
