/** What a successful token request hands out. */
export interface IssuedTokens {
  readonly accessToken: string;
  readonly expiresInSeconds: number;
  /** `DPoP`: bound to a key of the client (RFC 9449 §5). */
  readonly tokenType: 'Bearer' | 'DPoP';
  /** Undefined: the grant type gives none. */
  readonly refreshToken: string | undefined;
  /** Scope of the access token. */
  readonly scope: readonly string[];
}

/**
 * Formats a successful token response.
 * @param nextNonce what the client's next proof of its key has to name (RFC 9449 §8.2)
 * @see OAuth 2.1 §3.2.3: never cached, `expires_in` a whole number, `scope` left out when there is none to name
 */
export function formatTokenResponse(issued: IssuedTokens, nextNonce: string | undefined): Response {
  const body = {
    access_token: issued.accessToken,
    token_type: issued.tokenType,
    expires_in: issued.expiresInSeconds,
    ...(issued.refreshToken === undefined ? {} : { refresh_token: issued.refreshToken }),
    ...(issued.scope.length === 0 ? {} : { scope: issued.scope.join(' ') }),
  };
  return new Response(JSON.stringify(body), {
    headers: {
      'content-type': 'application/json',
      'cache-control': 'no-store',
      pragma: 'no-cache',
      ...(nextNonce === undefined ? {} : { 'dpop-nonce': nextNonce }),
    },
  });
}
