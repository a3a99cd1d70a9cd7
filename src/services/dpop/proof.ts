/**
 * DPoP proofs: a client shows with each request that it has the private key which its tokens are bound to.
 *
 * Owns what makes one proof good for one request. That it counts once is the reader's to see to, who gets its id: the
 * token endpoint has the store for it, a mount the memory of its process (`replay-memory.ts`). What a token is bound to is
 * in its terms (`services/tokens`).
 * Synchronous, so that admission is: `node:crypto` verifies on the spot. All that is cheap comes first; a signature is
 * looked at only when everything else is right, and the key is the one that is expected, if one is.
 * @see RFC 9449 §4.2 and §4.3
 */
import { constants, createHash, type KeyObject, verify } from 'node:crypto';

import type { EpochSeconds } from '../../platform/clock.ts';
import { createProofKeys, type ProofAlgorithm, proofAlgorithms, type ProofKey } from './proof-key.ts';

/** The request that a proof came with, as the public sees it. */
export interface ProvenRequest {
  readonly method: string;
  /** Scheme, host, port and path as configured and asked for; never out of the `Host` header. */
  readonly uri: string;
  /** The access token beside it. Absent: there is none. */
  readonly accessToken?: string;
  /** Thumbprint of the key that it has to be. Absent: any. */
  readonly keyThumbprint?: string;
  /** Whether a nonce is one that proofs may name now. Absent: proofs need none. */
  readonly isNonceGood?: (nonce: unknown) => boolean;
}

export type ProofVerdict =
  | {
      readonly outcome: 'proven';
      readonly keyThumbprint: string;
      /** Of this proof, whatever its spelling: the same for no other of any key. */
      readonly id: string;
      readonly issuedAt: EpochSeconds;
    }
  | { readonly outcome: 'refused'; readonly problem: ProofProblem };

/**
 * `stale`: the clock of the client, or an old proof. `nonce`: none, or an old one. `key`: another key than the expected
 * one.
 */
export type ProofProblem = 'malformed' | 'request' | 'stale' | 'nonce' | 'token' | 'key' | 'signature';

/** How far the time of a proof may be from ours, either way: it is good for twice as long. */
export const proofWindowSeconds = 60;

/** With an RSA key of 4096 bits and a long target in it. */
const maxLength = 8192;
const maxIdLength = 256;
const compactForm = /^([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)$/;

/** @returns what judges a proof at the moment `now` */
export function createProofCheck(): (
  proof: string,
  request: ProvenRequest,
  now: EpochSeconds,
) => ProofVerdict {
  const readKey = createProofKeys();

  return (proof, request, now) => {
    const parts = splitProof(proof);
    if (parts === undefined) return refused('malformed');
    const { header, claims } = parts;
    const key = readKey(header['jwk']);
    const algorithm = key === undefined ? undefined : findAlgorithm(header, key);
    if (key === undefined || algorithm === undefined) return refused('malformed');
    const problem = findClaimProblem(claims, request, now);
    if (problem !== undefined) return refused(problem);
    if (request.keyThumbprint !== undefined && request.keyThumbprint !== key.thumbprint)
      return refused('key');
    const publicKey = key.open();
    if (publicKey === undefined) return refused('malformed');
    if (!isSigned(algorithm, parts, publicKey)) return refused('signature');
    const { jti, iat } = claims as { readonly jti: string; readonly iat: number };
    const id = createHash('sha256').update(`${key.thumbprint}\n${jti}`).digest('base64url');
    return { outcome: 'proven', keyThumbprint: key.thumbprint, id, issuedAt: iat };
  };
}

type Members = Readonly<Record<string, unknown>>;

interface ProofParts {
  readonly header: Members;
  readonly claims: Members;
  readonly signed: string;
  readonly signature: string;
}

function splitProof(proof: string): ProofParts | undefined {
  if (proof.length > maxLength) return undefined;
  // Two headers, joined by a comma on their way, are none: exactly one proof (RFC 9449 §4.3, 1).
  const [, header = '', payload = '', signature = ''] = compactForm.exec(proof) ?? [];
  const read = { header: readMembers(header), claims: readMembers(payload) };
  if (read.header === undefined || read.claims === undefined) return undefined;
  return { header: read.header, claims: read.claims, signed: `${header}.${payload}`, signature };
}

function readMembers(encoded: string): Members | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(encoded, 'base64url').toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Members)
      : undefined;
  } catch {
    return undefined;
  }
}

