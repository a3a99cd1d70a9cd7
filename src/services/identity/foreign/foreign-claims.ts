import type { EpochSeconds } from '../../../platform/clock.ts';
import { OAuthError } from '../../../protocol/oauth-error.ts';
import { isScopeToken } from '../../../protocol/scope.ts';
import type { JsonObject } from '../../requests/strict-json.ts';
import { readAuthentication } from '../authentication.ts';
import { readClaims } from '../claims.ts';
import { findClaim } from '../groups-claim.ts';
import type { Identity } from '../identity-provider.ts';
import {
  type ForeignRefusal,
  type ForeignToken,
  type ForeignVerdict,
  refuseToken,
  type TokenAuthority,
} from './token-authority.ts';

type Rules = Pick<
  TokenAuthority,
  'issuer' | 'audiences' | 'clockSkewSeconds' | 'claims' | 'trustUnverifiedEmail'
>;

interface Moment {
  readonly now: EpochSeconds;
  /** What an issuer that is asked need not say: it was asked a moment ago. */
  readonly withoutExpiry?: 'accepted';
}

const maxClientIdLength = 2048;

/**
 * Judges claims whose origin is proven: a signature was good, or the issuer itself said them. In this order: times,
 * audience, binding to a key, and who it is.
 * @see RFC 9068 §4, RFC 8725 §3.8 to §3.10
 */
export function judgeForeignClaims(claims: JsonObject, rules: Rules, moment: Moment): ForeignVerdict {
  const times = readTimes(claims, rules.clockSkewSeconds, moment);
  if (typeof times === 'string') return { outcome: 'refused', reason: times };
  if (!isMeantFor(claims['aud'], rules.audiences)) return { outcome: 'refused', reason: 'resource_mismatch' };
  // Bound to a key of its client: whoever comes with it and without a proof may have found it (RFC 9449 §7.1).
  if (claims['cnf'] !== undefined) return refuseToken('token_bound');
  const identity = readIdentity(claims, rules);
  if (identity === undefined) return { outcome: 'refused', reason: 'token_claims_unusable' };
  const clientId = readClientId(claims, rules);
  const { sid } = claims;
  return {
    outcome: 'good',
    token: {
      identity,
      authentication: readAuthentication(claims),
      clientId,
      isOfClient: clientId === identity.subject,
      sessionId: typeof sid === 'string' && sid !== '' && sid.length <= 512 ? sid : undefined,
      scope: readScope(claims, rules),
      ...times,
    },
  };
}

type Times = Pick<ForeignToken, 'issuedAt' | 'expiresAt'>;

/** Without `iat` nobody could say whether it is from before a revocation. */
function readTimes(
  { exp, iat, nbf }: JsonObject,
  skew: number,
  { now, withoutExpiry }: Moment,
): Times | ForeignRefusal {
  const isEndless = exp === undefined && withoutExpiry === 'accepted';
  if (!isMoment(iat) || !(isEndless || isMoment(exp))) return 'token_claims_unusable';
  if (nbf !== undefined && !isMoment(nbf)) return 'token_claims_unusable';
  const expiresAt = isMoment(exp) ? Math.floor(exp) + skew : Number.MAX_SAFE_INTEGER;
  if (expiresAt <= now) return 'token_expired';
  if (iat > now + skew || (nbf ?? 0) > now + skew) return 'invalid_token';
  return { issuedAt: Math.floor(iat), expiresAt };
}

function isMoment(value: unknown): value is EpochSeconds {
  return typeof value === 'number' && value >= 0 && value < Number.MAX_SAFE_INTEGER / 2;
}

/** Exactly: no prefix, no other case, no trailing slash. Of a list that is no list of text nothing counts. */
function isMeantFor(aud: unknown, audiences: readonly string[]): boolean {
  const named: readonly unknown[] = Array.isArray(aud) ? aud : [aud];
  if (!named.every((each) => typeof each === 'string')) return false;
  return named.some((each) => audiences.includes(each));
}

/** Undefined: it names nobody, or in a way that cannot travel in headers. */
function readIdentity(claims: JsonObject, rules: Rules): Identity | undefined {
  const { subject, email, groups } = rules.claims;
  // What it says of `email` it says of no other claim.
  const verified = email === 'email' ? claims['email_verified'] : undefined;
  const isUnverified = verified === false || verified === 'false';
  const named = {
    ...claims,
    sub: findClaim(claims, subject),
    // Not the person's, perhaps: that is a reason to leave it out, not them.
    email: isUnverified ? undefined : findClaim(claims, email),
    email_verified: isUnverified ? undefined : verified,
  };
  try {
    const { issuer, trustUnverifiedEmail } = rules;
    const { identity, isGroupsShapeMismatch } = readClaims(named, {
      issuer,
      trustUnverifiedEmail,
      groupsClaim: groups,
    });
    return isGroupsShapeMismatch ? undefined : identity;
  } catch (error) {
    if (error instanceof OAuthError) return undefined;
    throw error;
  }
}

function readClientId(claims: JsonObject, rules: Rules): string | undefined {
  const value = findFirst(claims, rules.claims.client);
  if (typeof value !== 'string' || value === '' || value.length > maxClientIdLength) return undefined;
  return value;
}

/** Separated by blanks (RFC 8693 §4.2), or a list, as some providers have it. */
function readScope(claims: JsonObject, rules: Rules): readonly string[] {
  const value = findFirst(claims, rules.claims.scope);
  const names: readonly unknown[] = typeof value === 'string' ? value.split(' ') : asList(value);
  const scopes = names.filter((name): name is string => typeof name === 'string' && isScopeToken(name));
  return [...new Set(scopes)];
}

function findFirst(claims: JsonObject, names: readonly string[]): unknown {
  return names.map((name) => findClaim(claims, name)).find((value) => value !== undefined);
}

function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
