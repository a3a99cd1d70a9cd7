/**
 * Admission: the one decision about a call to the protected resource. No other file looks at a bearer token, but
 * `foreign-admission.ts` where a mount takes the tokens of somebody else. Where a token is bound to a key, the proof of it is
 * `proven-admission.ts`'s to judge; without one, it is refused here.
 *
 * 1. read the credential (RFC 6750 §2.1; the header only, never query, body or cookie)
 * 2. open the token: from the verified-token cache, else with the sealer
 * 3. judge it: expiry, resource (RFC 8707), revocation, trust that was taken back, the operator's cut-off
 *
 * A token is good for one resource. What opens it knows nothing of resources, and is the same for all of them.
 * Synchronous: it needs no store, so a store outage does not stop calls with a valid token.
 * Not here: what happens to an admitted call (`proxy/`), and who may issue tokens.
 */
import type { Clock, EpochSeconds } from '../../platform/clock.ts';
import type { Sealer } from '../../platform/sealing/sealer.ts';
import { openAccessToken } from '../../services/tokens/access-token.ts';
import type { JudgedGrant } from '../../services/tokens/cut-off.ts';
import type { GrantTerms } from '../../services/tokens/grant-terms.ts';
import { readBearerCredential } from './bearer-credential.ts';
import { type AdmittingResource, type BadToken, prepareRefusals, type RefusedCall } from './refused-calls.ts';
import { createVerifiedTokens } from './verified-tokens.ts';

export type Admission = AdmittedCall | RefusedCall;

export interface AdmittedCall {
  readonly outcome: 'admitted';
  readonly grant: GrantTerms;
  /** Whose call it is: issuer and subject, since two identity providers may both know a "1". */
  readonly person: string;
  /** What cut-offs are held against. */
  readonly judged: JudgedGrant;
  readonly issuedAt: EpochSeconds;
  readonly expiresAt: EpochSeconds;
  /**
   * What the upstream gets as `Authorization`: the token of another issuer that was judged, at a mount that passes it on.
   * Never one of ours, which is good here alone.
   */
  readonly passedOn?: string;
}

/** Nobody knows the token yet. */
export interface PendingAdmission {
  readonly outcome: 'pending';
  /** Finds out. Never rejects, and takes no longer than a deadline. */
  readonly check: () => Promise<Admission>;
}

export interface AdmissionControl {
  /** Decides on a call by its `Authorization`: the value, or every line of it when there may be several. */
  admit(authorization: string | readonly string[] | undefined): Admission;
  /** Decides on a call by its token, bound to a key or not: who asks here sees to the proof. */
  admitBound(token: string): Admission;
  /** Whether a call that was admitted would be refused by now: for streams that outlive their token. */
  recheck(call: AdmittedCall): RefusedCall | undefined;
}

/** Admission to all resources of one deployment. */
export interface Admissions {
  /** Decides on calls to one of them. */
  forResource(resource: AdmittingResource): AdmissionControl;
  /** What a token is worth to whichever resource it is bound to: one that `isServed` knows. */
  findActive(token: string, isServed: (resource: string) => boolean): AdmittedCall | undefined;
}

export interface AdmissionDeps {
  readonly sealer: Sealer;
  /** Another number after every change of the keys: what opened before has to open again. Absent: they never change. */
  readonly keyGeneration?: () => number;
  readonly clock: Clock;
  readonly revocations: { judge(grant: JudgedGrant): boolean };
  /** Whether the issuer that a grant came of is not trusted any more. Absent: there is no such grant. */
  readonly isWithdrawn?: (grant: GrantTerms) => boolean;
  /** Grants and tokens from before this moment are refused. */
  readonly revokeBefore: EpochSeconds | undefined;
  /** Size of the verified-token cache: about 2 KiB each. 0: none. */
  readonly cacheEntries?: number;
}

const defaultCacheEntries = 10_000;