/** Never `none`, and nothing symmetric: what the key is decides what may be signed with it (RFC 8725 §3.1). */
function findAlgorithm({ typ, alg, crit }: Members, key: ProofKey): ProofAlgorithm | undefined {
  if (typ !== 'dpop+jwt' || crit !== undefined) return undefined;
  const algorithm = proofAlgorithms.find((name) => name === alg);
  return algorithm !== undefined && key.algorithms.includes(algorithm) ? algorithm : undefined;
}

function findClaimProblem(
  claims: Members,
  request: ProvenRequest,
  now: EpochSeconds,
): ProofProblem | undefined {
  const { jti, htm, htu, iat, ath, nonce } = claims;
  if (typeof jti !== 'string' || jti === '' || jti.length > maxIdLength) return 'malformed';
  if (htm !== request.method || !namesUri(htu, request.uri)) return 'request';
  if (typeof iat !== 'number' || !Number.isFinite(iat)) return 'malformed';
  // Before the time: it is the first that a client hears of, and brings it to another proof, made now.
  if (request.isNonceGood?.(nonce) === false) return 'nonce';
  if (Math.abs(now - iat) > proofWindowSeconds || isOver(claims, now)) return 'stale';
  if (request.accessToken !== undefined && ath !== hashToken(request.accessToken)) return 'token';
  return undefined;
}

/** RFC 7519 §4.1.4 and §4.1.5: no proof needs them, and they count where they are. */
function isOver({ exp, nbf }: Members, now: EpochSeconds): boolean {
  if (exp !== undefined && !(typeof exp === 'number' && exp > now - proofWindowSeconds)) return true;
  return nbf !== undefined && !(typeof nbf === 'number' && nbf <= now + proofWindowSeconds);
}

function hashToken(token: string): string {
  return createHash('sha256').update(token).digest('base64url');
}

const plainUri = /^https?:\/\/[\x21-\x5b\x5d-\x7e]+$/i;

/**
 * RFC 9449 §4.3, 9: without query and fragment, after the normalization of RFC 3986 §6.2.2 and §6.2.3: case of scheme and
 * host, a default port, dot segments. A slash at the end is another resource.
 */
function namesUri(htu: unknown, uri: string): boolean {
  if (htu === uri) return true;
  if (typeof htu !== 'string' || !plainUri.test(htu)) return false;
  const named = URL.parse(htu);
  if (named === null || named.username !== '' || named.password !== '') return false;
  return normalize(named) === normalize(new URL(uri));
}

function normalize({ origin, pathname }: URL): string {
  return origin + pathname.replaceAll(/%[0-9a-f]{2}/gi, (escape) => escape.toUpperCase());
}

const verifications: Readonly<
  Record<ProofAlgorithm, (signed: Buffer, key: KeyObject, signature: Buffer) => boolean>
> = {
  ES256: (signed, key, signature) => verify('sha256', signed, { key, dsaEncoding: 'ieee-p1363' }, signature),
  EdDSA: (signed, key, signature) => verify(null, signed, key, signature),
  Ed25519: (signed, key, signature) => verify(null, signed, key, signature),
  PS256: (signed, key, signature) =>
    verify(
      'sha256',
      signed,
      { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST },
      signature,
    ),
  RS256: (signed, key, signature) => verify('sha256', signed, key, signature),
};

function isSigned(algorithm: ProofAlgorithm, { signed, signature }: ProofParts, key: KeyObject): boolean {
  return verifications[algorithm](Buffer.from(signed), key, Buffer.from(signature, 'base64url'));
}

function refused(problem: ProofProblem): ProofVerdict {
  return { outcome: 'refused', problem };
}
