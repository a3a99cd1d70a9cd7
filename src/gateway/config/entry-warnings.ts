import type { EntrySettings } from '../../services/entry/entry-gate.ts';
import { type GroupName, listGroupNames } from '../../services/entry/entry-rules.ts';
import type { ConfigWarning, GatehouseConfig, MountConfig, ProviderConfig } from './config.ts';
import { findProvidersOf, findTrustedIssuersOf } from './people-of-mount.ts';

type Judged = Pick<
  GatehouseConfig,
  'entry' | 'trustedIssuers' | 'identityProviders' | 'mounts' | 'identityRecheck'
>;

/** Entry rules that are not wrong, and that mean less than they seem to. */
export function findEntryWarnings(config: Judged): readonly ConfigWarning[] {
  return [
    ...config.mounts.flatMap((mount) => warnOfShutOut(mount, config)),
    ...warnOfStrangers(config),
    ...warnOfUnseenGroups(config),
  ];
}

/**
 * Identity providers and trusted issuers whose people come and never enter: rules name groups without an issuer, which are
 * those of the mount's first identity provider.
 */
function warnOfShutOut(mount: MountConfig, config: Judged): readonly ConfigWarning[] {
  const [home, ...others] = findProvidersOf(mount, config.identityProviders);
  const entries = [config.entry, mount.entry].filter((entry) => entry !== undefined);
  const vouching = [...others, ...findTrusted(mount, config)].filter(({ issuer }) => issuer !== home?.issuer);
  const shut = vouching.filter((other) => entries.some((entry) => isShutOut(entry, other)));
  if (home === undefined || shut.length === 0) return [];
  const names = shut.map(({ name }) => name).join(', ');
  const message = `nobody of ${names} can enter mount ${mount.name}: its entry rules name groups of ${home.name} alone; write { issuer: …, group: … } for others`;
  return [{ event: 'entry_groups_of_one_provider', message }];
}

/** A denial with a slash too many in its issuer denies nobody. */
function warnOfStrangers(config: Judged): readonly ConfigWarning[] {
  const known = new Set([
    ...[...config.identityProviders, ...config.trustedIssuers].map(({ issuer }) => issuer),
    ...config.mounts.map(({ accepts }) => accepts?.issuer),
  ]);
  const named = [config, ...config.mounts].flatMap(({ entry }) =>
    entry === undefined ? [] : issuersOf(entry),
  );
  return [...new Set(named)]
    .filter((issuer) => !known.has(issuer))
    .map((issuer) => ({
      event: 'entry_issuer_unknown',
      message: `entry rules name ${issuer}, and nobody comes from there: write the issuer of an identity provider, to the letter`,
    }));
}

/** A denial of tomorrow is about groups that nobody has looked for, and without a recheck nobody ever does. */
function warnOfUnseenGroups({ identityProviders, identityRecheck }: Judged): readonly ConfigWarning[] {
  if (identityRecheck.mode !== 'off') return [];
  return identityProviders
    .filter(({ directory, inheritsGroups }) => directory?.keeps !== undefined || inheritsGroups)
    .map(({ name }) => ({
      event: 'entry_groups_unseen',
      message: `of the groups of ${name} those are known that rules named at the login, and IDENTITY_RECHECK=off: a rule that keeps another group out does not see who is in until GRANT_LIFETIME`,
    }));
}

type Vouching = Pick<ProviderConfig, 'name' | 'issuer'>;

function findTrusted(mount: MountConfig, { trustedIssuers }: Judged): readonly Vouching[] {
  return findTrustedIssuersOf(mount, trustedIssuers).map(({ issuer }) => ({ name: issuer, issuer }));
}

function isShutOut({ rules: { groups } }: EntrySettings, { issuer }: Vouching): boolean {
  const isElsewhere = (name: GroupName): boolean => typeof name === 'string' || name.issuer !== issuer;
  return (groups.any.length > 0 && groups.any.every(isElsewhere)) || groups.all.some(isElsewhere);
}

function issuersOf({ rules: { groups, subjects } }: EntrySettings): readonly string[] {
  const names = [...listGroupNames(groups), ...subjects.allow, ...subjects.deny];
  return names.flatMap((name) => (typeof name === 'string' ? [] : (name.issuer ?? [])));
}
