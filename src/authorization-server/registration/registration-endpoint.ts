/**
 * POST /register: dynamic client registration.
 *
 * Owns what a client may say about itself, and the answer. Does not own what a client id is made of
 * (services/clients), nor the rate limit and the error format (gateway).
 *
 * 1. read one strict JSON object (413, 415)
 * 2. reduce its members to what can be granted; unknown and privileged ones (`scope`, `client_id`, …) are not looked at
 * 3. judge the redirect URIs: refuse, or leave out those of app schemes that are merely not enabled
 * 4. seal the registration into its client id
 * 5. answer with what was registered, defaults and replacements included
 *
 * @see RFC 7591 §3, OAuth 2.1 §2.3, OpenID Connect Registration §2 (application_type)
 */
import type { Handler } from '../../platform/http/handler.ts';
import type { Emit } from '../../services/audit/events.ts';
import { abbreviateClient, type Client } from '../../services/clients/client.ts';
import type { Clients } from '../../services/clients/clients.ts';
import { readJsonRequest } from '../../services/requests/json-request.ts';
import { type ClientMetadata, parseClientMetadata } from './client-metadata.ts';
import { parseRedirectUris, type RefusedRedirectUri } from './redirect-uris.ts';

export interface RegistrationDeps {
  readonly clients: Pick<Clients, 'register'>;
  readonly emit: Emit;
  /** Private-use schemes that native clients may use, lower case, without the colon. */
  readonly privateUseSchemes: readonly string[];
}

/**
 * @throws OAuthError `invalid_request` (see readJsonRequest), `invalid_redirect_uri` (reason `redirect_uri_invalid`),
 * `invalid_client_metadata` (reasons `client_metadata_invalid`, `client_name_invalid`)
 */
export function createRegistrationEndpoint(deps: RegistrationDeps): Handler {
  return async (request, context) => {
    const body = await readJsonRequest(request);
    const metadata = parseClientMetadata(body);
    const redirectUris = parseRedirectUris(body['redirect_uris'], metadata.applicationType, deps);
    const client = deps.clients.register({ name: metadata.name, redirectUris: redirectUris.accepted });
    deps.emit(
      { type: 'client_registered', client: abbreviateClient(client.fingerprint), clientName: client.name },
      context.requestId,
    );
    return Response.json(describeRegistration(client, metadata, redirectUris.refused), {
      status: 201,
      headers: { 'Cache-Control': 'no-store', Pragma: 'no-cache' },
    });
  };
}

/** RFC 7591 §3.2.1: all registered metadata, what the server chose itself included. No null, no empty text. */
function describeRegistration(
  client: Client,
  metadata: ClientMetadata,
  refused: readonly RefusedRedirectUri[],
): Record<string, unknown> {
  return {
    client_id: client.clientId,
    client_id_issued_at: client.issuedAt,
    // Not in RFC 7591, which knows expiry for secrets only; 0 means never, as there.
    client_id_expires_at: client.expiresAt ?? 0,
    ...(client.name === undefined ? {} : { client_name: client.name }),
    redirect_uris: client.redirectUris,
    ...(refused.length === 0 ? {} : { redirect_uris_refused: refused }),
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: 'none',
    ...(metadata.applicationType === undefined ? {} : { application_type: metadata.applicationType }),
  };
}
