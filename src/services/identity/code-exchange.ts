import type { ClientAuth, Configuration, ExportedJWKSCache } from 'openid-client';

import type { Clock } from '../../platform/clock.ts';
import type { GuardedFetch } from '../../platform/outbound/guarded-fetch.ts';
import { OAuthError } from '../../protocol/oauth-error.ts';
import { type Claims, subjectMissing } from './claims.ts';
import type { LoginSecrets } from './identity-provider.ts';
import type { DiscoveredProvider, OpenIdClient, OpenIdSettings } from './openid-settings.ts';
import { isAboutClaim, ProviderFailure, summarizeFailure } from './provider-failure.ts';

export interface CodeExchangeDeps {
  readonly config: Pick<OpenIdSettings, 'clientId' | 'clientSecret' | 'allowInsecureHttp'>;
  readonly fetch: GuardedFetch;
  readonly clock: Clock;
}

/** The callback's answer, put together anew: the redirect URI with `code`, `state` and `iss`. */
export interface AuthorizationAnswer {
  readonly url: URL;
  readonly state: string;
  readonly secrets: LoginSecrets;
}

export type ExchangeCode = (provider: DiscoveredProvider, answer: AuthorizationAnswer) => Promise<Claims>;

/** How far the clocks of provider and ours may be apart. */
export const clockToleranceSeconds = 60;

/**
 * Exchanges a code and verifies the ID token that comes with it. The provider's keys are kept between exchanges and
 * fetched again for an unknown key at most once a minute.
 * @throws OAuthError `server_error`, reason `idp_exchange_failed` (502) or `id_token_verification_failed` (502; 403 for
 * the nonce); `access_denied`, reason `subject_missing`   @see OpenID Connect Core §3.1.3
 */
export function createCodeExchange(deps: CodeExchangeDeps): ExchangeCode {
  let keys: ExportedJWKSCache | undefined;

  return async (provider, answer) => {
    const { client } = provider;
    const watched = watchTokenResponse(deps.fetch);
    const configuration = configure(deps, provider, watched.fetch);
    if (keys !== undefined) client.setJwksCache(configuration, keys);
    try {
      const tokens = await client.authorizationCodeGrant(configuration, answer.url, {
        expectedState: answer.state,
        expectedNonce: answer.secrets.nonce,
        pkceCodeVerifier: answer.secrets.codeVerifier,
        idTokenExpected: true,
      });
      const claims: Claims = tokens.claims() ?? {};
      checkIssuedAt(claims['iat'], deps.clock);
      return claims;
    } catch (error) {
      throw refuse(error, watched.hasIdToken());
    } finally {
      keys = client.getJwksCache(configuration) ?? keys;
    }
  };
}

/** A configuration per exchange: it carries the fetch that watches this exchange, and today's clock. */
function configure(
  deps: CodeExchangeDeps,
  { client, metadata }: DiscoveredProvider,
  fetch: GuardedFetch,
): Configuration {
  const clientMetadata = {
    // The library reads the machine's clock; the skew turns that into ours.
    [client.clockSkew]: deps.clock.nowSeconds() - Math.floor(Date.now() / 1000),
    [client.clockTolerance]: clockToleranceSeconds,
  };
  const authentication = chooseAuthentication(client, metadata, deps.config.clientSecret);
  const { clientId, allowInsecureHttp } = deps.config;
  const configuration = new client.Configuration(metadata, clientId, clientMetadata, authentication);
  configuration[client.customFetch] = fetch;
  if (allowInsecureHttp) client.allowInsecureRequests(configuration);
  // Without this the library takes TLS for the signature (Core §3.1.3.7 allows that): we verify it.
  client.enableNonRepudiationChecks(configuration);
  return configuration;
}

/** `client_secret_post` where offered: `client_secret_basic` encodes the secret, and providers disagree about how. */
function chooseAuthentication(
  client: OpenIdClient,
  metadata: DiscoveredProvider['metadata'],
  clientSecret: string,
): ClientAuth {
  const offered: unknown = metadata.token_endpoint_auth_methods_supported;
  const isPostOffered = Array.isArray(offered) && offered.includes('client_secret_post');
  return isPostOffered ? client.ClientSecretPost(clientSecret) : client.ClientSecretBasic(clientSecret);
}

/** Tells afterwards whether the token endpoint answered with an ID token, which decides what a failure is called. */
function watchTokenResponse(fetch: GuardedFetch): { fetch: GuardedFetch; hasIdToken: () => boolean } {
  let hasIdToken = false;
  return {
    hasIdToken: () => hasIdToken,
    fetch: async (url, init) => {
      const response = await fetch(url, init);
      if (init?.method === 'POST' && response.status === 200) {
        const body: unknown = await response
          .clone()
          .json()
          .catch(() => undefined);
        hasIdToken = typeof body === 'object' && body !== null && 'id_token' in body;
      }
      return response;
    },
  };
}

/** A token from the future was made by a broken clock or for later use. */
function checkIssuedAt(issuedAt: unknown, clock: Clock): void {
  const latest = clock.nowSeconds() + clockToleranceSeconds;
  if (typeof issuedAt !== 'number' || issuedAt > latest) throw new ProviderFailure('token_time');
}

function refuse(error: unknown, hasIdToken: boolean): OAuthError {
  const cause = summarizeFailure(error);
  if (!hasIdToken) {
    return new OAuthError('server_error', 'The identity provider did not complete the login', {
      reason: 'idp_exchange_failed',
      status: 502,
      cause,
    });
  }
  if (isAboutClaim(error, 'sub')) return subjectMissing();
  return new OAuthError('server_error', 'The answer of the identity provider could not be verified', {
    reason: 'id_token_verification_failed',
    // A foreign nonce is another login's answer, not a broken provider.
    status: isAboutClaim(error, 'nonce') ? 403 : 502,
    cause,
  });
}
