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
 * 5. answer with what was registered, defaults and replacements included, and with the token to manage it
 *
 * @see RFC 7591 §3, OAuth 2.1 §2.3, OpenID Connect Registration §2 (application_type)
 */
import type { Handler } from '../../platform/http/handler.ts';
import type { Sealer } from '../../platform/sealing/sealer.ts';
import type { Emit } from '../../services/audit/events.ts';
import { abbreviateClient, type GrantTypeName } from '../../services/clients/client.ts';
import type { Clients } from '../../services/clients/clients.ts';
import { readJsonRequest } from '../../services/requests/json-request.ts';
import { describeClient } from './client-information.ts';
import { parseClientMetadata } from './client-metadata.ts';
import { parseRedirectUris } from './redirect-uris.ts';
import { sealRegistrationAccessToken } from './registration-access-token.ts';

export interface RegistrationDeps {
  readonly issuer: string;
  readonly clients: Pick<Clients, 'register'>;
  readonly sealer: Sealer;
  readonly emit: Emit;
  /** Those that whoever registers may use. */
  readonly grantTypes: readonly GrantTypeName[];
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
    const metadata = parseClientMetadata(body, deps.grantTypes);
    const redirectUris = parseRedirectUris(body['redirect_uris'], metadata.applicationType, deps);
    const client = deps.clients.register({ name: metadata.name, redirectUris: redirectUris.accepted });
    deps.emit(
      { type: 'client_registered', client: abbreviateClient(client.fingerprint), clientName: client.name },
      context.requestId,
    );
    const token = sealRegistrationAccessToken(deps.sealer, client);
    const answer = {
      ...describeClient(client, { token, issuer: deps.issuer, grantTypes: deps.grantTypes }),
      ...(redirectUris.refused.length === 0 ? {} : { redirect_uris_refused: redirectUris.refused }),
      ...(metadata.applicationType === undefined ? {} : { application_type: metadata.applicationType }),
    };
    return Response.json(answer, {
      status: 201,
      headers: { 'Cache-Control': 'no-store', Pragma: 'no-cache' },
    });
  };
}