export function createAdmissions(deps: AdmissionDeps): Admissions {
  const verified = createVerifiedTokens<AdmittedCall>({
    maxEntries: deps.cacheEntries ?? defaultCacheEntries,
    isOver: ({ expiresAt }) => expiresAt <= deps.clock.nowSeconds(),
  });
  const keys = createKeyCheck(deps);

  function judge(token: AdmittedCall, identifier: string): BadToken | undefined {
    const reason = judgeAdmitted(token, deps);
    return reason === 'token_expired' || token.grant.resource === identifier ? reason : 'resource_mismatch';
  }

  /** @param identifier of the resource that the token is shown to. Undefined: the one that it is for */
  function judgeToken(token: string, identifier: string | undefined): AdmittedCall | BadToken {
    if (keys.haveChanged()) verified.forgetAll();
    const cached = verified.find(token);
    const call = cached ?? open(deps.sealer, token);
    if (call === undefined) return 'invalid_token';
    const reason = judge(call, identifier ?? call.grant.resource);
    if (reason !== undefined) {
      // Shown to the wrong resource it is still good at its own.
      if (reason !== 'resource_mismatch') verified.forget(token);
      return reason;
    }
    if (cached === undefined) keys.remember(call, verified.keep(token, call));
    return call;
  }

  function forResource(resource: AdmittingResource): AdmissionControl {
    const { identifier } = resource;
    const refusals = prepareRefusals(resource);
    return {
      admit(authorization) {
        const credential = readBearerCredential(authorization);
        if (credential.kind === 'absent') return refusals.token_missing;
        if (credential.kind === 'malformed') return refusals.invalid_token;
        const judged = judgeToken(credential.token, identifier);
        if (typeof judged === 'string') return refusals[judged];
        // RFC 9449 §7.2: whoever found it has no key; nor would a mount that asks for no proofs know.
        return judged.grant.keyThumbprint === undefined ? judged : refusals.token_bound;
      },
      admitBound(token) {
        const judged = judgeToken(token, identifier);
        return typeof judged === 'string' ? refusals[judged] : judged;
      },
      recheck(call) {
        const reason = judge(call, identifier) ?? (keys.stillOpen(call) ? undefined : 'invalid_token');
        return reason === undefined ? undefined : refusals[reason];
      },
    };
  }

  return {
    forResource,
    findActive(token, isServed) {
      const judged = judgeToken(token, undefined);
      return typeof judged === 'string' || !isServed(judged.grant.resource) ? undefined : judged;
    },
  };
}

/** Whether what was admitted once would be refused by now, wherever the token is from. */
export function judgeAdmitted(
  { expiresAt, issuedAt, grant, judged }: AdmittedCall,
  {
    clock,
    revocations,
    isWithdrawn,
    revokeBefore,
  }: Pick<AdmissionDeps, 'clock' | 'revocations' | 'isWithdrawn' | 'revokeBefore'>,
): BadToken | undefined {
  if (expiresAt <= clock.nowSeconds()) return 'token_expired';
  if (revocations.judge(judged)) return 'token_revoked';
  if (isWithdrawn?.(grant) === true) return 'trust_withdrawn';
  const cutoff = revokeBefore ?? -Infinity;
  // The grant as well: a token refreshed after the cut-off descends from a login before it.
  return issuedAt < cutoff || grant.grantedAt < cutoff ? 'token_revoked_iat_cutoff' : undefined;
}

/** A token of a destroyed key lives on neither in the cache nor in a stream that it opened. */
function createKeyCheck(deps: Pick<AdmissionDeps, 'sealer' | 'keyGeneration'>) {
  const generationNow = deps.keyGeneration ?? (() => 0);
  const opened = new WeakMap<AdmittedCall, { readonly token: string; generation: number }>();
  let generation = generationNow();
  return {
    haveChanged(): boolean {
      const before = generation;
      generation = generationNow();
      return generation !== before;
    },
    remember(call: AdmittedCall, token: string): void {
      opened.set(call, { token, generation });
    },
    stillOpen(call: AdmittedCall): boolean {
      const known = opened.get(call);
      if (known === undefined || known.generation === generationNow()) return true;
      if (openAccessToken(deps.sealer, known.token) === undefined) return false;
      known.generation = generationNow();
      return true;
    },
  };
}

function open(sealer: Sealer, token: string): AdmittedCall | undefined {
  const opened = openAccessToken(sealer, token);
  if (opened === undefined) return undefined;
  const { terms, issuedAt, expiresAt } = opened;
  const person = `${terms.identityIssuer}\n${terms.subject}`;
  const judged = { ...terms, issuedAt };
  return { outcome: 'admitted', grant: terms, person, judged, issuedAt, expiresAt };
}
