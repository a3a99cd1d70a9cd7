import { OAuthError } from '../../protocol/oauth-error.ts';
import { expandScope, offlineAccess, requestScope } from '../../protocol/scope.ts';
import type { ProtectedResource } from '../../services/resources/resource.ts';
import type { TokenDeps, TokenRequest } from './grant-type.ts';

/** What a grant type without a person asks for: one resource, and scopes of it. */
export interface LimitedRequest {
  readonly resource: ProtectedResource;
  readonly scope: readonly string[];
}

/** What somebody else allowed the client at most; meant where the request names nothing. */
export interface GrantedElsewhere {
  readonly resource?: ProtectedResource | undefined;
  /** As on the wire. */
  readonly scope?: string | undefined;
}

/**
 * What a client asks for at the token endpoint itself, within what the operator lets it have. Never `offline_access`: what
 * is asked for here comes without a refresh token.
 * @throws OAuthError `invalid_target`, reasons `resource_mismatch`, `client_resource_refused`; `invalid_scope`, reasons
 * `scope_invalid`, `scope_unknown`, `client_scope_refused`   @see RFC 8707 §2.2, RFC 6749 §3.3
 */
export function readLimitedRequest(
  { client, parameters }: TokenRequest,
  { resources }: Pick<TokenDeps, 'resources'>,
  granted: GrantedElsewhere = {},
): LimitedRequest {
  const requested = parameters.all('resource');
  const resource =
    requested.length === 0 && granted.resource !== undefined
      ? granted.resource
      : resources.resolve(requested);
  if (client.resources !== undefined && !client.resources.includes(resource.identifier)) {
    throw new OAuthError('invalid_target', 'The client may not use this resource', {
      reason: 'client_resource_refused',
    });
  }
  const asked = requestScope(parameters.find('scope') ?? granted.scope, resource.scopes);
  const limits = [client.scope, granted.scope?.split(' ')].filter((limit) => limit !== undefined);
  const permitted = limits.map((limit) => expandScope(limit, resource.scopes));
  const scope = asked.filter((name) => name !== offlineAccess && permitted.every((names) => names.has(name)));
  // A token without scopes is good for all of a resource that has none: none must not be what is left of some.
  if (scope.length === 0 && resource.scopes.declared.length > 0) {
    throw new OAuthError('invalid_scope', 'The client may have none of the requested scopes', {
      reason: 'client_scope_refused',
    });
  }
  return { resource, scope };
}
