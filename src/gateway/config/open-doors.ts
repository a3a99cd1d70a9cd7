import type { EntrySettings } from '../../services/entry/entry-gate.ts';
import type { ConfigWarning, GatehouseConfig } from './config.ts';

/** Warnings that every account of an identity provider may enter. */
const ofOpenDoors: ReadonlySet<string> = new Set(['allowed_groups_unset', 'idp_open_to_strangers']);

/** The warnings without those that the entry rules make untrue. */
export function leaveShutDoorsOut(
  config: Pick<GatehouseConfig, 'entry' | 'mounts' | 'warnings'>,
): readonly ConfigWarning[] {
  const { warnings } = config;
  return namesWhoEnters(config) ? warnings.filter(({ event }) => !ofOpenDoors.has(event)) : warnings;
}

/** Whether rules say of every mount that people log in for who may enter: to be on no list of others is not enough. */
function namesWhoEnters({ entry, mounts }: Pick<GatehouseConfig, 'entry' | 'mounts'>): boolean {
  return mounts.every((mount) => mount.accepts !== undefined || [entry, mount.entry].some(namesPeople));
}

function namesPeople(settings: EntrySettings | undefined): boolean {
  if (settings === undefined) return false;
  const { groups, emails, domains, subjects } = settings.rules;
  const lists = [groups.any, groups.all, emails.allow, domains.allow, subjects.allow];
  return lists.some((list) => list.length > 0);
}
