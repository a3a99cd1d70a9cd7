import { createHash } from 'node:crypto';

import { decodeJwt, decodeProtectedHeader, type JWTPayload } from 'jose';

import type { Clock, EpochSeconds } from '../../../platform/clock.ts';
import { writeRemembered } from '../../../platform/store/remembered-write.ts';
import type { Store } from '../../../platform/store/store.ts';
import { OAuthError } from '../../../protocol/oauth-error.ts';
import type { RefusalReason } from '../../../protocol/refusal-reason.ts';
import { checkRequiredClaims, readClaims } from '../claims.ts';
import type { Identity } from '../identity-provider.ts';
import { addInheritedGroups } from '../inherited-groups.ts';
import type { IssuerKeys } from './issuer-keys.ts';
import { isSignedByIssuer, type SignatureHeader } from './issuer-signature.ts';
import type { TrustedIssuer } from './trusted-issuer.ts';

/** What a trusted issuer says of a person, checked but for its single use. */
export interface IdentityAssertion {
  readonly issuer: TrustedIssuer;
  readonly identity: Identity;
  /** The one resource it is about. Undefined: not said. */
  readonly resource: string | undefined;
  /** The scopes it allows at most. Undefined: not said. */
  readonly scope: string | undefined;
  readonly issuedAt: EpochSeconds;
  /** True once for each assertion, whatever the replica. */
  claimOnce(): Promise<boolean>;
}

export interface IdentityAssertionDeps {
  /** This server, as an assertion has to name it. */
  readonly audience: string;
  /** Those of the moment. */
  readonly issuers: () => readonly TrustedIssuer[];
  readonly keys: IssuerKeys;
  /** What the rules of this moment ask for: of inherited groups there are no others. */
  readonly groupsOfRules: () => ReadonlySet<string>;
  readonly store: Pick<Store, 'putIfAbsent' | 'rememberedSince'>;
  readonly clock: Clock;
}

/** Seconds between `iat` and `exp`. It is exchanged at once; a longer one would be a credential to keep. */
const maxLifetimeSeconds = 600;
/** How far the issuer's clock may be from ours. */
const skewSeconds = 30;
const maxLength = 16_384;
const maxIdLength = 512;
const algorithms: ReadonlySet<unknown> = new Set(['ES256', 'EdDSA', 'PS256', 'RS256']);

/**
 * Verifies an Identity Assertion JWT Authorization Grant (ID-JAG). In this order: type and algorithm, claims, signature,
 * person; so no key is fetched for what is not right in every other respect. Nothing is used up before `claimOnce`.
 * @param clientId the client that presents it, authenticated
 * @throws OAuthError `invalid_grant`, reasons `identity_assertion_…`; those of a login (`subject_missing`,
 * `email_unverified`, `group_invalid`, `groups_unresolved`, `claim_required`) as `invalid_grant`; `temporarily_unavailable`, reason `issuer_keys_unavailable`
 * @see MCP extension "Enterprise-Managed Authorization", draft-ietf-oauth-identity-assertion-authz-grant, RFC 7523 §3
 */
export async function verifyIdentityAssertion(
  assertion: string,
  clientId: string,
  deps: IdentityAssertionDeps,
): Promise<IdentityAssertion> {
  const header = readHeader(assertion);
  const claims = readPayload(assertion);
  const issuer = checkClaims(claims, clientId, deps);
  if (!(await isSignedByIssuer(assertion, header, issuer, deps.keys))) {
    throw refuse('identity_assertion_unsigned');
  }
  const { iat = 0, jti = '', exp = 0, resource, scope } = claims;
  return {
    issuer,
    identity: readIdentity(claims, issuer, deps),
    resource: readText(resource),
    scope: readText(scope),
    issuedAt: Math.floor(iat),
    claimOnce: () => claim(issuer.issuer, { jti, exp, iat }, deps.store),
  };
}

