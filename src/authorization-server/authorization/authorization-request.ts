import { OAuthError } from '../../protocol/oauth-error.ts';
import { parseParameters, type RequestParameters } from '../../protocol/parameters.ts';
import { parseCodeChallenge } from '../../protocol/pkce.ts';
import { matchRedirectUri, type VerifiedRedirectUri } from '../../protocol/redirect-uri.ts';
import { requestScope } from '../../protocol/scope.ts';
import { checkClientResource, limitScope } from '../../services/clients/client-limits.ts';
import type { Client, FindClient } from '../../services/clients/client.ts';
import type { DpopMode } from '../../services/dpop/dpop-mode.ts';
import { readFormRequest } from '../../services/requests/form-request.ts';
import type { Resources } from '../../services/resources/resources.ts';
import { toClient } from './client-answer.ts';
import { parseReauthentication } from './reauthentication.ts';
import type { RequestedTerms } from './transaction.ts';

/** An authorization request that passed every check. */
export interface AuthorizationRequest {
  readonly client: Client;
  readonly terms: RequestedTerms;
}

export interface AuthorizationRequestRules {
  readonly resources: Pick<Resources, 'resolve'>;
  readonly findClient: FindClient;
}

/** Cap on the client's `state`, as it is sealed: UTF-8, a quotation mark or backslash counting two. */
const maxStateBytes = 1024;

// RFC 8707 §2: a client may name several resources. Nothing else may come twice.
const rules = { repeatable: ['resource'] };

// Control characters, and the replacement character that stands for bytes which were no UTF-8: neither can be returned
// byte for byte.
const unreturnable = /[\p{Cc}\ufffd]/u;

/**
 * Reads an authorization request, from the query of a GET or from the form of a POST, in two phases: who asks and
 * where the answer may go (never redirects), then what is asked (redirects).
 *
 * @throws OAuthError before the redirect URI is verified: `invalid_request` with reasons `parameter_repeated`,
 * `client_id_missing`, `redirect_uri_missing`, `redirect_uri_not_registered`; `invalid_client` (400)
 * @throws AuthorizationError after it: `unsupported_response_type`, `invalid_request`, `invalid_target`,
 * `invalid_scope`, `consent_required`   @see OAuth 2.1 §4.1.1 and §4.1.2.1
 */
export async function readAuthorizationRequest(
  request: Request,
  deps: AuthorizationRequestRules,
): Promise<AuthorizationRequest> {
  const parameters =
    request.method === 'POST'
      ? await readFormRequest(request, rules)
      : parseParameters(new URL(request.url).searchParams, rules);
  const client = await findAskingClient(parameters, deps.findClient);
  const redirectUri = verifyRedirectUri(parameters, client);
  const state = readState(parameters);
  try {
    const terms = { client: client.fingerprint, redirectUri, ...readTerms(client, parameters, state, deps) };
    return { client, terms };
  } catch (error) {
    const returnable = state.outcome === 'returnable' ? state.value : undefined;
    throw toClient(error, { redirectUri, state: returnable, afterHumanStep: false });
  }
}

/**
 * The query that asks for the same: what the request came to, and nothing that was ignored in it. Its values have caps,
 * so it always fits into the head of a request.
 */
export function formatAuthorizationQuery({ client, terms }: AuthorizationRequest): URLSearchParams {
  const { prompt, maxAgeSeconds } = terms.reauthentication;
  return new URLSearchParams({
    response_type: 'code',
    client_id: client.clientId,
    redirect_uri: terms.redirectUri,
    code_challenge: terms.codeChallenge,
    code_challenge_method: 'S256',
    resource: terms.resource,
    ...(terms.scope.length === 0 ? {} : { scope: terms.scope.join(' ') }),
    ...(terms.state === undefined ? {} : { state: terms.state }),
    ...(prompt === undefined ? {} : { prompt }),
    ...(maxAgeSeconds === undefined ? {} : { max_age: String(maxAgeSeconds) }),
    ...(terms.keyThumbprint === undefined ? {} : { dpop_jkt: terms.keyThumbprint }),
  });
}

