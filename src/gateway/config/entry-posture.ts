import type { EntrySettings } from '../../services/entry/entry-gate.ts';
import { type GroupName, listGroupNames } from '../../services/entry/entry-rules.ts';
import { findPreset } from '../../services/identity/presets/presets.ts';
import type { GatehouseConfig, ProviderConfig } from './config.ts';
import { findGroupNameProblems } from './group-names.ts';
import { entersByEmail, entersByLogin } from './file/entry-section.ts';
import { findProvidersOf } from './people-of-mount.ts';
import type { ConfigProblem } from './setting.ts';
import { findCulprit } from './unverified-email.ts';

type Judged = Pick<GatehouseConfig, 'identityProviders' | 'trustedIssuers' | 'mounts' | 'entry'>;
type Mount = GatehouseConfig['mounts'][0];

/** Entry rules that what is in force makes worthless, or that nobody could satisfy; groups of policies with them. */
export function findEntryProblems(config: Judged): readonly ConfigProblem[] {
  const culprits = config.mounts.map((mount) => findCulprit(config, mount) ?? findForeignCulprit(mount));
  return [
    ...judge(
      'entry',
      config.entry,
      culprits.find((each) => each !== undefined),
      config,
    ),
    ...judgeGroups('entry', config.entry, config.mounts, config),
    ...config.mounts.flatMap((mount, index) => [
      ...judge(`mounts[${index}].entry`, mount.entry, culprits[index], config),
      ...judgeGroups(`mounts[${index}].entry`, mount.entry, [mount], config),
    ]),
    ...findGroupNameProblems(config),
  ];
}

/** Groups of a provider that says none let nobody in, and keep nobody out. */
function judgeGroups(
  variable: string,
  entry: EntrySettings | undefined,
  mounts: readonly Mount[],
  { identityProviders }: Judged,
): ConfigProblem[] {
  const names = entry === undefined ? [] : listGroupNames(entry.rules.groups);
  const homes = mounts.map((mount) => findProvidersOf(mount, identityProviders)[0]);
  const silent = identityProviders.find(
    (own) => !own.saysGroups && names.some((name) => isOf(name, own, homes.includes(own))),
  );
  if (silent === undefined) return [];
  const problem = `names groups, and ${silent.title} says none by itself: they would let nobody in, and keep nobody out`;
  const fix = 'remove groups, or name the claim that has them in GROUPS_CLAIM';
  return [{ variable, problem, fix: findPreset(silent.preset).noGroupsFix ?? fix }];
}

function isOf(name: GroupName, { issuer }: ProviderConfig, isHome: boolean): boolean {
  return typeof name === 'string' ? isHome : name.issuer === issuer;
}

function judge(
  variable: string,
  entry: EntrySettings | undefined,
  culprit: string | undefined,
  { identityProviders }: Judged,
): ConfigProblem[] {
  if (entry === undefined) return [];
  const problems: ConfigProblem[] = [];
  if (culprit !== undefined && entersByEmail(entry)) {
    const problem = `goes by e-mail addresses, and ${culprit} takes those that nobody verified`;
    problems.push({ variable, problem, fix: `unset ${culprit}, or write groups or subjects` });
  }
  const comeByGitHub =
    identityProviders.length > 0 && identityProviders.every(({ preset }) => preset === 'github');
  if (comeByGitHub && entersByLogin(entry)) {
    const problem = 'asks how people logged in, and GitHub does not say it';
    const fix = 'remove acr, amr and max_authentication_age: nobody could enter';
    problems.push({ variable, problem, fix });
  }
  return problems;
}

function findForeignCulprit({ accepts }: Mount): string | undefined {
  return accepts?.trustUnverifiedEmail === true ? 'trust_unverified_email of accepts' : undefined;
}
