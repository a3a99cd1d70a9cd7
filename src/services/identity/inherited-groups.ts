import type { Claims } from './claims.ts';
import { type GroupsSource, readGroupsClaim } from './groups-claim.ts';

/**
 * Adds groups that somebody is in through a group above them, where the provider says the direct ones alone: whoever is in
 * `example` is in `example/mcp`. Only those that are asked about, for there may be thousands.
 *
 * A path that begins with the same letters is another group, and nobody is in a group for being in one below it.
 * @param asked full paths that rules name
 * @see https://docs.gitlab.com/user/project/members/ (inherited membership)
 */
export function addInheritedGroups(claims: Claims, source: GroupsSource, asked: Iterable<string>): Claims {
  const { groups } = readGroupsClaim(claims, source);
  const isInherited = (path: string): boolean =>
    groups.some((group) => group !== '' && path.startsWith(`${group}/`));
  const inherited = [...asked].filter((path) => isInherited(path) && !groups.includes(path));
  return inherited.length === 0 ? claims : { ...claims, [source.groupsClaim]: [...groups, ...inherited] };
}
