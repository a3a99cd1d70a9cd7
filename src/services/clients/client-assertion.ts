import { createHash } from 'node:crypto';

import { compactVerify, decodeJwt, decodeProtectedHeader, type JWTPayload } from 'jose';

import type { Clock, EpochSeconds } from '../../platform/clock.ts';
import { writeRemembered } from '../../platform/store/remembered-write.ts';
import type { Store } from '../../platform/store/store.ts';
import { OAuthError } from '../../protocol/oauth-error.ts';
import type { RefusalReason } from '../../protocol/refusal-reason.ts';
import type { AssertionAlgorithm, Client, ClientAuthentication, ClientKey } from './client.ts';
import { isAssertionAlgorithm } from './key-set.ts';
import type { PublishedKeys } from './published-keys.ts';

/** What an assertion came to. */
export type AssertionVerdict =
  { readonly outcome: 'proven' } | { readonly outcome: 'refused'; readonly reason: RefusalReason };

export interface ClientAssertionDeps {
  readonly clock: Clock;
  readonly store: Pick<Store, 'putIfAbsent' | 'rememberedSince'>;
  readonly publishedKeys: PublishedKeys;
  /**
   * Who an assertion may be meant for: the issuer, as RFC 7523bis has it, and the token endpoint, as RFC 7523 had it
   * and older clients do. Nobody else's, and one at a time.
   */
  readonly audiences: readonly string[];
}

type KeyAuthentication = Extract<ClientAuthentication, { readonly method: 'private_key_jwt' }>;

/** Seconds that an assertion may be good for. Longer ones would be passwords. */
const maxLifetimeSeconds = 300;
/** How far the client's clock may be from ours. */
const skewSeconds = 30;
const maxLength = 8192;
const maxIdLength = 256;
/** RFC 7523bis names its type; a token that says it is for something else is not for this. */
const types = ['jwt', 'client-authentication+jwt'];

/**
 * Judges the assertion with which a client proves that it has its private key, and uses it up: none counts twice,
 * whatever the replica. In this order: the header, the claims, the signature, the single use; so nothing is fetched for
 * a token that is not right in every other respect, and nobody but the client spends what it has signed.
 * @throws OAuthError `temporarily_unavailable`, when its keys cannot be read, or the store may have forgotten that it was
 * used; StoreError
 * @see RFC 7523 §3, draft-ietf-oauth-rfc7523bis, RFC 8725, OpenID Connect Core §9
 */
export async function judgeAssertion(
  assertion: string,
  client: Client,
  authentication: KeyAuthentication,
  deps: ClientAssertionDeps,
): Promise<AssertionVerdict> {
  const header = readHeader(assertion, authentication);
  if (header === undefined) return refused('client_assertion_invalid');
  const claims = readClaims(assertion);
  const problem = findClaimProblem(claims, client.clientId, deps);
  if (problem !== undefined) return refused(problem);
  if (!(await isSigned(assertion, header, authentication, deps)))
    return refused('client_authentication_failed');
  return (await claim(claims, client, deps)) ? { outcome: 'proven' } : refused('client_assertion_replay');
}

/** Whose assertion it says it is. Proven by nothing: it only tells whose keys to try. */
export function findAssertedClient(assertion: string): string | undefined {
  const { iss, sub } = readClaims(assertion);
  return typeof sub === 'string' && sub === iss ? sub : undefined;
}

interface AssertionHeader {
  readonly algorithm: AssertionAlgorithm;
  readonly keyId: string | undefined;
}

function readHeader(assertion: string, { algorithm }: KeyAuthentication): AssertionHeader | undefined {
  if (assertion.length > maxLength) return undefined;
  try {
    const { alg, kid, typ }: Readonly<Record<string, unknown>> = decodeProtectedHeader(assertion);
    if (!isAssertionAlgorithm(alg) || (algorithm !== undefined && algorithm !== alg)) return undefined;
    if (kid !== undefined && typeof kid !== 'string') return undefined;
    if (typ !== undefined && !isType(typ)) return undefined;
    return { algorithm: alg, keyId: kid };
  } catch {
    return undefined;
  }
}

