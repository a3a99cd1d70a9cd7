import type { EntryTable } from '../services/entry/entry-gate.ts';
import type { ProtectedResource } from '../services/resources/resource.ts';
import type { ResourceTable } from '../services/resources/resources.ts';
import type { GatehouseConfig, MountConfig } from './config/config.ts';

/**
 * The protected resources that tokens are issued for here, and the one that is meant by who names none. A mount that takes
 * the tokens of another issuer is none of them.
 */
export function describeResources(mounts: GatehouseConfig['mounts']): ResourceTable {
  const ours = mounts.filter(({ accepts }) => accepts === undefined);
  const resources = ours.map(describeResource);
  const fallbackAt = ours.length === 1 ? 0 : ours.findIndex((mount) => mount.isDefault);
  return { resources, fallback: resources[fallbackAt] };
}

/** Who may enter which of the resources that the mounts are. */
export function describeEntry(
  { mounts, entry }: Pick<GatehouseConfig, 'mounts' | 'entry'>,
  config: Pick<GatehouseConfig, 'identityProviders'>,
): EntryTable {
  const ofMounts = mounts.flatMap((mount) =>
    mount.entry === undefined ? [] : [[describeResource(mount).identifier, mount.entry] as const],
  );
  const homes = mounts.map(
    (mount) =>
      [describeResource(mount).identifier, mount.accepts?.issuer ?? findHomeIssuer(mount, config)] as const,
  );
  return { all: entry, ofResource: new Map(ofMounts), homeIssuers: new Map(homes) };
}

/**
 * Who knows the subjects that rules name without an issuer. Where there are several, the configuration has refused those;
 * where there is none, nobody is known by a name alone.
 */
export function findHomeIssuer(
  { identityProviders: names }: MountConfig,
  config: Pick<GatehouseConfig, 'identityProviders'>,
): string {
  const [first] = config.identityProviders;
  const own = config.identityProviders.find(({ name }) => names?.includes(name) ?? true) ?? first;
  return own?.issuer ?? '';
}

/** @see RFC 9728 §3.1 for where the well-known part goes */
export function describeResource(mount: MountConfig): ProtectedResource {
  const { publicOrigin, path, title, scopes, dpop, identityProviders } = mount;
  const suffix = path === '/' ? '' : path;
  return {
    identifier: `${publicOrigin}${suffix}`,
    metadataUrl: `${publicOrigin}/.well-known/oauth-protected-resource${suffix}`,
    title,
    scopes,
    ...(identityProviders === undefined ? {} : { identityProviders }),
    dpop,
  };
}
