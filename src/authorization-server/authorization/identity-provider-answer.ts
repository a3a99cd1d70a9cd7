import { OAuthError, type OAuthErrorCode } from '../../protocol/oauth-error.ts';
import { parseParameters } from '../../protocol/parameters.ts';

/** What the identity provider sent the browser back with. */
export type IdentityProviderAnswer =
  | { readonly outcome: 'code'; readonly state: string; readonly query: URLSearchParams }
  | { readonly outcome: 'error'; readonly state: string; readonly error: OAuthErrorCode };

// RFC 6749 §4.1.2.1: the codes a client can be told. Anything else a provider invents is its own trouble.
const relayedCodes: ReadonlyMap<string, OAuthErrorCode> = new Map(
  (
    [
      'invalid_request',
      'unauthorized_client',
      'access_denied',
      'unsupported_response_type',
      'invalid_scope',
      'server_error',
      'temporarily_unavailable',
    ] as const
  ).map((code) => [code, code]),
);

/**
 * Reads the query of the callback. Only the error's code is kept: descriptions and links come from whoever made the
 * URL, and would be phishing text on our page or in a client.
 * @throws OAuthError `invalid_request`, reasons `parameter_repeated`, `parameter_malformed`, `parameter_missing`,
 * `callback_state_invalid`   @see RFC 6749 §4.1.2
 */
export function parseIdentityProviderAnswer(request: Request): IdentityProviderAnswer {
  const query = new URL(request.url).searchParams;
  const parameters = parseParameters(query);
  const state = parameters.find('state');
  const code = parameters.find('code');
  const error = parameters.find('error');
  if (code !== undefined && error !== undefined)
    throw refuse('The answer has a code and an error', 'parameter_malformed');
  if (state === undefined) throw refuse('The answer has no state', 'callback_state_invalid');
  if (error !== undefined)
    return { outcome: 'error', state, error: relayedCodes.get(error) ?? 'server_error' };
  if (code === undefined) throw refuse('The answer has neither code nor error', 'parameter_missing');
  return { outcome: 'code', state, query };
}

/** What whoever waits is told of an answer that is an error. */
export function refusedLogin(code: OAuthErrorCode): OAuthError {
  return new OAuthError(code, 'The identity provider did not complete the login', { reason: 'idp_error' });
}

function refuse(
  description: string,
  reason: 'parameter_malformed' | 'parameter_missing' | 'callback_state_invalid',
): OAuthError {
  return new OAuthError('invalid_request', description, { reason });
}
