/**
 * The token endpoint: exchanges what a client was given, an authorization code or a refresh token for one, for tokens.
 *
 * Owns the judgement of a token request. What happens atomically to the grant's record is services/tokens/grants.ts;
 * who a client is and how it proves that, services/clients; how a refusal looks, the gateway; which grant types there
 * are, whoever wires it.
 *
 * Steps: form body only → grant type → client, authenticated as it is registered (401 when unknown: clients register
 * again) → may it use the grant type → the grant type's own checks, none of which writes → seal what will be issued →
 * one atomic change of the grant's record → answer.
 * The record is changed last, so that a request which is refused never costs the client its code or refresh token.
 *
 * @see OAuth 2.1 §3.2, RFC 6749 §4.1.3 and §6, RFC 7636 §4.6, RFC 8707 §2.2, RFC 9700 §4.14
 */
import type { Handler } from '../../platform/http/handler.ts';
import { StoreError } from '../../platform/store/store.ts';
import { OAuthError, storeUnavailable } from '../../protocol/oauth-error.ts';
import type { Client, GrantTypeName } from '../../services/clients/client.ts';
import { readFormRequest } from '../../services/requests/form-request.ts';
import type { GrantType, TokenDeps } from './grant-type.ts';
import type { ProveKey } from './key-proof.ts';
import { formatTokenResponse } from './token-response.ts';

/** A grant type by the name that it has on the wire. */
export interface NamedGrantType {
  readonly name: GrantTypeName;
  readonly exchange: GrantType;
}

export interface TokenEndpointDeps extends TokenDeps {
  /** What is offered here now. Any other grant type does not exist. */
  readonly grantTypes: () => readonly NamedGrantType[];
  /** Has the sender of a request prove its key; see `key-proof.ts`. Absent: nobody is asked to. */
  readonly proveKey?: ProveKey;
  /** What the next proof of a key has to name. Absent: nothing. */
  readonly nextNonce?: (() => string) | undefined;
}

/**
 * Answers token requests.
 * @throws OAuthError `invalid_request`, `invalid_client` (401), `unauthorized_client`, `invalid_grant`, `invalid_scope`,
 * `invalid_target`, `unsupported_grant_type`, `invalid_dpop_proof`, `use_dpop_nonce`, and `temporarily_unavailable` (503,
 * `Retry-After`) while the store does not answer
 */
export function createTokenEndpoint(deps: TokenEndpointDeps): Handler {
  return async (request, context) => {
    const parameters = await readFormRequest(request, { repeatable: ['resource'] });
    const grantType = findGrantType(parameters.find('grant_type'), deps.grantTypes());
    try {
      const client = await deps.authenticateClient(request, parameters, 'token');
      checkGrantType(client, grantType.name);
      const { proveKey } = deps;
      const proof = proveKey === undefined ? {} : { proveKey: () => proveKey(request) };
      const asked = { client, parameters, requestId: context.requestId, ...proof };
      const issued = await grantType.exchange(asked, deps);
      const isProven = issued.tokenType === 'DPoP';
      return formatTokenResponse(issued, isProven ? deps.nextNonce?.() : undefined);
    } catch (error) {
      // Never server_error or invalid_grant here: SDKs delete the person's credentials on those.
      throw error instanceof StoreError ? storeUnavailable(error) : error;
    }
  };
}

function findGrantType(name: string | undefined, grantTypes: readonly NamedGrantType[]): NamedGrantType {
  if (name === undefined) {
    throw new OAuthError('invalid_request', 'grant_type is required', { reason: 'parameter_missing' });
  }
  const grantType = grantTypes.find((known) => known.name === name);
  if (grantType === undefined) {
    const names = grantTypes.map((known) => known.name).join(' or ');
    throw new OAuthError('unsupported_grant_type', `grant_type must be ${names}`, {
      reason: 'grant_type_unsupported',
    });
  }
  return grantType;
}

/** @throws OAuthError `unauthorized_client`, reason `grant_type_refused`   @see OAuth 2.1 §3.2.4 */
function checkGrantType(client: Client, name: GrantTypeName): void {
  if (client.grantTypes.includes(name)) return;
  throw new OAuthError('unauthorized_client', 'The client is not registered for this grant_type', {
    reason: 'grant_type_refused',
  });
}
