import { OAuthError } from '../../protocol/oauth-error.ts';
import { expandScope, type ScopeVocabulary } from '../../protocol/scope.ts';
import type { ProtectedResource } from '../resources/resource.ts';
import type { Client } from './client.ts';

/**
 * Refuses a resource that the operator does not let the client use.
 * @throws OAuthError `invalid_target`, reason `client_resource_refused`
 */
export function checkClientResource(
  { resources }: Pick<Client, 'resources'>,
  { identifier, family = identifier }: Pick<ProtectedResource, 'identifier' | 'family'>,
): void {
  if (resources === undefined || resources.includes(family)) return;
  throw new OAuthError('invalid_target', 'The client may not use this resource', {
    reason: 'client_resource_refused',
  });
}

/**
 * Of these scopes, those that are within every limit, what a limit includes being within it, too.
 * @param limits names of scopes; undefined: no limit
 * @throws OAuthError `invalid_scope`, reason `client_scope_refused`, when none is left of a resource that has scopes: a
 * token without any would not be less than what was asked
 */
export function limitScope(
  scope: readonly string[],
  limits: ReadonlyArray<readonly string[] | undefined>,
  known: ScopeVocabulary,
): readonly string[] {
  const permitted = limits.flatMap((limit) => (limit === undefined ? [] : [expandScope(limit, known)]));
  const left = scope.filter((name) => permitted.every((names) => names.has(name)));
  if (left.length > 0 || known.declared.length === 0) return left;
  throw new OAuthError('invalid_scope', 'The client may have none of the requested scopes', {
    reason: 'client_scope_refused',
  });
}
