import { offlineAccess, requestScope } from '../../protocol/scope.ts';
import { checkClientResource, limitScope } from '../../services/clients/client-limits.ts';
import type { ProtectedResource } from '../../services/resources/resource.ts';
import type { GrantTerms } from '../../services/tokens/grant-terms.ts';
import type { TokenDeps, TokenRequest } from './grant-type.ts';

/** What a grant type without a person asks for: one resource, and scopes of it. */
export interface LimitedRequest {
  readonly resource: ProtectedResource;
  readonly scope: readonly string[];
}

/** What somebody else allowed the client at most; meant where the request names nothing. */
interface GrantedElsewhere {
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
  const isMeant = requested.length === 0 ? granted.resource : undefined;
  const resource = isMeant ?? resources.resolve(requested);
  checkClientResource(client, resource);
  const asked = requestScope(parameters.find('scope') ?? granted.scope, resource.scopes);
  const permanent = asked.filter((name) => name !== offlineAccess);
  const scope = limitScope(permanent, [client.scope, granted.scope?.split(' ')], resource.scopes);
  return { resource, scope };
}

/**
 * What is left of a grant within what the operator lets the client have now: a reload may have taken something away
 * since.
 * @throws OAuthError `invalid_target`, reason `client_resource_refused`; `invalid_scope`, reason `client_scope_refused`
 */
export function limitGranted(
  terms: GrantTerms,
  client: TokenRequest['client'],
  resource: ProtectedResource,
): GrantTerms {
  checkClientResource(client, resource);
  if (client.scope === undefined) return terms;
  return { ...terms, scope: limitScope(terms.scope, [client.scope], resource.scopes) };
}
