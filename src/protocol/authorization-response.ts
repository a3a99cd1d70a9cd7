import type { OAuthErrorCode } from './oauth-error.ts';
import type { VerifiedRedirectUri } from './redirect-uri.ts';

/** The parameters of an authorization response. `iss` is always sent (RFC 9207 §2), `state` when the client sent one. */
export type AuthorizationResponse =
  | { readonly iss: string; readonly state: string | undefined; readonly code: string }
  | {
      readonly iss: string;
      readonly state: string | undefined;
      readonly error: OAuthErrorCode;
      readonly errorDescription: string;
    };

/**
 * The location that hands an authorization response to the client. The bytes of the redirect URI are kept; each
 * parameter comes once.   @see OAuth 2.1 §4.1.2, RFC 9207 §2
 */
export function formatAuthorizationResponse(
  redirectUri: VerifiedRedirectUri,
  response: AuthorizationResponse,
): string {
  const query = new URLSearchParams();
  if ('code' in response) {
    query.set('code', response.code);
  } else {
    query.set('error', response.error);
    query.set('error_description', response.errorDescription);
  }
  if (response.state !== undefined) query.set('state', response.state);
  query.set('iss', response.iss);
  const uri: string = redirectUri;
  const joint = !uri.includes('?') ? '?' : uri.endsWith('?') || uri.endsWith('&') ? '' : '&';
  return `${uri}${joint}${query.toString()}`;
}