function readHeader(assertion: string): SignatureHeader {
  if (assertion.length > maxLength) throw refuse('identity_assertion_invalid');
  const { typ, alg, kid }: Readonly<Record<string, unknown>> = orRefuse(() =>
    decodeProtectedHeader(assertion),
  );
  // The one thing that tells it from an ID token or an access token of the same issuer (RFC 8725 §3.11).
  if (typeof typ !== 'string' || !/^(?:application\/)?oauth-id-jag\+jwt$/i.test(typ)) {
    throw refuse('identity_assertion_invalid');
  }
  if (typeof alg !== 'string' || !algorithms.has(alg)) throw refuse('identity_assertion_invalid');
  if (kid !== undefined && typeof kid !== 'string') throw refuse('identity_assertion_invalid');
  return { algorithm: alg, keyId: kid };
}

function readPayload(assertion: string): JWTPayload {
  return orRefuse(() => decodeJwt(assertion));
}

function checkClaims(claims: JWTPayload, clientId: string, deps: IdentityAssertionDeps): TrustedIssuer {
  const issuer = deps.issuers().find((known) => known.issuer === claims.iss);
  if (issuer === undefined) throw refuse('identity_assertion_issuer');
  // One audience: with another in it, that one could present it to us.
  const [audience, ...others] = [claims.aud].flat();
  if (audience !== deps.audience || others.length > 0) throw refuse('identity_assertion_audience');
  // What another client was given is worth nothing to who found it.
  if (claims['client_id'] !== clientId) throw refuse('identity_assertion_client');
  if (!issuer.clients.includes(clientId)) throw refuse('identity_assertion_client');
  checkTimes(claims, deps.clock.nowSeconds());
  const { jti } = claims;
  if (typeof jti !== 'string' || jti === '' || jti.length > maxIdLength) {
    throw refuse('identity_assertion_invalid');
  }
  return issuer;
}

function checkTimes({ exp, iat, nbf }: JWTPayload, now: EpochSeconds): void {
  if (!isMoment(exp) || !isMoment(iat)) throw refuse('identity_assertion_invalid');
  if (exp <= now - skewSeconds) throw refuse('identity_assertion_expired');
  if (iat > now + skewSeconds || exp - iat > maxLifetimeSeconds) throw refuse('identity_assertion_invalid');
  if (nbf !== undefined && (!isMoment(nbf) || nbf > now + skewSeconds)) {
    throw refuse('identity_assertion_invalid');
  }
}

function readIdentity(
  claims: JWTPayload,
  issuer: TrustedIssuer,
  { groupsOfRules }: Pick<IdentityAssertionDeps, 'groupsOfRules'>,
): Identity {
  try {
    checkRequiredClaims(claims, issuer.requiredClaims);
    const inherits = issuer.inheritsGroups === true;
    const whole = inherits ? addInheritedGroups(claims, issuer, groupsOfRules()) : claims;
    return readClaims(whole, issuer).identity;
  } catch (error) {
    if (!(error instanceof OAuthError)) throw error;
    throw refuse(error.reason, error);
  }
}

async function claim(
  issuer: string,
  { jti, exp, iat }: { readonly jti: string; readonly exp: EpochSeconds; readonly iat: EpochSeconds },
  store: IdentityAssertionDeps['store'],
): Promise<boolean> {
  const id = createHash('sha256')
    .update(JSON.stringify([issuer, jti]))
    .digest('base64url');
  const write = await writeRemembered(store, () =>
    store.putIfAbsent(`identity-assertion:${id}`, 'used', Math.ceil(exp) + skewSeconds + 1),
  );
  // What was made before the store may have lost its marks may have been used before.
  return write.written && iat > write.rememberedSince;
}

/** Undefined for what is not there; what is there and no text says something that nobody here understands. */
function readText(value: unknown): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value === 'string' && value !== '') return value;
  throw refuse('identity_assertion_invalid');
}

function isMoment(value: unknown): value is EpochSeconds {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}

function orRefuse<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw refuse('identity_assertion_invalid', error);
  }
}

/** One text for every assertion that is not good: only our log tells them apart. */
function refuse(reason: RefusalReason, cause?: unknown): OAuthError {
  return new OAuthError('invalid_grant', 'The identity assertion is not valid', {
    reason,
    cause: cause instanceof OAuthError ? undefined : cause,
  });
}
