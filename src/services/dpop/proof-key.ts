import { createHash, createPublicKey, type KeyObject } from 'node:crypto';

/**
 * What a proof may be signed with: public keys alone. `EdDSA` and `Ed25519` are two names of one algorithm.
 * @see RFC 9449 §4.3, RFC 9864 §2.2
 */
export const proofAlgorithms = ['ES256', 'EdDSA', 'Ed25519', 'PS256', 'RS256'] as const;

export type ProofAlgorithm = (typeof proofAlgorithms)[number];

/** The public key in the header of a proof. Whether it belongs to anybody, only a signature tells. */
export interface ProofKey {
  /** RFC 7638, SHA-256, base64url: what tokens are bound to. */
  readonly thumbprint: string;
  readonly algorithms: readonly ProofAlgorithm[];
  /** Undefined for one that is no key, or too weak. */
  readonly open: () => KeyObject | undefined;
}

type PublicMembers = Readonly<Record<string, string>>;

interface KeyKind {
  readonly curve: string | undefined;
  /** What makes the key, in the order of its thumbprint. */
  readonly members: readonly string[];
  readonly algorithms: readonly ProofAlgorithm[];
}

const kinds: Readonly<Record<string, KeyKind>> = {
  EC: { curve: 'P-256', members: ['crv', 'kty', 'x', 'y'], algorithms: ['ES256'] },
  OKP: { curve: 'Ed25519', members: ['crv', 'kty', 'x'], algorithms: ['EdDSA', 'Ed25519'] },
  RSA: { curve: undefined, members: ['e', 'kty', 'n'], algorithms: ['PS256', 'RS256'] },
};

/** RFC 9449 §4.3, 7: whoever sends one of these has given the key away. `k` is a symmetric one. */
const privateMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv'];

const memberText = /^[A-Za-z0-9_-]{1,700}$/;
/** RFC 8725 §3.5 below; above, one verification takes as long as a hundred of others. */
const rsaBits = { least: 2048, most: 4096 };
const maxOpened = 1_000;

/** Reads keys, and keeps those that it has opened: opening costs about half of what a verification does. */
export function createProofKeys(): (jwk: unknown) => ProofKey | undefined {
  const opened = new Map<string, KeyObject>();

  function open(thumbprint: string, members: PublicMembers): KeyObject | undefined {
    const known = opened.get(thumbprint);
    if (known !== undefined) return known;
    const key = importKey(members);
    if (key === undefined) return undefined;
    const [oldest] = opened.keys();
    if (opened.size >= maxOpened && oldest !== undefined) opened.delete(oldest);
    opened.set(thumbprint, key);
    return key;
  }

  return (jwk) => {
    if (typeof jwk !== 'object' || jwk === null || Array.isArray(jwk)) return undefined;
    const given = jwk as Readonly<Record<string, unknown>>;
    if (privateMembers.some((name) => Object.hasOwn(given, name))) return undefined;
    const kind = findKind(given);
    const members = kind === undefined ? undefined : pickMembers(given, kind.members);
    if (kind === undefined || members === undefined) return undefined;
    // RFC 7638 §3: these members alone, in this order, without spaces.
    const thumbprint = createHash('sha256').update(JSON.stringify(members)).digest('base64url');
    return { thumbprint, algorithms: kind.algorithms, open: () => open(thumbprint, members) };
  };
}

function findKind({ kty, crv }: Readonly<Record<string, unknown>>): KeyKind | undefined {
  const kind = typeof kty === 'string' && Object.hasOwn(kinds, kty) ? kinds[kty] : undefined;
  return kind?.curve === undefined || kind.curve === crv ? kind : undefined;
}

function pickMembers(
  given: Readonly<Record<string, unknown>>,
  names: readonly string[],
): PublicMembers | undefined {
  const members = names.map((name) => [name, given[name]] as const);
  const isWhole = members.every(([, value]) => typeof value === 'string' && memberText.test(value));
  return isWhole ? (Object.fromEntries(members) as PublicMembers) : undefined;
}

function importKey(members: PublicMembers): KeyObject | undefined {
  try {
    const key = createPublicKey({ key: { ...members }, format: 'jwk' });
    return isAcceptable(key) ? key : undefined;
  } catch {
    // No point of the curve, or no number.
    return undefined;
  }
}

function isAcceptable({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): boolean {
  if (asymmetricKeyType !== 'rsa') return true;
  const { modulusLength = 0, publicExponent = 0n } = asymmetricKeyDetails ?? {};
  const isOfSize = modulusLength >= rsaBits.least && modulusLength <= rsaBits.most;
  return isOfSize && publicExponent > 2n && publicExponent < 2n ** 32n && publicExponent % 2n === 1n;
}
