/**
 * Admission to a mount whose tokens are, or may be, bound to a key: the call has to come with a proof of it.
 *
 * 1. the scheme `DPoP`: the token as always, then what it is bound to, then one proof, of this very call and token
 * 2. the proof counts once, as far as this process remembers; where it has to name a nonce, the answer says the next one
 * 3. the scheme `Bearer`: as at every mount, where a token that is bound is refused; and where tokens have to be bound, so
 *    is one that is not
 * 4. every refusal says in its challenge what is taken here
 *
 * Synchronous, like admission itself. Not here: what makes a proof good (`services/dpop/`).
 * @see RFC 9449 §7
 */
import type { Clock } from '../../platform/clock.ts';
import { headerValues } from '../../platform/http/raw-headers.ts';
import type { RefusalReason } from '../../protocol/refusal-reason.ts';
import { type AuthenticationChallenge, formatDpopChallenge } from '../../protocol/www-authenticate.ts';
import type { ProofNonces } from '../../services/dpop/nonces.ts';
import type { createProofCheck, ProofProblem, ProvenRequest } from '../../services/dpop/proof.ts';
import { proofAlgorithms } from '../../services/dpop/proof-key.ts';
import type { ReplayMemory } from '../../services/dpop/replay-memory.ts';
import type { Admission, AdmissionControl } from './admit.ts';
import { readBearerCredential } from './bearer-credential.ts';
import type { AdmittingResource, RefusedCall } from './refused-calls.ts';

/** The call that a proof has to be of. */
export interface PresentedCall {
  readonly method: string;
  /** The request target, judged to be the mount's. */
  readonly target: string;
  /** Name and value alternating, as received. */
  readonly rawHeaders: readonly string[];
}

export interface ProvenAdmission {
  /** @param answer takes the headers of the answer that come of it, name and value alternating */
  admit(authorization: readonly string[], call: PresentedCall, answer: string[]): Admission;
  readonly recheck: AdmissionControl['recheck'];
}

/** What a process knows of proofs: the same for all its mounts. */
export interface KeyProofs {
  readonly check: ReturnType<typeof createProofCheck>;
  readonly used: ReplayMemory;
  /** What proofs have to name. Absent: nothing. */
  readonly nonces?: ProofNonces | undefined;
  readonly clock: Pick<Clock, 'nowSeconds'>;
}

export interface ProvenResource extends AdmittingResource {
  /** Scheme, host and port of the public: what proofs name, whatever `Host` says. */
  readonly publicOrigin: string;
  readonly dpop: 'optional' | 'required';
}

export function createProvenAdmission(
  admission: AdmissionControl,
  resource: ProvenResource,
  { check, used, nonces, clock }: KeyProofs,
): ProvenAdmission {
  const challenges = createChallenges(resource);
  const refusals = challenges.prepare();

  /** Judges what a proof names, and tells whoever needs another nonce. */
  function judgeNonces(answer: string[]): Pick<ProvenRequest, 'isNonceGood'> {
    if (nonces === undefined) return {};
    return {
      isNonceGood(nonce) {
        const verdict = nonces.judge(nonce);
        if (verdict !== 'good') answer.push('DPoP-Nonce', nonces.current());
        return verdict !== 'bad';
      },
    };
  }

  function admitProven(token: string, call: PresentedCall, answer: string[]): Admission {
    const admitted = admission.admitBound(token);
    if (admitted.outcome === 'refused') return challenges.toProving(admitted);
    const { keyThumbprint } = admitted.grant;
    if (keyThumbprint === undefined) return refusals.token_unbound;
    const [proof, ...others] = headerValues(call.rawHeaders, 'dpop');
    if (proof === undefined) return refusals.dpop_proof_missing;
    // RFC 9449 §4.3, 1: whoever stands behind us may believe the other one.
    if (others.length > 0) return refusals.dpop_proof_invalid;
    const uri = resource.publicOrigin + pathOf(call.target);
    const proven = {
      method: call.method,
      uri,
      accessToken: token,
      keyThumbprint,
      ...judgeNonces(answer),
    };
    const verdict = check(proof, proven, clock.nowSeconds());
    if (verdict.outcome === 'refused') return refusals[reasonOf[verdict.problem]];
    const use = used.claim(verdict.id);
    if (use === 'first') return admitted;
    return use === 'again' ? refusals.dpop_proof_replayed : refusals.dpop_proofs_exceeded;
  }

  return {
    admit(authorization, call, answer) {
      const credential = readBearerCredential(authorization, 'dpop');
      if (credential.kind === 'token') return admitProven(credential.token, call, answer);
      const admitted = admission.admit(authorization);
      if (admitted.outcome === 'refused') return challenges.toEither(admitted);
      return resource.dpop === 'required' ? refusals.token_unbound : admitted;
    },
    recheck: (call) => admission.recheck(call),
  };
}