function isType(value: unknown): boolean {
  return typeof value === 'string' && types.includes(value.toLowerCase());
}

/** Empty when it is no JWT: then nothing that is required is there. */
function readClaims(assertion: string): JWTPayload {
  try {
    return assertion.length > maxLength ? {} : decodeJwt(assertion);
  } catch {
    return {};
  }
}

function findClaimProblem(
  claims: JWTPayload,
  clientId: string,
  { clock, audiences }: ClientAssertionDeps,
): RefusalReason | undefined {
  const { iss, sub, aud, exp, iat, nbf, jti } = claims;
  const now = clock.nowSeconds();
  if (iss !== clientId || sub !== clientId) return 'client_assertion_invalid';
  // One audience: of several, each could present it to the others.
  const [audience, ...others] = Array.isArray(aud) ? (aud as readonly unknown[]) : [aud];
  if (others.length > 0 || typeof audience !== 'string' || !audiences.includes(audience)) {
    return 'client_assertion_audience';
  }
  if (!isMoment(exp) || exp <= now - skewSeconds) return 'client_assertion_expired';
  if (exp > now + maxLifetimeSeconds + skewSeconds) return 'client_assertion_invalid';
  for (const begin of [iat, nbf]) {
    if (begin === undefined) continue;
    if (!isMoment(begin) || begin > now + skewSeconds) return 'client_assertion_invalid';
  }
  // Else one that was made for a year is good in its last minutes.
  if (iat !== undefined && exp - iat > maxLifetimeSeconds + skewSeconds) return 'client_assertion_invalid';
  if (typeof jti !== 'string' || jti === '' || jti.length > maxIdLength) return 'client_assertion_invalid';
  return undefined;
}

async function isSigned(
  assertion: string,
  header: AssertionHeader,
  { keys }: KeyAuthentication,
  { publishedKeys }: ClientAssertionDeps,
): Promise<boolean> {
  if (keys.kind === 'known') return verifyWith(assertion, header, keys.keys);
  const present = await publishedKeys.find(keys.url);
  if (await verifyWith(assertion, header, present)) return true;
  // The client may have changed its key. One that names a key we know has not.
  if (present.some(({ id }) => id !== undefined && id === header.keyId)) return false;
  const renewed = await publishedKeys.renew(keys.url);
  return renewed !== present && (await verifyWith(assertion, header, renewed));
}

async function verifyWith(
  assertion: string,
  { algorithm, keyId }: AssertionHeader,
  keys: readonly ClientKey[],
): Promise<boolean> {
  for (const { id, algorithms, key } of keys) {
    if (!algorithms.includes(algorithm) || (keyId !== undefined && keyId !== id)) continue;
    try {
      await compactVerify(assertion, key, { algorithms: [algorithm] });
      return true;
    } catch {
      // Signed with another key, or a header that asks for what nobody here knows (`crit`).
    }
  }
  return false;
}

/** True once for each assertion. The mark stays as long as it could be presented again. */
async function claim(claims: JWTPayload, client: Client, { store }: ClientAssertionDeps): Promise<boolean> {
  const { jti = '', exp = 0, iat = exp - maxLifetimeSeconds } = claims;
  const key = `client-assertion:${client.fingerprint}:${createHash('sha256').update(jti).digest('base64url')}`;
  const write = await writeRemembered(store, () =>
    store.putIfAbsent(key, 'used', Math.ceil(exp) + skewSeconds),
  );
  if (!write.written) return false;
  if (iat > write.rememberedSince) return true;
  throw new OAuthError('temporarily_unavailable', 'There was a disturbance here; sign a new assertion', {
    reason: 'client_assertion_forgotten',
    retryAfterSeconds: 1,
  });
}

function isMoment(value: unknown): value is EpochSeconds {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}

function refused(reason: RefusalReason): AssertionVerdict {
  return { outcome: 'refused', reason };
}
