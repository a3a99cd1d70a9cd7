import type { Clock } from '../../../platform/clock.ts';
import { OAuthError } from '../../../protocol/oauth-error.ts';
import type { IssuerKeys } from '../assertions/issuer-keys.ts';
import { isSignedByIssuer } from '../assertions/issuer-signature.ts';
import { judgeForeignClaims } from './foreign-claims.ts';
import { isTypeAccepted, parseSignedToken } from './signed-token.ts';
import {
  invalidToken,
  type JwtAuthority,
  type ParseJson,
  refuseToken,
  type VerifyForeignToken,
} from './token-authority.ts';

export interface JwtTokensDeps {
  readonly keys: IssuerKeys;
  readonly parseJson: ParseJson;
  readonly clock: Clock;
}

/**
 * Verifies JWTs of an issuer with the keys that it publishes. In this order: form, algorithm, type, issuer, signature,
 * claims; so keys are asked for only where the token is of this issuer by its own word.
 * @see RFC 9068 §4, RFC 8725
 */
export function createJwtTokens(authority: JwtAuthority, deps: JwtTokensDeps): VerifyForeignToken {
  const { issuer, algorithms, tokenType } = authority;
  return async (token) => {
    const parsed = parseSignedToken(token, deps.parseJson);
    if (parsed === undefined || !algorithms.includes(parsed.algorithm)) return invalidToken;
    if (!isTypeAccepted(parsed.type, tokenType)) return refuseToken('token_type_refused');
    if (parsed.claims['iss'] !== issuer) return refuseToken('token_issuer_foreign');
    try {
      if (!(await isSignedByIssuer(token, parsed, authority, deps.keys))) return invalidToken;
    } catch (error) {
      if (error instanceof OAuthError) return { outcome: 'unavailable' };
      throw error;
    }
    return judgeForeignClaims(parsed.claims, authority, { now: deps.clock.nowSeconds() });
  };
}
