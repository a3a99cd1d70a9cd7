import type { GuardedFetch } from '../../platform/outbound/guarded-fetch.ts';
import { OAuthError } from '../../protocol/oauth-error.ts';
import type { Claims } from './claims.ts';
import { type GroupsSource, leavesGroupsUnsaid } from './groups-claim.ts';
import { readGraphGroups } from './graph-groups.ts';
import { addInheritedGroups } from './inherited-groups.ts';
import { ProviderFailure } from './provider-failure.ts';

/** What is done about people who are in more groups than a token of theirs can list. */
export interface OverageSettings {
  /** Where Microsoft Graph is. Undefined: it is not asked, and such people are refused. */
  readonly graphUrl: string | undefined;
  /** Ids to look for, beside those of the allowed groups and of rules. What is in none of the lists is left out. */
  readonly groups: readonly string[];
}

export interface OverageDeps {
  readonly config: GroupsSource & {
    readonly overage?: OverageSettings | undefined;
    readonly inheritsGroups?: boolean;
  };
  readonly allowedGroups: readonly string[];
  /** Those that the rules of this moment name. */
  readonly groupsOfRules: () => ReadonlySet<string>;
  readonly fetch: GuardedFetch;
}

/** Verified claims with the access token that came with them, for Microsoft Graph. */
export interface ClaimsWithToken {
  readonly claims: Claims;
  readonly accessToken: string;
}

/**
 * Completes claims that say there are groups, and not which, or leave inherited ones out. Where nobody may be asked they
 * stay as they are, and `readClaims` refuses them.
 * @throws ProviderFailure `groups_unresolved`: there was no answer, or none that could be used
 * @see https://learn.microsoft.com/en-us/entra/identity-platform/access-token-claims-reference#groups-overage-claim
 */
export function createOverageResolution(
  deps: OverageDeps,
): (issued: ClaimsWithToken, deadline: AbortSignal) => Promise<Claims> {
  const { groupsClaim, overage, inheritsGroups } = deps.config;
  const wanted = new Set([...deps.allowedGroups, ...(overage?.groups ?? [])]);

  return async ({ claims, accessToken }, deadline) => {
    if (inheritsGroups === true) {
      return addInheritedGroups(claims, deps.config, new Set([...wanted, ...deps.groupsOfRules()]));
    }
    const graphUrl = overage?.graphUrl;
    if (graphUrl === undefined || !leavesGroupsUnsaid(claims, deps.config)) return claims;
    const all = await readGraphGroups({ graphUrl, accessToken, deadline, fetch: deps.fetch });
    // Asked for after the answer: rules may have changed meanwhile.
    const ruled = deps.groupsOfRules();
    // Thousands of ids fit into no token of ours either; what no rule asks for is of no use here.
    return { ...claims, [groupsClaim]: all.filter((group) => wanted.has(group) || ruled.has(group)) };
  };
}

/** Graph's trouble, as a login ends with it. */
export function refuseUnresolved(error: unknown): unknown {
  if (!(error instanceof ProviderFailure) || error.code !== 'groups_unresolved') return error;
  return new OAuthError('server_error', 'The groups of this account could not be read', {
    reason: 'groups_unresolved',
    status: 502,
    cause: error,
  });
}
