import type { Client, GrantTypeName } from '../../services/clients/client.ts';

export interface RegistrationAccess {
  readonly token: string;
  readonly issuer: string;
  /** Those that whoever registers may use. */
  readonly grantTypes: readonly GrantTypeName[];
}

/** Path of the client configuration endpoint. The id is in the query: paths here are exact. */
const managementPath = '/registration';

/**
 * All registered metadata, what the server chose itself included, and how to manage it. No null, no empty text.
 * @see RFC 7591 §3.2.1, RFC 7592 §3
 */
export function describeClient(client: Client, access: RegistrationAccess): Record<string, unknown> {
  return {
    client_id: client.clientId,
    client_id_issued_at: client.issuedAt,
    // Not in RFC 7591, which knows expiry for secrets only; 0 means never, as there.
    client_id_expires_at: client.expiresAt ?? 0,
    ...(client.name === undefined ? {} : { client_name: client.name }),
    redirect_uris: client.redirectUris,
    grant_types: access.grantTypes,
    response_types: ['code'],
    token_endpoint_auth_method: 'none',
    registration_client_uri: `${access.issuer}${managementPath}?client_id=${encodeURIComponent(client.clientId)}`,
    registration_access_token: access.token,
  };
}
