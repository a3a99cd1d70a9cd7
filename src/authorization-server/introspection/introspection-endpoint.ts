/**
 * POST /introspect: a resource server of ours asks what an access token is worth.
 *
 * Owns who may ask, and the answer. What a token is worth is admission's to say, and it says it of every call: here it
 * is asked as a collaborator, so that there is one judgement. Nothing is looked up in the store.
 *
 * 1. authenticate the resource server (401); clients of the authorization server have no business here
 * 2. form body only
 * 3. ask; whatever is wrong with the token, the answer is `{"active":false}` and nothing else
 *
 * Refresh tokens are not active here: no resource server has a use for one, and asking about it would tell a thief.
 * @see RFC 7662 §2, §4
 */
import type { EpochSeconds } from '../../platform/clock.ts';
import type { Handler } from '../../platform/http/handler.ts';
import { OAuthError } from '../../protocol/oauth-error.ts';
import type { ClientFingerprint } from '../../services/clients/client.ts';
import { readFormRequest } from '../../services/requests/form-request.ts';
import type { GrantTerms } from '../../services/tokens/grant-terms.ts';
import { authenticateIntrospectionClient, type IntrospectionClient } from './introspection-clients.ts';

export type { IntrospectionClient } from './introspection-clients.ts';

/** An access token that would be admitted now. */
export interface ActiveToken {
  readonly grant: GrantTerms;
  readonly issuedAt: EpochSeconds;
  readonly expiresAt: EpochSeconds;
}

export interface IntrospectionDeps {
  readonly issuer: string;
  readonly clients: readonly IntrospectionClient[];
  /** Undefined when the token would be refused, for whatever reason, or is none of those that may be asked about. */
  readonly findActive: (accessToken: string, asking: IntrospectionClient) => ActiveToken | undefined;
  /** The id of a client that the operator wrote down. Of the others tokens know a fingerprint alone. */
  readonly findClientId: (client: ClientFingerprint) => string | undefined;
}

/**
 * @throws OAuthError `invalid_client` (401, Basic challenge), reason `introspection_client_invalid`; `invalid_request`
 */
export function createIntrospectionEndpoint(deps: IntrospectionDeps): Handler {
  return async (request) => {
    const asking = authenticateIntrospectionClient(request.headers.get('authorization'), deps.clients);
    if (asking === undefined) throw refuseClient();
    const parameters = await readFormRequest(request);
    const token = parameters.find('token');
    if (token === undefined) {
      throw new OAuthError('invalid_request', 'token is required', { reason: 'parameter_missing' });
    }
    const active = deps.findActive(token, asking);
    const answer = active === undefined ? { active: false } : describeToken(active, deps);
    // RFC 7662 §4: who caches the answer does not hear of a revocation.
    return Response.json(answer, { headers: { 'cache-control': 'no-store', pragma: 'no-cache' } });
  };
}

function describeToken(
  { grant, issuedAt, expiresAt }: ActiveToken,
  { issuer, findClientId }: IntrospectionDeps,
): Record<string, unknown> {
  return {
    active: true,
    ...(grant.scope.length === 0 ? {} : { scope: grant.scope.join(' ') }),
    client_id: findClientId(grant.client) ?? grant.client,
    ...(grant.email === undefined ? {} : { username: grant.email }),
    // RFC 9449 §6.2: whoever asks has to see to the proof.
    ...(grant.keyThumbprint === undefined
      ? { token_type: 'Bearer' }
      : { token_type: 'DPoP', cnf: { jkt: grant.keyThumbprint } }),
    exp: expiresAt,
    iat: issuedAt,
    sub: grant.subject,
    aud: grant.resource,
    iss: issuer,
  };
}

/** One answer to no credentials, an unknown id and a wrong secret. */
function refuseClient(): OAuthError {
  return new OAuthError('invalid_client', 'Token introspection is for resource servers that are configured', {
    reason: 'introspection_client_invalid',
    headers: { 'www-authenticate': 'Basic realm="introspection"' },
  });
}
