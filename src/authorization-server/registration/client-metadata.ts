import { parseClientName } from '../../protocol/client-name.ts';
import { OAuthError } from '../../protocol/oauth-error.ts';
import type { GrantTypeName } from '../../services/clients/client.ts';

/** What a client says about itself, reduced to what means something here. Redirect URIs are read on their own. */
export interface ClientMetadata {
  readonly name: string | undefined;
  /** Undefined when not sent, or not one of the two values there are. */
  readonly applicationType: 'web' | 'native' | undefined;
}

/**
 * Methods after which the answer `none` leaves the client able to go on: it gets no secret, so it sends none.
 * RFC 7591 §3.2.1: "The authorization server MAY reject or replace any of the client's requested metadata values".
 * A method with keys is another matter: such a client relies on nobody else being able to act for it.
 */
const methodsAnsweredNone = new Set(['none', 'client_secret_basic', 'client_secret_post']);

/**
 * Reads the members of a registration that this server acts on. A member that is null or empty counts as absent.
 * @param grantTypes those that whoever registers may use
 * @throws OAuthError `invalid_client_metadata`, reason `client_metadata_invalid` or `client_name_invalid`
 * @see RFC 7591 §2
 */
export function parseClientMetadata(
  body: Readonly<Record<string, unknown>>,
  grantTypes: readonly GrantTypeName[],
): ClientMetadata {
  const name = parseClientName(findText(body, 'client_name') ?? '');
  const method = findText(body, 'token_endpoint_auth_method');
  if (method !== undefined && !methodsAnsweredNone.has(method)) {
    throw refuse('token_endpoint_auth_method is not offered here; clients are public and use none');
  }
  // A refresh token comes of another grant.
  requireOneOf(
    body,
    'grant_types',
    grantTypes.filter((name) => name !== 'refresh_token'),
  );
  requireOneOf(body, 'response_types', ['code']);
  if (isPresent(body['jwks']) && isPresent(body['jwks_uri'])) {
    throw refuse('jwks and jwks_uri must not come together');
  }
  const applicationType = findText(body, 'application_type');
  return {
    name: name === '' ? undefined : name,
    applicationType: applicationType === 'web' || applicationType === 'native' ? applicationType : undefined,
  };
}

/** The values beside the required ones are dropped: clients list what some other server may have. */
function requireOneOf(
  body: Readonly<Record<string, unknown>>,
  member: string,
  required: readonly string[],
): void {
  const values = body[member];
  if (!isPresent(values)) return;
  if (!Array.isArray(values) || !values.every((value) => typeof value === 'string')) {
    throw refuse(`${member} must be a list of strings`);
  }
  if (required.some((name) => values.includes(name))) return;
  throw refuse(`${member} must contain ${required.join(' or ')}`);
}

function findText(body: Readonly<Record<string, unknown>>, member: string): string | undefined {
  const value = body[member];
  if (!isPresent(value)) return undefined;
  if (typeof value !== 'string') throw refuse(`${member} must be a string`);
  return value === '' ? undefined : value;
}

function isPresent(value: unknown): boolean {
  return value !== undefined && value !== null;
}

function refuse(what: string): OAuthError {
  return new OAuthError('invalid_client_metadata', what, { reason: 'client_metadata_invalid' });
}
