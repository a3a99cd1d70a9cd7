import { isDeepStrictEqual } from 'node:util';

import type { GatehouseConfig, MountConfig } from './config/config.ts';

/** What a mount goes over to without another taking its place, under the names that the log has for it. */
const live = {
  policy_changed: ({ policy }) => policy,
  entry_changed: ({ entry }) => entry,
  labels_changed: ({ labels }) => labels,
} as const satisfies Readonly<Record<string, (mount: MountConfig) => unknown>>;

/** Names of the mounts that were there before, and of which this is another now. What is the same of all is left out. */
export function listLiveChanges(
  before: readonly MountConfig[],
  after: readonly MountConfig[],
): Readonly<Record<string, readonly string[]>> {
  const pairs = after.flatMap((mount) => {
    const earlier = before.find(({ name }) => name === mount.name);
    return earlier === undefined ? [] : [[earlier, mount] as const];
  });
  const changes = Object.entries(live).map(([label, read]) => {
    const changed = pairs.filter(([earlier, mount]) => !isDeepStrictEqual(read(earlier), read(mount)));
    return [label, changed.map(([, { name }]) => name)] as const;
  });
  return Object.fromEntries(changes.filter(([, names]) => names.length > 0));
}

/** Sections of the file that take effect without a restart. */
const sections = {
  mounts: 'mounts',
  entry: 'entry',
  clients: 'clients',
  trusted_issuers: 'trustedIssuers',
} as const satisfies Readonly<Record<string, keyof GatehouseConfig>>;

/** The sections that say something else now. */
export function listChangedSections(before: GatehouseConfig, after: GatehouseConfig): readonly string[] {
  return Object.entries(sections).flatMap(([section, key]) =>
    isDeepStrictEqual(before[key], after[key]) ? [] : [section],
  );
}
