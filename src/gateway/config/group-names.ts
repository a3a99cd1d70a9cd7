import type { EntrySettings } from '../../services/entry/entry-gate.ts';
import { type GroupName as EntryGroup, listGroupNames } from '../../services/entry/entry-rules.ts';
import { groupAddressSyntax } from '../../services/identity/google/google-directory-settings.ts';
import type { PresetProblem } from '../../services/identity/presets/preset.ts';
import { findPreset } from '../../services/identity/presets/presets.ts';
import { type GroupName as PolicyGroup, listGroupsOfRule } from '../../services/policy/rule.ts';
import type { GatehouseConfig, ProviderConfig } from './config.ts';
import { findProvidersOf } from './people-of-mount.ts';
import type { ConfigProblem } from './setting.ts';

type Judged = Pick<GatehouseConfig, 'identityProviders' | 'mounts' | 'entry'>;
type GroupName = EntryGroup | PolicyGroup;
type Naming = Pick<ProviderConfig, 'preset' | 'directory'>;

/**
 * What keeps a provider from ever saying one of these groups, as one in capitals where it writes small letters: a demand
 * for it lets nobody in, and a denial keeps nobody out, without a word.
 */
export function findMisnamed(
  { preset, directory }: Naming,
  groups: readonly string[],
): PresetProblem | undefined {
  const ways = findPreset(preset);
  const isAddressed = directory !== undefined && directory.reads !== 'users';
  return groups
    .map((group) => (isAddressed ? refuseAddress(group) : ways.refuseGroup?.(group)))
    .find((problem) => problem !== undefined);
}

/** Groups of entry rules and policies that the provider whose they are cannot say. */
export function findGroupNameProblems({ entry, mounts, ...config }: Judged): readonly ConfigProblem[] {
  const { identityProviders: all } = config;
  const homes = mounts.map((mount) => findProvidersOf(mount, all)[0]);
  return [
    ...judge('entry', groupsOf(entry), homes, all),
    ...mounts.flatMap((mount, index) => {
      const own = [homes[index]];
      return [
        ...judge(`mounts[${index}].entry`, groupsOf(mount.entry), own, all),
        ...(mount.policy?.rules ?? []).flatMap((rule) =>
          judge(`mounts[${index}].policy`, listGroupsOfRule(rule), own, all).map((found) => ({
            ...found,
            problem: `${found.problem}, in the rule ${JSON.stringify(rule.name)}`,
          })),
        ),
      ];
    }),
  ];
}

function judge(
  variable: string,
  names: readonly GroupName[],
  homes: ReadonlyArray<ProviderConfig | undefined>,
  all: readonly ProviderConfig[],
): ConfigProblem[] {
  const found = all
    .map((own) => findMisnamed(own, groupsAt(own, names, homes.includes(own))))
    .find((problem) => problem !== undefined);
  return found === undefined ? [] : [{ variable, ...found }];
}

function groupsAt({ issuer }: ProviderConfig, names: readonly GroupName[], isHome: boolean): string[] {
  return names.flatMap((name) => {
    if (typeof name === 'string') return isHome ? [name] : [];
    return name.issuer === issuer || (name.issuer === undefined && isHome) ? [name.group] : [];
  });
}

function groupsOf(entry: EntrySettings | undefined): readonly GroupName[] {
  return entry === undefined ? [] : listGroupNames(entry.rules.groups);
}

function refuseAddress(group: string): PresetProblem | undefined {
  if (groupAddressSyntax.test(group)) return undefined;
  const fix = 'write the addresses of groups in lower case, such as staff@example.com';
  return { problem: 'has an entry that is no group of the directory', fix };
}
