import { parseClientName } from '../../protocol/client-name.ts';
import { OAuthError } from '../../protocol/oauth-error.ts';
import {
  findRedirectUriProblem,
  parseRedirectUri,
  type RedirectUri,
  type RedirectUriRules,
} from '../../protocol/redirect-uri.ts';
import type { JsonObject } from '../requests/strict-json.ts';
import type { AssertionAlgorithm, ClientAuthentication, ClientKeys } from './client.ts';
import { hasPrivateKey, isAssertionAlgorithm, parseKeySet } from './key-set.ts';

/** What a metadata document comes to here. Other members, grant types and response types are nobody's business. */
export interface ClientDocument {
  readonly name: string;
  /** At least one. */
  readonly redirectUris: readonly RedirectUri[];
  readonly authentication: ClientAuthentication;
}

/** Documents are at most a few kB; this bounds what a flow compares. */
const maxRedirectUris = 64;
const maxUrlLength = 2048;

/**
 * Judges the JSON object that a client id URL leads to. A redirect URI that is wrong refuses the whole; one of an app
 * scheme that is merely not enabled here is left out, as long as another one remains.
 * @throws OAuthError `invalid_client`, reason `client_document_invalid`
 * @see draft-ietf-oauth-client-id-metadata-document-03, MCP 2026-07-28 Client ID Metadata Documents
 */
export function parseClientDocument(
  document: JsonObject,
  clientId: string,
  rules: RedirectUriRules,
): ClientDocument {
  // Simple string comparison: a document that says another address vouches for that one.
  if (document['client_id'] !== clientId)
    throw refuseDocument('names another client_id than its own address');
  const authentication = readAuthentication(document, clientId);
  requireOneOf(document, 'grant_types', 'authorization_code');
  requireOneOf(document, 'response_types', 'code');
  return {
    name: readName(document['client_name']),
    redirectUris: readRedirectUris(document, rules),
    authentication,
  };
}

/** @param problem goes after "The client metadata document", safe for strangers */
export function refuseDocument(problem: string, cause?: unknown): OAuthError {
  return new OAuthError('invalid_client', `The client metadata document ${problem}`, {
    reason: 'client_document_invalid',
    cause,
  });
}

/** A document is public: a secret in it is none, and a client that believes in one is not the client it seems. */
function readAuthentication(document: JsonObject, clientId: string): ClientAuthentication {
  for (const member of ['client_secret', 'client_secret_expires_at']) {
    if (document[member] !== undefined) throw refuseDocument(`has a ${member}`);
  }
  const { jwks } = document;
  if (hasPrivateKey(jwks)) throw refuseDocument('has a private key');
  switch (document['token_endpoint_auth_method']) {
    case undefined:
    case 'none':
      return { method: 'none' };
    case 'private_key_jwt':
      return { method: 'private_key_jwt', keys: readKeys(document, clientId), ...readAlgorithm(document) };
    default:
      throw refuseDocument('has a token_endpoint_auth_method other than none and private_key_jwt');
  }
}

function readKeys({ jwks, jwks_uri: uri }: JsonObject, clientId: string): ClientKeys {
  if ((jwks === undefined) === (uri === undefined)) {
    throw refuseDocument('has private_key_jwt without one of jwks and jwks_uri');
  }
  if (uri !== undefined) return { kind: 'address', url: readKeysUrl(uri, clientId) };
  const reading = parseKeySet(jwks);
  if (reading.outcome === 'refused') throw refuseDocument(`is refused: its key set ${reading.problem}`);
  return { kind: 'known', keys: reading.keys };
}

/**
 * Keys of the very host that people are shown. From another one, whoever gets hold of that host would be this client,
 * and a stranger's document could have us fetch from whom it likes.
 */
function readKeysUrl(value: unknown, clientId: string): string {
  const url = typeof value === 'string' && value.length <= maxUrlLength ? URL.parse(value) : null;
  if (url === null || url.origin !== new URL(clientId).origin || url.username !== '' || url.password !== '') {
    throw refuseDocument('has a jwks_uri that is not of the origin of its client_id');
  }
  url.hash = '';
  return url.href;
}

function readAlgorithm(document: JsonObject): { readonly algorithm?: AssertionAlgorithm } {
  const algorithm = document['token_endpoint_auth_signing_alg'];
  if (algorithm === undefined) return {};
  if (isAssertionAlgorithm(algorithm)) return { algorithm };
  throw refuseDocument('has a token_endpoint_auth_signing_alg that is not accepted here');
}

function requireOneOf(document: JsonObject, member: string, required: string): void {
  const values = document[member];
  if (values === undefined) return;
  if (!Array.isArray(values) || !values.includes(required)) {
    throw refuseDocument(`has ${member} without ${required}`);
  }
}

function readName(value: unknown): string {
  if (typeof value !== 'string') throw refuseDocument('has no client_name');
  try {
    const name = parseClientName(value);
    if (name !== '') return name;
  } catch (error) {
    throw refuseDocument('has a client_name that cannot be shown', error);
  }
  throw refuseDocument('has no client_name');
}

function readRedirectUris(document: JsonObject, rules: RedirectUriRules): readonly RedirectUri[] {
  const values: unknown = document['redirect_uris'];
  if (!Array.isArray(values) || values.length === 0) throw refuseDocument('has no redirect_uris');
  if (values.length > maxRedirectUris) throw refuseDocument(`has more than ${maxRedirectUris} redirect_uris`);
  const accepted = new Set<RedirectUri>();
  for (const uri of values as readonly unknown[]) {
    if (typeof uri !== 'string') throw refuseDocument('has a redirect URI that is no string');
    const problem = findRedirectUriProblem(uri, rules);
    if (problem?.harmless === false) throw refuseDocument(`is refused: ${problem.text}`);
    if (problem === undefined) accepted.add(parseRedirectUri(uri, rules));
  }
  if (accepted.size === 0) throw refuseDocument('has no redirect URI that is accepted here');
  return [...accepted];
}
