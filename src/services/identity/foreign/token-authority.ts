import type { EpochSeconds } from '../../../platform/clock.ts';
import type { RefusalReason } from '../../../protocol/refusal-reason.ts';
import type { JsonReading } from '../../requests/strict-json.ts';
import type { Authentication, Identity } from '../identity-provider.ts';

/** Whose tokens a resource takes in place of ours, and how one is known to be good: one way alone. */
export type TokenAuthority = JwtAuthority | HmacAuthority | IntrospectionAuthority;

interface Authority {
  /** Byte for byte the `iss` of its tokens; with the subject it is the person. */
  readonly issuer: string;
  /** One of them has to be in `aud`. */
  readonly audiences: readonly string[];
  /** How far its clock may be from ours. */
  readonly clockSkewSeconds: number;
  readonly claims: ClaimNames;
  /** Keep an e-mail address although nobody says whether it is verified. */
  readonly trustUnverifiedEmail: boolean;
}

/** The claims that say who calls; one that begins with a slash is a JSON pointer. */
export interface ClaimNames {
  readonly subject: string;
  readonly email: string;
  readonly groups: string;
  /** The first that is there counts. */
  readonly scope: readonly string[];
  readonly client: readonly string[];
}

/** `at+jwt`: nothing but access tokens (RFC 9068 §2.1). `any`: also what does not say what it is. */
export type TokenTypeRule = 'at+jwt' | 'any';

/** JWTs that are signed with a key which the issuer publishes. */
export interface JwtAuthority extends Authority {
  readonly kind: 'jwt';
  /** Undefined: where its OpenID configuration says. */
  readonly jwksUri: string | undefined;
  readonly algorithms: readonly string[];
  readonly tokenType: TokenTypeRule;
}

/** JWTs that are signed with a secret which we share with the issuer. */
export interface HmacAuthority extends Authority {
  readonly kind: 'hmac';
  readonly algorithm: HmacAlgorithm;
  /** Two while one takes the place of the other. */
  readonly secrets: readonly string[];
  readonly tokenType: TokenTypeRule;
}

/** Tokens of any form that the issuer is asked about.   @see RFC 7662 */
export interface IntrospectionAuthority extends Authority {
  readonly kind: 'introspection';
  readonly endpoint: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** How long an answer counts. */
  readonly cacheSeconds: number;
}

export type HmacAlgorithm = 'HS256' | 'HS384' | 'HS512';

/** What a token of somebody else says, once it is known to be good. */
export interface ForeignToken {
  readonly identity: Identity;
  /** How the person logged in at the issuer, as far as it says.   @see RFC 9470 §6 */
  readonly authentication: Authentication;
  /** The client acts for itself: the subject is its id. */
  readonly isOfClient: boolean;
  /** Undefined: not said. */
  readonly clientId: string | undefined;
  /** The issuer's session that it was issued in. */
  readonly sessionId: string | undefined;
  readonly scope: readonly string[];
  readonly issuedAt: EpochSeconds;
  readonly expiresAt: EpochSeconds;
}

export type ForeignVerdict =
  /** `freshUntil`: when it has to be asked about again; undefined: not before it is over. */
  | {
      readonly outcome: 'good';
      readonly token: ForeignToken;
      readonly freshUntil?: EpochSeconds;
    }
  | { readonly outcome: 'refused'; readonly reason: ForeignRefusal }
  /** Nobody can say now. */
  | { readonly outcome: 'unavailable' };

export type ForeignRefusal = Extract<
  RefusalReason,
  | 'invalid_token'
  | 'token_type_refused'
  | 'token_issuer_foreign'
  | 'token_bound'
  | 'token_expired'
  | 'resource_mismatch'
  | 'token_claims_unusable'
>;

/** Judges one token. Never rejects, and says nothing of revocations that were made here. */
export type VerifyForeignToken = (token: string) => Promise<ForeignVerdict>;

export type ParseJson = (text: string) => JsonReading;

export const invalidToken = refuseToken('invalid_token');

export function refuseToken(reason: ForeignRefusal): ForeignVerdict {
  return { outcome: 'refused', reason };
}
