import { expandScope } from '../protocol/scope.ts';
import type { ClientFingerprint } from '../services/clients/client.ts';
import type { ScopeRules } from '../services/resources/resource.ts';
import type { GrantTerms } from '../services/tokens/grant-terms.ts';

/** What the client of a grant may be granted at most, with all that it includes. Undefined: every scope. */
export type FindObtainable = (grant: Pick<GrantTerms, 'client'>) => ReadonlySet<string> | undefined;

/**
 * Asked of every item of a list, so each limit is expanded once; a reload brings other limits.
 * @param findLimit the scopes that a client may be granted at most. Undefined: no limit
 */
export function createObtainableScopes(
  scopes: ScopeRules,
  findLimit: (client: ClientFingerprint) => readonly string[] | undefined,
): FindObtainable {
  const expanded = new WeakMap<readonly string[], ReadonlySet<string>>();
  return ({ client }) => {
    const limit = findLimit(client);
    if (limit === undefined) return undefined;
    const known = expanded.get(limit) ?? expandScope(limit, scopes);
    expanded.set(limit, known);
    return known;
  };
}
