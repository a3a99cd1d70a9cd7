import { OAuthError } from '../../protocol/oauth-error.ts';
import type { RequestParameters } from '../../protocol/parameters.ts';
import type { Client, FindClient } from '../../services/clients/client.ts';

/**
 * Refuses any `Authorization` header: no client here has a secret, and one that sends credentials takes itself for a
 * client that we do not know. Ignoring the header would let two readings of "who asks" stand side by side.
 * @throws OAuthError `invalid_client` (401, Basic challenge), reason `client_authentication_unsupported`
 * @see OAuth 2.1 §3.2.4
 */
export function refuseAuthorizationHeader(request: Request): void {
  if (request.headers.get('authorization') === null) return;
  throw new OAuthError(
    'invalid_client',
    'Clients here are public: send client_id in the body and no secret',
    {
      reason: 'client_authentication_unsupported',
      // RFC 6749 §5.2: a client that used the header is answered with a challenge of the scheme it may use.
      headers: { 'www-authenticate': 'Basic realm="token"' },
    },
  );
}

/**
 * Identifies the public client of a token request. It comes before the grant is looked at: a client that is gone must
 * hear 401 and register again, whatever became of its tokens. Unrecognised parameters, `client_secret` among them,
 * are ignored (OAuth 2.1 §3.2.2).
 * @throws OAuthError `invalid_request`, reason `client_id_missing`, or `invalid_client` (401), reason `client_id_invalid`
 * or `client_registration_expired`
 */
export function authenticateClient(parameters: RequestParameters, findClient: FindClient): Promise<Client> {
  return findClient(parameters.find('client_id'));
}