async function findAskingClient(parameters: RequestParameters, findClient: FindClient): Promise<Client> {
  const clientId = parameters.find('client_id');
  if (clientId === undefined) {
    throw new OAuthError('invalid_request', 'client_id is required', { reason: 'client_id_missing' });
  }
  try {
    return await findClient(clientId);
  } catch (error) {
    if (!(error instanceof OAuthError) || error.status !== 401) throw error;
    // A browser is asking, and it has nothing to authenticate with: 401 is for the token endpoint.
    throw new OAuthError(error.code, error.description, {
      reason: error.reason,
      status: 400,
      cause: error.cause,
    });
  }
}

function verifyRedirectUri(parameters: RequestParameters, client: Client): VerifiedRedirectUri {
  const requested = parameters.find('redirect_uri');
  if (requested === undefined) {
    throw new OAuthError('invalid_request', 'redirect_uri is required', { reason: 'redirect_uri_missing' });
  }
  const verified = matchRedirectUri(requested, client.redirectUris);
  if (verified === undefined) {
    throw new OAuthError('invalid_request', 'redirect_uri is not registered for this client', {
      reason: 'redirect_uri_not_registered',
    });
  }
  return verified;
}

type StateReading =
  | { readonly outcome: 'returnable'; readonly value: string | undefined }
  | { readonly outcome: 'refused'; readonly error: OAuthError };

function readState(parameters: RequestParameters): StateReading {
  const value = parameters.find('state');
  if (value === undefined) return { outcome: 'returnable', value };
  if (Buffer.byteLength(JSON.stringify(value)) - 2 > maxStateBytes) {
    return refuseState(`state is longer than ${maxStateBytes} bytes`, 'state_too_long');
  }
  if (unreturnable.test(value)) return refuseState('state is not plain text', 'parameter_malformed');
  return { outcome: 'returnable', value };
}

function refuseState(description: string, reason: 'state_too_long' | 'parameter_malformed'): StateReading {
  return { outcome: 'refused', error: new OAuthError('invalid_request', description, { reason }) };
}

function readTerms(
  client: Client,
  parameters: RequestParameters,
  state: StateReading,
  known: AuthorizationRequestRules,
): Omit<RequestedTerms, 'client' | 'redirectUri'> {
  if (state.outcome === 'refused') throw state.error;
  checkResponse(parameters);
  const resource = known.resources.resolve(parameters.all('resource'));
  checkClientResource(client, resource);
  const codeChallenge = parseCodeChallenge(
    parameters.find('code_challenge'),
    parameters.find('code_challenge_method'),
  );
  const asked = requestScope(parameters.find('scope'), resource.scopes);
  const scope = client.scope === undefined ? asked : limitScope(asked, [client.scope], resource.scopes);
  const reauthentication = parseReauthentication(parameters);
  const keyThumbprint =
    resource.dpop === undefined ? undefined : readKeyThumbprint(parameters, resource.dpop);
  const asking = { state: state.value, codeChallenge, scope, reauthentication };
  return {
    ...asking,
    resource: resource.identifier,
    ...(keyThumbprint === undefined ? {} : { keyThumbprint }),
  };
}

/** Who finds the code then needs the key as well.   @see RFC 9449 §10 */
function readKeyThumbprint(parameters: RequestParameters, mode: DpopMode): string | undefined {
  const thumbprint = mode === 'off' ? undefined : parameters.find('dpop_jkt');
  if (thumbprint === undefined || /^[A-Za-z0-9_-]{43}$/.test(thumbprint)) return thumbprint;
  throw new OAuthError('invalid_request', 'dpop_jkt is no SHA-256 thumbprint of a key', {
    reason: 'parameter_malformed',
  });
}

function checkResponse(parameters: RequestParameters): void {
  const type = parameters.find('response_type');
  if (type === undefined) {
    throw new OAuthError('invalid_request', 'response_type is required', { reason: 'parameter_missing' });
  }
  if (type !== 'code') {
    throw new OAuthError('unsupported_response_type', 'response_type must be code', {
      reason: 'response_type_unsupported',
    });
  }
  const mode = parameters.find('response_mode') ?? 'query';
  if (mode !== 'query') {
    throw new OAuthError('invalid_request', 'response_mode must be query', {
      reason: 'response_mode_unsupported',
    });
  }
}
