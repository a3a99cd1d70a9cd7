import type { GroupName as EntryGroup } from '../services/entry/entry-rules.ts';
import type { GroupName as PolicyGroup } from '../services/policy/rule.ts';
import type { GatehouseConfig, MountConfig } from './config/config.ts';

/**
 * Every group that an entry rule or a policy names, whosever it is: what has to be known of a person whose identity
 * provider does not say all groups by itself.
 */
export function listGroupsOfRules({
  mounts,
  entry,
}: Pick<GatehouseConfig, 'mounts' | 'entry'>): ReadonlySet<string> {
  const entries = [entry, ...mounts.map((mount) => mount.entry)].flatMap((each) => each?.rules.groups ?? []);
  return new Set([
    ...entries.flatMap(({ any, all, none }) => [...any, ...all, ...none]).map(nameOf),
    ...mounts.flatMap(groupsOfPolicy).map(nameOf),
  ]);
}

function groupsOfPolicy({ policy }: MountConfig): readonly PolicyGroup[] {
  const whos = (policy?.rules ?? []).flatMap(({ to = [], except }) => [...to, ...except]);
  return whos.flatMap(({ groups = [] }) => groups);
}

function nameOf(name: EntryGroup | PolicyGroup): string {
  return typeof name === 'string' ? name : name.group;
}