const reasonOf = {
  malformed: 'dpop_proof_invalid',
  signature: 'dpop_proof_invalid',
  request: 'dpop_proof_invalid',
  token: 'dpop_proof_invalid',
  stale: 'dpop_proof_stale',
  nonce: 'dpop_nonce_needed',
  key: 'dpop_key_mismatch',
} as const satisfies Record<ProofProblem, RefusalReason>;

const descriptions = {
  token_unbound: 'The access token is bound to no key',
  dpop_proof_missing: 'A DPoP proof is required with this access token',
  dpop_proof_invalid: 'The DPoP proof is not valid for this call',
  dpop_proof_stale: 'The time of the DPoP proof is too far from ours',
  dpop_nonce_needed: 'The DPoP proof has to name the nonce of DPoP-Nonce',
  dpop_proof_replayed: 'The DPoP proof has been used before',
  dpop_key_mismatch: 'The DPoP proof is of another key than the access token',
} as const satisfies Partial<Record<RefusalReason, string>>;

const errorOf: Partial<Record<keyof typeof descriptions, 'invalid_token' | 'use_dpop_nonce'>> = {
  token_unbound: 'invalid_token',
  dpop_nonce_needed: 'use_dpop_nonce',
};

type Unproven = keyof typeof descriptions | 'dpop_proofs_exceeded';

/** Every challenge there is, made once, and out of nothing that a request says. */
function createChallenges(resource: ProvenResource) {
  const { defaults } = resource.scopes;
  const format = (challenge: Partial<AuthenticationChallenge> = {}): string =>
    formatDpopChallenge(
      {
        resourceMetadata: resource.metadataUrl,
        ...(defaults.length === 0 ? {} : { scope: defaults.join(' ') }),
        ...challenge,
      },
      proofAlgorithms,
    );
  const bare = format();
  const known = {
    proving: new WeakMap<RefusedCall, RefusedCall>(),
    either: new WeakMap<RefusedCall, RefusedCall>(),
  };

  function proving(refused: RefusedCall): RefusedCall {
    const { error, description } = refused;
    const isOfToken =
      error === 'invalid_token' || error === 'invalid_dpop_proof' || error === 'use_dpop_nonce';
    return { ...refused, challenge: isOfToken ? format({ error, errorDescription: description }) : bare };
  }

  return {
    /** For a call that came with the scheme `DPoP`, or whose token has to. */
    toProving: (refused: RefusedCall): RefusedCall => remember(known.proving, refused, proving),
    /** For a call without it. Bearer comes first, where it is taken: clients in the field look at no other. */
    toEither: (refused: RefusedCall): RefusedCall =>
      remember(known.either, refused, () =>
        resource.dpop === 'required' || refused.challenge === undefined
          ? proving(refused)
          : { ...refused, challenge: `${refused.challenge}, ${bare}` },
      ),
    prepare(): Readonly<Record<Unproven, RefusedCall>> {
      const refuse = (reason: keyof typeof descriptions): RefusedCall =>
        proving({
          outcome: 'refused',
          status: 401,
          reason,
          error: errorOf[reason] ?? 'invalid_dpop_proof',
          description: descriptions[reason],
        });
      return {
        token_unbound: refuse('token_unbound'),
        dpop_proof_missing: refuse('dpop_proof_missing'),
        dpop_proof_invalid: refuse('dpop_proof_invalid'),
        dpop_proof_stale: refuse('dpop_proof_stale'),
        dpop_nonce_needed: refuse('dpop_nonce_needed'),
        dpop_proof_replayed: refuse('dpop_proof_replayed'),
        dpop_key_mismatch: refuse('dpop_key_mismatch'),
        dpop_proofs_exceeded: {
          outcome: 'refused',
          status: 503,
          reason: 'dpop_proofs_exceeded',
          error: 'temporarily_unavailable',
          description: 'Too many DPoP proofs at once; try again shortly',
          retryAfterSeconds: 10,
        },
      };
    },
  };
}

/** Refusals of admission are a handful of objects, each the same for every call. */
function remember(
  known: WeakMap<RefusedCall, RefusedCall>,
  refused: RefusedCall,
  make: (refused: RefusedCall) => RefusedCall,
): RefusedCall {
  const present = known.get(refused) ?? make(refused);
  known.set(refused, present);
  return present;
}

function pathOf(target: string): string {
  const queryAt = target.indexOf('?');
  return queryAt === -1 ? target : target.slice(0, queryAt);
}
