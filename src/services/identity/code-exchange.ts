import type { Clock } from '../../platform/clock.ts';
import type { GuardedFetch } from '../../platform/outbound/guarded-fetch.ts';
import { OAuthError } from '../../protocol/oauth-error.ts';
import { checkAccessTokenHash } from './access-token-hash.ts';
import { type Claims, subjectMissing } from './claims.ts';
import type { LoginSecrets } from './identity-provider.ts';
import type { DiscoveredProvider } from './openid-settings.ts';
import { checkIssuedAt, type Connection } from './provider-connection.ts';
import { isAboutClaim, summarizeFailure } from './provider-failure.ts';

export interface CodeExchangeDeps {
  readonly connect: Connection;
  readonly fetch: GuardedFetch;
  readonly clock: Clock;
}

/** The callback's answer, put together anew: the redirect URI with `code`, `state` and `iss`. */
export interface AuthorizationAnswer {
  readonly url: URL;
  readonly state: string;
  readonly secrets: LoginSecrets;
  /** Ends every request of the exchange. */
  readonly deadline: AbortSignal;
}

export interface ExchangedCode {
  /** Of the ID token. */
  readonly claims: Claims;
  /** For Microsoft Graph, and for nobody else; not kept. */
  readonly accessToken: string;
  /** Of the provider. Undefined: it gave none. */
  readonly refreshToken: string | undefined;
}

export type ExchangeCode = (
  provider: DiscoveredProvider,
  answer: AuthorizationAnswer,
) => Promise<ExchangedCode>;

/**
 * Exchanges a code and verifies the ID token that comes with it.
 * @throws OAuthError `server_error`, reason `idp_exchange_failed` (502) or `id_token_verification_failed` (502; 403 for
 * the nonce); `access_denied`, reason `subject_missing`   @see OpenID Connect Core §3.1.3
 */
export function createCodeExchange(deps: CodeExchangeDeps): ExchangeCode {
  return async (provider, answer) => {
    const { deadline: signal } = answer;
    const watched = watchTokenResponse((url, init) => deps.fetch(url, { ...init, signal }));
    try {
      const tokens = await deps.connect(provider, watched.fetch, (configuration) =>
        provider.client.authorizationCodeGrant(configuration, answer.url, {
          expectedState: answer.state,
          expectedNonce: answer.secrets.nonce,
          pkceCodeVerifier: answer.secrets.codeVerifier,
          idTokenExpected: true,
        }),
      );
      const claims: Claims = tokens.claims() ?? {};
      checkIssuedAt(claims['iat'], deps.clock);
      const { access_token: accessToken, id_token: idToken = '' } = tokens;
      checkAccessTokenHash({ accessToken, idToken, hash: claims['at_hash'] });
      return { claims, accessToken, refreshToken: tokens.refresh_token };
    } catch (error) {
      throw refuse(error, watched.hasIdToken());
    }
  };
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
