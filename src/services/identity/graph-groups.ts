import type { GuardedFetch } from '../../platform/outbound/guarded-fetch.ts';
import { ProviderFailure } from './provider-failure.ts';

export interface GraphQuestion {
  readonly graphUrl: string;
  /** Of the person, for Graph. */
  readonly accessToken: string;
  readonly deadline: AbortSignal;
  readonly fetch: GuardedFetch;
}

interface Page {
  readonly groups: readonly string[];
  readonly next: string | undefined;
}

/** The most that Graph puts on one. */
const pageSize = 999;
/** Twenty thousand memberships; beyond that something else is wrong. */
const maxPages = 20;

/**
 * The ids of the groups that the owner of the token is in, directly or through others. Where the token says to look
 * (`_claim_sources`) is not asked: that is a retired interface.
 * @throws ProviderFailure `groups_unresolved`
 * @see https://learn.microsoft.com/en-us/graph/api/user-list-transitivememberof
 */
export async function readGraphGroups(question: GraphQuestion): Promise<readonly string[]> {
  const groups: string[] = [];
  let url: string | undefined =
    `${question.graphUrl}/v1.0/me/transitiveMemberOf?$select=id&$top=${String(pageSize)}`;
  for (let count = 0; url !== undefined; count += 1) {
    // One page less would be groups that somebody is in and nobody sees.
    if (count === maxPages) throw unresolved();
    // The token goes to Graph alone, whatever a page names as the next.
    if (URL.parse(url)?.origin !== new URL(question.graphUrl).origin) throw unresolved();
    const page = await readPage(url, question);
    groups.push(...page.groups);
    url = page.next;
  }
  return groups;
}

async function readPage(url: string, { accessToken, deadline, fetch }: GraphQuestion): Promise<Page> {
  const headers = { authorization: `Bearer ${accessToken}`, accept: 'application/json' };
  try {
    const response = await fetch(url, { headers, signal: deadline });
    if (response.status !== 200) throw unresolved();
    return parsePage(await response.json());
  } catch {
    throw unresolved();
  }
}

function parsePage(body: unknown): Page {
  if (typeof body !== 'object' || body === null || !('value' in body) || !Array.isArray(body.value)) {
    throw unresolved();
  }
  const members: readonly unknown[] = body.value;
  const next: unknown = Reflect.get(body, '@odata.nextLink');
  if (next !== undefined && typeof next !== 'string') throw unresolved();
  return { groups: members.flatMap(readGroup), next };
}

/** Directory roles and administrative units come along, and are no groups. */
function readGroup(member: unknown): readonly string[] {
  if (typeof member !== 'object' || member === null) throw unresolved();
  if (Reflect.get(member, '@odata.type') !== '#microsoft.graph.group') return [];
  const id: unknown = Reflect.get(member, 'id');
  if (typeof id !== 'string' || id === '') throw unresolved();
  return [id];
}

function unresolved(): ProviderFailure {
  return new ProviderFailure('groups_unresolved');
}
