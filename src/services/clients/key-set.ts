import { createPublicKey, type KeyObject } from 'node:crypto';

import { type AssertionAlgorithm, assertionAlgorithms, type ClientKey } from './client.ts';

export type KeySetReading =
  | { readonly outcome: 'read'; readonly keys: readonly ClientKey[] }
  /** `problem` goes after "The key set", safe for strangers. */
  | { readonly outcome: 'refused'; readonly problem: string };

/** Of a JWK: what only its owner may have, or both ends share. */
const privateMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv'];

/** A client has one key, or two while it changes it. This bounds what one assertion costs. */
const maxKeys = 16;
const rsaBits = { min: 2048, max: 8192 };
/** The exponent everybody uses, up to the largest that costs little. */
const rsaExponent = { min: 65_537n, max: 0xffff_ffffn };

/**
 * Reads the public keys of a client. Keys that no assertion may be signed with here are left out, as a set may serve
 * other purposes, too; a private one refuses the whole, since whoever read the set has it.
 * @see RFC 7517 §5, RFC 8725 §3.5
 */
export function parseKeySet(value: unknown): KeySetReading {
  const entries: unknown = isObject(value) ? value['keys'] : undefined;
  if (!Array.isArray(entries)) return refuse('has no keys');
  if (entries.length > maxKeys) return refuse(`has more than ${maxKeys} keys`);
  if (hasPrivateKey(value)) return refuse('has a private key');
  const keys = (entries as readonly unknown[]).filter(isObject).flatMap((jwk) => parseKey(jwk) ?? []);
  return keys.length === 0 ? refuse('has no key that is accepted here') : { outcome: 'read', keys };
}

/** Whether a JWK set, or what is in its place, has what only the owner of a key may have. */
export function hasPrivateKey(value: unknown): boolean {
  const entries: unknown = isObject(value) ? value['keys'] : undefined;
  if (!Array.isArray(entries)) return false;
  const jwks = (entries as readonly unknown[]).filter(isObject);
  return jwks.some((jwk) => privateMembers.some((member) => jwk[member] !== undefined));
}

export function isAssertionAlgorithm(value: unknown): value is AssertionAlgorithm {
  return (assertionAlgorithms as readonly unknown[]).includes(value);
}

function parseKey(jwk: Readonly<Record<string, unknown>>): ClientKey | undefined {
  const { use, key_ops: operations, alg, kid: id } = jwk;
  if (use !== undefined && use !== 'sig') return undefined;
  if (operations !== undefined && !(Array.isArray(operations) && operations.includes('verify')))
    return undefined;
  if (id !== undefined && typeof id !== 'string') return undefined;
  const key = importKey(jwk);
  if (key === undefined) return undefined;
  const algorithms = algorithmsOf(key).filter((algorithm) => alg === undefined || alg === algorithm);
  return algorithms.length === 0 ? undefined : { id, algorithms, key };
}

function importKey(jwk: Readonly<Record<string, unknown>>): KeyObject | undefined {
  try {
    return createPublicKey({ key: { ...jwk }, format: 'jwk' });
  } catch {
    // Of a kind that this Node does not know, or no key at all.
    return undefined;
  }
}

/** The algorithm follows from the key, never from what a token says: RFC 8725 §3.1. */
function algorithmsOf(key: KeyObject): readonly AssertionAlgorithm[] {
  const { namedCurve, modulusLength = 0, publicExponent = 0n } = key.asymmetricKeyDetails ?? {};
  switch (key.asymmetricKeyType) {
    case 'ec':
      return namedCurve === 'prime256v1' ? ['ES256'] : [];
    case 'ed25519':
      return ['EdDSA'];
    case 'rsa': {
      const isStrong = modulusLength >= rsaBits.min && publicExponent >= rsaExponent.min;
      const isCheap = modulusLength <= rsaBits.max && publicExponent <= rsaExponent.max;
      return isStrong && isCheap ? ['PS256', 'RS256'] : [];
    }
    default:
      return [];
  }
}

function refuse(problem: string): KeySetReading {
  return { outcome: 'refused', problem };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
