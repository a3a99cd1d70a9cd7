import { createHash } from 'node:crypto';

import { ProviderFailure } from './provider-failure.ts';

export interface IssuedTokens {
  readonly accessToken: string;
  /** Verified already: its header is believed. */
  readonly idToken: string;
  /** The claim of the ID token. Undefined: it names no access token. */
  readonly hash: unknown;
}

/**
 * An access token that is not the one its ID token names was put in its place.
 * @throws ProviderFailure `access_token_mismatch`   @see OpenID Connect Core §3.1.3.6 and §3.1.3.8
 */
export function checkAccessTokenHash({ accessToken, idToken, hash }: IssuedTokens): void {
  if (hash === undefined) return;
  const digest = createHash(hashOf(idToken)).update(accessToken).digest();
  const expected = digest.subarray(0, digest.length / 2).toString('base64url');
  if (hash !== expected) throw new ProviderFailure('access_token_mismatch');
}

/** "the hash algorithm used in the alg Header Parameter"; that of Ed25519 is SHA-512 (RFC 8032 §5.1). */
function hashOf(idToken: string): 'sha256' | 'sha384' | 'sha512' {
  const header: unknown = JSON.parse(Buffer.from(idToken.split('.')[0] ?? '', 'base64url').toString());
  const algorithm =
    typeof header === 'object' && header !== null && 'alg' in header ? String(header.alg) : '';
  if (algorithm.startsWith('Ed') || algorithm.endsWith('512')) return 'sha512';
  return algorithm.endsWith('384') ? 'sha384' : 'sha256';
}
