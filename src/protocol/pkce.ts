import { createHash, timingSafeEqual } from 'node:crypto';

import { OAuthError } from './oauth-error.ts';

/** An S256 code challenge: 43 characters of base64url, as RFC 7636 §4.2 makes it from any verifier. */
export type CodeChallenge = string & { readonly __brand: 'CodeChallenge' };

const challengeSyntax = /^[A-Za-z0-9_-]{43}$/;
const verifierSyntax = /^[A-Za-z0-9._~-]{43,128}$/;

/**
 * Reads the PKCE part of an authorization request. S256 is the only method: `plain` would let whoever sees the
 * request redeem the code.
 * @throws OAuthError `invalid_request`, reason `pkce_missing` or `pkce_malformed`   @see RFC 7636 §4.3, OAuth 2.1 §7.5.2
 */
export function parseCodeChallenge(challenge: string | undefined, method: string | undefined): CodeChallenge {
  if (challenge === undefined || challenge === '') {
    throw new OAuthError('invalid_request', 'code_challenge is required (PKCE, method S256)', {
      reason: 'pkce_missing',
    });
  }
  if (method !== 'S256') {
    throw new OAuthError('invalid_request', 'code_challenge_method must be S256', {
      reason: 'pkce_malformed',
    });
  }
  if (!challengeSyntax.test(challenge)) {
    throw new OAuthError('invalid_request', 'code_challenge must be 43 base64url characters', {
      reason: 'pkce_malformed',
    });
  }
  return challenge as CodeChallenge;
}

/**
 * Checks the form of a code verifier, before anything is opened or looked up.
 * @throws OAuthError `invalid_request`, reason `pkce_missing` or `pkce_malformed`   @see RFC 7636 §4.1
 */
export function parseCodeVerifier(verifier: string | undefined): string {
  if (verifier === undefined || verifier === '') {
    throw new OAuthError('invalid_request', 'code_verifier is required', { reason: 'pkce_missing' });
  }
  if (!verifierSyntax.test(verifier)) {
    throw new OAuthError('invalid_request', 'code_verifier must be 43 to 128 unreserved characters', {
      reason: 'pkce_malformed',
    });
  }
  return verifier;
}

/**
 * Compares a code verifier with its challenge, in constant time.
 * @throws OAuthError `invalid_grant`, reason `pkce_mismatch`   @see RFC 7636 §4.6
 */
export function checkCodeVerifier(verifier: string, challenge: CodeChallenge): void {
  const computed = Buffer.from(computeCodeChallenge(verifier));
  const expected = Buffer.from(challenge);
  if (computed.length !== expected.length || !timingSafeEqual(computed, expected)) {
    throw new OAuthError('invalid_grant', 'The authorization code is not valid', { reason: 'pkce_mismatch' });
  }
}

/** The S256 transformation: base64url(SHA-256(verifier)).   @see RFC 7636 §4.2 */
export function computeCodeChallenge(verifier: string): CodeChallenge {
  return createHash('sha256').update(verifier, 'ascii').digest('base64url') as CodeChallenge;
}
