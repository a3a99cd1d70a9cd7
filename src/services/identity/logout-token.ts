import type { createRemoteJWKSet, JWTPayload } from 'jose';

import type { Clock } from '../../platform/clock.ts';
import type { GuardedFetch } from '../../platform/outbound/guarded-fetch.ts';
import { OAuthError } from '../../protocol/oauth-error.ts';
import type { Logout } from './identity-provider.ts';
import type { DiscoveredProvider, OpenIdSettings } from './openid-settings.ts';
import { clockToleranceSeconds } from './provider-connection.ts';
import { ProviderFailure, summarizeFailure } from './provider-failure.ts';

export interface LogoutTokenDeps {
  readonly config: Pick<OpenIdSettings, 'issuer' | 'clientId'>;
  readonly fetch: GuardedFetch;
  readonly clock: Clock;
}

export type VerifyLogoutToken = (provider: DiscoveredProvider, token: string) => Promise<Logout>;

const logoutEvent = 'http://schemas.openid.net/event/backchannel-logout';
/** Providers send a logout at once; what is older was kept by somebody. */
const maxAgeSeconds = 600;
const maxTokenIdLength = 512;
/** A stranger can name keys that nobody has: this seldom are the provider's fetched again for that. */
const refetchSeconds = 10;

/** The reasons of jose that are about the token. Any other means that the provider's keys cannot be had. */
const tokenFaults = /^ERR_(JWT|JWS|JOSE_ALG|JOSE_NOT_SUPPORTED|JWKS_NO_MATCHING|JWKS_MULTIPLE)/;

/**
 * Verifies logout tokens with the provider's published keys, which are fetched again for an unknown one every ten
 * seconds at most.
 * @throws OAuthError `invalid_request`, reason `logout_token_invalid`; `temporarily_unavailable`, reason
 * `idp_unavailable`, when the keys cannot be had, or may be out of date   @see OpenID Connect Back-Channel Logout §2.6
 */
export function createLogoutTokenVerification(deps: LogoutTokenDeps): VerifyLogoutToken {
  let keys: { readonly uri: string; readonly find: ReturnType<typeof createRemoteJWKSet> } | undefined;

  return async ({ metadata }, token) => {
    const jose = await import('jose');
    const uri = metadata.jwks_uri ?? '';
    if (keys?.uri !== uri) {
      const cooldownDuration = refetchSeconds * 1000;
      const options = { [jose.customFetch]: deps.fetch, timeoutDuration: 5_000, cooldownDuration };
      keys = { uri, find: jose.createRemoteJWKSet(new URL(uri), options) };
    }
    // Before asking: afterwards the keys are fresh in any case.
    const mayBeOutdated = keys.find.coolingDown;
    // The list that discovery has narrowed: never `none`, nothing symmetric.
    const algorithms = metadata.id_token_signing_alg_values_supported ?? [];
    try {
      const { payload, protectedHeader } = await jose.jwtVerify(token, keys.find, {
        algorithms: [...algorithms],
        issuer: metadata.issuer,
        audience: deps.config.clientId,
        requiredClaims: ['iat'],
        maxTokenAge: maxAgeSeconds,
        clockTolerance: clockToleranceSeconds,
        currentDate: new Date(deps.clock.nowMilliseconds()),
      });
      return readLogout(payload, protectedHeader.typ, deps.config);
    } catch (error) {
      // Signed with a key of the last seconds, perhaps: whoever is told 400 does not send the logout again.
      if (mayBeOutdated && codeOf(error) === 'ERR_JWKS_NO_MATCHING_KEY') {
        throw notNow(new ProviderFailure('key_unknown'), refetchSeconds);
      }
      throw refuse(error);
    }
  };
}

/** What makes it a logout, and no ID token that somebody found. */
function readLogout(payload: JWTPayload, typ: string | undefined, config: LogoutTokenDeps['config']): Logout {
  const { aud, events, sub: subject, sid: sessionId, jti, iat = 0 } = payload;
  const isTyped = typ === undefined || /^(?:application\/)?(?:logout\+jwt|jwt)$/i.test(typ);
  if (!isTyped) throw new ProviderFailure('token_type');
  // Meant for us alone: with another audience in it, that one could present it too.
  if ([aud].flat().length !== 1) throw new ProviderFailure('audience');
  if (!isLogoutEvent(events)) throw new ProviderFailure('no_logout_event');
  // "A nonce Claim MUST NOT be present": it is what ID tokens have.
  if (Object.hasOwn(payload, 'nonce')) throw new ProviderFailure('nonce_present');
  if (!isTextOrAbsent(subject) || !isTextOrAbsent(sessionId)) throw new ProviderFailure('claim_mismatch');
  if (subject === undefined && sessionId === undefined) throw new ProviderFailure('nobody_named');
  if (!isTextOrAbsent(jti) || jti === undefined || jti.length > maxTokenIdLength) {
    throw new ProviderFailure('token_id');
  }
  const acceptableUntil = iat + maxAgeSeconds + clockToleranceSeconds;
  return { issuer: config.issuer, subject, sessionId, tokenId: jti, issuedAt: iat, acceptableUntil };
}

function isLogoutEvent(events: unknown): boolean {
  if (typeof events !== 'object' || events === null || !Object.hasOwn(events, logoutEvent)) return false;
  const event: unknown = Reflect.get(events, logoutEvent);
  return typeof event === 'object' && event !== null && !Array.isArray(event);
}

function isTextOrAbsent(value: unknown): value is string | undefined {
  return value === undefined || (typeof value === 'string' && value !== '');
}

function refuse(error: unknown): OAuthError {
  const isAboutToken = error instanceof ProviderFailure || tokenFaults.test(codeOf(error));
  if (!isAboutToken) return notNow(summarizeFailure(error), 5);
  return new OAuthError('invalid_request', 'The logout token is not valid', {
    reason: 'logout_token_invalid',
    cause: error instanceof ProviderFailure ? error : new ProviderFailure('token_invalid'),
  });
}

function notNow(cause: ProviderFailure, retryAfterSeconds: number): OAuthError {
  return new OAuthError(
    'temporarily_unavailable',
    'The logout token cannot be checked now; try again shortly',
    { reason: 'idp_unavailable', retryAfterSeconds, cause },
  );
}

function codeOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : '';
}
