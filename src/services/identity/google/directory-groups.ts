import { ProviderFailure } from '../provider-failure.ts';
import type { RememberedGroups } from './remembered-groups.ts';

export interface GroupPage {
  /** Their addresses, in lower case. */
  readonly groups: readonly string[];
  readonly next: string | undefined;
}

/** One page of the groups that somebody, or a group, is a direct member of. Undefined: there is no such member. */
export type ListGroups = (member: string, pageToken: string | undefined) => Promise<GroupPage | undefined>;

export interface GroupSearch {
  readonly list: ListGroups;
  /** Undefined: groups that groups are in are not looked for. */
  readonly around: RememberedGroups | undefined;
}

/** Beyond these something else is wrong than many groups, and one less would be a group that nobody sees. */
const maxPagesOfOne = 20;
/** With those around them, each of which is a question. */
const maxGroups = 500;
const maxPages = 600;
const maxDepth = 10;
/** Of one person's question. */
const atOnce = 8;

/**
 * The groups of a person. Google lists those that somebody is a direct member of; nested, those are asked about in turn,
 * level by level, each once, so that a circle ends.
 * @throws ProviderFailure `directory_too_many_groups`, `directory_malformed`
 */
export async function findGroups(person: string, search: GroupSearch): Promise<readonly string[]> {
  const first = await walk(person, search);
  if (first.unknown.size === 0) return first.groups;
  // A group that was deleted is still around those that are remembered to be in it.
  const isRemembered = search.around?.forgetThoseIn(first.unknown) ?? false;
  const second = isRemembered ? await walk(person, search) : first;
  // Those that it was in may be around somebody all the same.
  if (second.unknown.size > 0) throw new ProviderFailure('directory_malformed');
  return second.groups;
}

interface Walk {
  readonly groups: readonly string[];
  /** Listed, and said not to be there. */
  readonly unknown: ReadonlySet<string>;
}

async function walk(person: string, { list, around }: GroupSearch): Promise<Walk> {
  const found = new Set<string>();
  const unknown = new Set<string>();
  let pages = 0;

  async function listAll(member: string): Promise<readonly string[]> {
    const groups: string[] = [];
    let pageToken: string | undefined;
    for (let count = 0; count < maxPagesOfOne && pages < maxPages; count += 1) {
      pages += 1;
      const page = await list(member, pageToken);
      if (page === undefined) {
        unknown.add(member);
        return [];
      }
      groups.push(...page.groups);
      pageToken = page.next;
      if (pageToken === undefined) return groups;
    }
    throw tooMany();
  }

  async function listAround(group: string): Promise<readonly string[]> {
    const known = around?.find(group);
    if (known !== undefined) return known;
    const groups = await listAll(group);
    if (!unknown.has(group)) around?.put(group, groups);
    return groups;
  }

  let level: readonly string[] = [person];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > maxDepth) throw tooMany();
    const listed = await inBatches(level, depth === 0 ? listAll : listAround);
    level = [...new Set(listed)].filter((group) => !found.has(group));
    for (const group of level) found.add(group);
    if (around === undefined) break;
    if (found.size > maxGroups) throw tooMany();
  }
  return { groups: [...found], unknown };
}

async function inBatches(
  members: readonly string[],
  listAll: (member: string) => Promise<readonly string[]>,
): Promise<readonly string[]> {
  const listed: string[] = [];
  for (let start = 0; start < members.length; start += atOnce) {
    const batch = await Promise.all(members.slice(start, start + atOnce).map(listAll));
    listed.push(...batch.flat());
  }
  return listed;
}

function tooMany(): ProviderFailure {
  return new ProviderFailure('directory_too_many_groups');
}
