/**
 * POST /device_authorization: where a device without a browser begins. It gets a device code, which it asks the token
 * endpoint with, and a user code, which it shows to a person.
 *
 * Steps: form body only → client, authenticated as at the token endpoint → one resource, its scopes → one record in the
 * store, for ten minutes → both codes.
 *
 * Not here: what the person sees (device-page-endpoint.ts, then the consent page and the login of every other
 * authorization), what the person's answer becomes (device-answer-endpoint.ts), and the tokens (the device code grant).
 * Nothing is ever approved without that person: a user code alone opens nothing.
 *
 * @see RFC 8628 §3.1 and §3.2, RFC 8707 §2
 */
import type { Handler } from '../../platform/http/handler.ts';
import { OAuthError } from '../../protocol/oauth-error.ts';
import { requestScope } from '../../protocol/scope.ts';
import type { Emit } from '../../services/audit/events.ts';
import type { AuthenticateClient } from '../../services/clients/client-authentication.ts';
import { checkClientResource, limitScope } from '../../services/clients/client-limits.ts';
import { abbreviateClient, type Client } from '../../services/clients/client.ts';
import {
  type DeviceAuthorizations,
  deviceAuthorizationTtlSeconds,
  pollIntervalSeconds,
} from '../../services/devices/device-authorizations.ts';
import { formatUserCode } from '../../services/devices/user-code.ts';
import { readFormRequest } from '../../services/requests/form-request.ts';
import type { Resources } from '../../services/resources/resources.ts';

export interface DeviceAuthorizationDeps {
  readonly issuer: string;
  readonly resources: Pick<Resources, 'resolve'>;
  /** Who asks, by the rules of the token endpoint. */
  readonly authenticateClient: AuthenticateClient;
  readonly devices: Pick<DeviceAuthorizations, 'begin'>;
  readonly emit: Emit;
}

/**
 * Answers device authorization requests.
 * @throws OAuthError `invalid_request`, `invalid_client` (401), `unauthorized_client`, `invalid_target`, `invalid_scope`; rejects with
 * `StoreError` while the store does not answer
 */
export function createDeviceAuthorizationEndpoint(deps: DeviceAuthorizationDeps): Handler {
  return async (request, context) => {
    const parameters = await readFormRequest(request, { repeatable: ['resource'] });
    const client = await deps.authenticateClient(request, parameters, 'device_authorization');
    checkGrantType(client);
    const resource = deps.resources.resolve(parameters.all('resource'));
    checkClientResource(client, resource);
    const asked = requestScope(parameters.find('scope'), resource.scopes);
    const scope = limitScope(asked, [client.scope], resource.scopes);
    const begun = await deps.devices.begin(client, { resource: resource.identifier, scope });
    const event = { client: abbreviateClient(client.fingerprint) };
    deps.emit({ type: 'device_authorization_begun', ...event }, context.requestId);
    const userCode = formatUserCode(begun.userCode);
    const verificationUri = `${deps.issuer}/device`;
    const body = {
      device_code: begun.deviceCode,
      user_code: userCode,
      verification_uri: verificationUri,
      verification_uri_complete: `${verificationUri}?user_code=${userCode}`,
      expires_in: deviceAuthorizationTtlSeconds,
      interval: pollIntervalSeconds,
    };
    return new Response(JSON.stringify(body), {
      headers: { 'content-type': 'application/json', 'cache-control': 'no-store', pragma: 'no-cache' },
    });
  };
}

/** Here already, and not first at the token endpoint: a person would have typed its code for nothing. */
function checkGrantType({ grantTypes }: Client): void {
  if (grantTypes.includes('urn:ietf:params:oauth:grant-type:device_code')) return;
  throw new OAuthError('unauthorized_client', 'The client is not registered for device authorization', {
    reason: 'grant_type_refused',
  });
}
