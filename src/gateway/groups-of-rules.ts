import { type GroupName as EntryGroup, listGroupNames } from '../services/entry/entry-rules.ts';
import { type GroupName as PolicyGroup, listGroupsOfRule } from '../services/policy/rule.ts';
import type { GatehouseConfig } from './config/config.ts';

/**
 * Every group that an entry rule or a policy names, whosever it is: what has to be known of a person whose identity
 * provider does not say all groups by itself.
 */
export function listGroupsOfRules({
  mounts,
  entry,
}: Pick<GatehouseConfig, 'mounts' | 'entry'>): ReadonlySet<string> {
  const entries = [entry, ...mounts.map((mount) => mount.entry)].flatMap((each) => each?.rules.groups ?? []);
  const rules = mounts.flatMap(({ policy }) => policy?.rules ?? []);
  return new Set([...entries.flatMap(listGroupNames), ...rules.flatMap(listGroupsOfRule)].map(nameOf));
}

function nameOf(name: EntryGroup | PolicyGroup): string {
  return typeof name === 'string' ? name : name.group;
}
