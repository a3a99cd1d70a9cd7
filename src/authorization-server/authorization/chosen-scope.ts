import { OAuthError } from '../../protocol/oauth-error.ts';
import { offlineAccess } from '../../protocol/scope.ts';
import type { ScopeRules } from '../../services/resources/resource.ts';

export type ScopeChoice =
  | { readonly outcome: 'chosen'; readonly scope: readonly string[] }
  /** There were permissions to choose from, and none is left. */
  | { readonly outcome: 'nothing-chosen' };

/**
 * What a person's choice leaves of the scope that they were asked for. It can only become less; what every call needs stays,
 * since without it nothing that is granted would be of use.
 * @throws OAuthError `invalid_request`, reason `parameter_malformed`, when something is chosen that was not asked
 */
export function chooseScope(
  requested: readonly string[],
  chosen: readonly string[],
  { required }: Pick<ScopeRules, 'required'>,
): ScopeChoice {
  const asked = listPermissions(requested);
  if (!chosen.every((name) => asked.includes(name))) {
    throw new OAuthError('invalid_request', 'The form has a permission that was not asked for', {
      reason: 'parameter_malformed',
    });
  }
  const kept = asked.filter((name) => chosen.includes(name) || required.includes(name));
  if (asked.length > 0 && kept.length === 0) return { outcome: 'nothing-chosen' };
  return {
    outcome: 'chosen',
    scope: requested.filter((name) => !asked.includes(name) || kept.includes(name)),
  };
}

/** The part of a scope that a person decides on. How long a client is let in is the same for all of them. */
export function listPermissions(scope: readonly string[]): readonly string[] {
  return scope.filter((name) => name !== offlineAccess);
}
