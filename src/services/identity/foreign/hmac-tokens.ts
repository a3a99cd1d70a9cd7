import { createHmac, timingSafeEqual } from 'node:crypto';

import type { Clock } from '../../../platform/clock.ts';
import { judgeForeignClaims } from './foreign-claims.ts';
import { isTypeAccepted, parseSignedToken } from './signed-token.ts';
import {
  type ForeignVerdict,
  type HmacAlgorithm,
  type HmacAuthority,
  invalidToken,
  type ParseJson,
  refuseToken,
  type VerifyForeignToken,
} from './token-authority.ts';

export interface HmacTokensDeps {
  readonly parseJson: ParseJson;
  readonly clock: Clock;
}

const digests: Readonly<Record<HmacAlgorithm, string>> = {
  HS256: 'sha256',
  HS384: 'sha384',
  HS512: 'sha512',
};

/**
 * Verifies JWTs with secrets that we share with their issuer. The algorithm is the configuration's; a token of another
 * is none of the issuer's, also one that is good at an issuer with public keys.   @see RFC 7518 §3.2, RFC 8725 §3.1
 */
export function createHmacTokens(authority: HmacAuthority, deps: HmacTokensDeps): VerifyForeignToken {
  const { issuer, algorithm, secrets, tokenType } = authority;
  const digest = digests[algorithm];

  function isSigned(token: string): boolean {
    const end = token.lastIndexOf('.');
    const presented = Buffer.from(token.slice(end + 1), 'base64url');
    const signed = token.slice(0, end);
    const matches = secrets.map((secret) => {
      const expected = createHmac(digest, secret).update(signed).digest();
      return expected.length === presented.length && timingSafeEqual(expected, presented);
    });
    return matches.includes(true);
  }

  function verify(token: string): ForeignVerdict {
    const parsed = parseSignedToken(token, deps.parseJson);
    if (parsed === undefined || parsed.algorithm !== algorithm) return invalidToken;
    if (!isTypeAccepted(parsed.type, tokenType)) return refuseToken('token_type_refused');
    if (parsed.claims['iss'] !== issuer) return refuseToken('token_issuer_foreign');
    if (!isSigned(token)) return invalidToken;
    return judgeForeignClaims(parsed.claims, authority, { now: deps.clock.nowSeconds() });
  }

  return (token) => Promise.resolve(verify(token));
}
