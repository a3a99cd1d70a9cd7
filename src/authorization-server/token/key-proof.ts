import type { Clock } from '../../platform/clock.ts';
import { writeRemembered } from '../../platform/store/remembered-write.ts';
import type { Store } from '../../platform/store/store.ts';
import { OAuthError } from '../../protocol/oauth-error.ts';
import type { RefusalReason } from '../../protocol/refusal-reason.ts';
import type { ProofNonces } from '../../services/dpop/nonces.ts';
import { createProofCheck, type ProofProblem, proofWindowSeconds } from '../../services/dpop/proof.ts';

/** The thumbprint of the key that the sender of a token request has proven; undefined when it did not try to. */
export type ProveKey = (request: Request) => Promise<string | undefined>;

export interface KeyProofDeps {
  /** The URL of the token endpoint, by configuration: what a proof has to name. */
  readonly tokenUri: string;
  readonly clock: Clock;
  readonly store: Pick<Store, 'putIfAbsent' | 'rememberedSince'>;
  /** What proofs have to name. Absent: nothing. */
  readonly nonces?: ProofNonces | undefined;
}

/**
 * Judges the proof of a token request and uses it up: none counts twice, whatever the replica. The mark in the store is
 * the last step, so that only a proof that is right in every respect writes one.
 * @throws OAuthError `invalid_dpop_proof` (`dpop_proof_invalid`, `dpop_proof_stale`, `dpop_proof_replayed`),
 * `use_dpop_nonce` (`dpop_nonce_needed`), `temporarily_unavailable` (`dpop_proof_forgotten`); rejects with `StoreError`
 * @see RFC 9449 §5 and §8
 */
export function createKeyProof({ tokenUri, clock, store, nonces }: KeyProofDeps): ProveKey {
  const checkProof = createProofCheck();
  const needed = nonces && { isNonceGood: (nonce: unknown) => nonces.judge(nonce) !== 'bad' };
  return async (request) => {
    const proof = request.headers.get('dpop');
    if (proof === null) return undefined;
    const proven = { method: request.method, uri: tokenUri, ...needed };
    const verdict = checkProof(proof, proven, clock.nowSeconds());
    if (verdict.outcome === 'refused' && verdict.problem === 'nonce') throw askForNonce(nonces);
    if (verdict.outcome === 'refused') throw refuseProof(...problems[verdict.problem]);
    const { id, issuedAt, keyThumbprint } = verdict;
    const write = await writeRemembered(store, () =>
      store.putIfAbsent(`dpop-proof:${id}`, 'used', Math.ceil(issuedAt) + proofWindowSeconds + 1),
    );
    if (!write.written) throw refuseProof('dpop_proof_replayed', 'The DPoP proof has been used before');
    // It may have been used before, and the mark forgotten since.
    if (issuedAt <= write.rememberedSince) throw forgotten();
    return keyThumbprint;
  };
}

const invalid: readonly [RefusalReason, string] = ['dpop_proof_invalid', 'The DPoP proof is not valid'];

const problems: Readonly<Record<ProofProblem, readonly [RefusalReason, string]>> = {
  malformed: invalid,
  signature: invalid,
  // Neither is looked at here.
  token: invalid,
  key: invalid,
  // Answered with another one.
  nonce: invalid,
  request: ['dpop_proof_invalid', 'The DPoP proof is for another method or URI'],
  stale: [
    'dpop_proof_stale',
    `The time of the DPoP proof is more than ${proofWindowSeconds} seconds from ours`,
  ],
};

export function refuseProof(reason: RefusalReason, description: string): OAuthError {
  return new OAuthError('invalid_dpop_proof', description, { reason });
}

function askForNonce(nonces: ProofNonces | undefined): OAuthError {
  return new OAuthError('use_dpop_nonce', 'The DPoP proof has to name the nonce of DPoP-Nonce', {
    reason: 'dpop_nonce_needed',
    ...(nonces === undefined ? {} : { headers: { 'dpop-nonce': nonces.current() } }),
  });
}

function forgotten(): OAuthError {
  return new OAuthError('temporarily_unavailable', 'There was a disturbance here; sign a new proof', {
    reason: 'dpop_proof_forgotten',
    retryAfterSeconds: 1,
  });
}
