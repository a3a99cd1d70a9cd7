import type { EntryTable } from '../services/entry/entry-gate.ts';
import type { ProtectedResource } from '../services/resources/resource.ts';
import type { ResourceTable } from '../services/resources/resources.ts';
import type { GatehouseConfig, MountConfig } from './config/config.ts';
import { findProvidersOf } from './config/people-of-mount.ts';
import { identifyResource } from './config/resource-identifier.ts';
import { createLabelCheck, createWildcardHosts, isFamily, memberOrigin } from './wildcard-hosts.ts';

/** In a mount at many hosts: what stands for the `*` in a call. */
const placeholder = '{label}';

/**
 * The protected resources that tokens are issued for here, and the one that is meant by who names none. A mount that takes
 * the tokens of another issuer is none of them.
 */
export function describeResources({
  mounts,
  publicUrl,
}: Pick<GatehouseConfig, 'mounts' | 'publicUrl'>): ResourceTable {
  const ours = mounts.filter(({ accepts }) => accepts === undefined);
  const single = ours.filter((mount) => !isFamily(mount));
  const fallback = ours.length === 1 ? single[0] : single.find((mount) => mount.isDefault);
  const resources = single.map(describeResource);
  return {
    resources,
    fallback: fallback && resources[single.indexOf(fallback)],
    families: describeFamilies(mounts, publicUrl),
  };
}

function describeFamilies(
  mounts: readonly MountConfig[],
  issuer: string,
): NonNullable<ResourceTable['families']> {
  const hosts = createWildcardHosts(mounts, issuer);
  const families = new Map(
    mounts
      .filter(isFamily)
      .map((mount) => [identifyResource(mount), { mount, serves: createLabelCheck(mount.labels) }]),
  );
  return {
    all: [...families.values()].map(({ mount }) => describeResource(mount)),
    find(identifier) {
      const { host, origin, pathname } = new URL(identifier);
      const match = hosts.find(host);
      // The port of one scheme may be the other's default.
      if (match === undefined || memberOrigin(match.wildcard, match.label) !== origin) return undefined;
      const family = families.get(identifyResource({ publicOrigin: match.wildcard, path: pathname }));
      return family?.serves(match.label) === true ? describeMember(family.mount, match.label) : undefined;
    },
  };
}

/**
 * By what name rules and issuers know one of many alike. Also one that is not served any more, as its label was taken off or
 * its host is another's now: streams may still be there, and rules hold for them.
 */
export function describeFamilyNames({
  mounts,
  publicUrl,
}: Pick<GatehouseConfig, 'mounts' | 'publicUrl'>): (resource: string) => string | undefined {
  const whole = mounts.filter(isFamily).map((mount) => ({ ...mount, labels: 'any' as const }));
  const families = describeFamilies(whole, publicUrl);
  return (resource) => families.find(resource)?.family;
}

/** Who may enter which of the resources that the mounts are. */
export function describeEntry(
  { mounts, entry }: Pick<GatehouseConfig, 'mounts' | 'entry'>,
  config: Pick<GatehouseConfig, 'identityProviders' | 'publicUrl'>,
): EntryTable {
  const ofMounts = mounts.flatMap((mount) =>
    mount.entry === undefined ? [] : [[identifyResource(mount), mount.entry] as const],
  );
  const homes = mounts.map((mount) => [identifyResource(mount), findHomeIssuer(mount, config)] as const);
  return {
    all: entry,
    ofResource: new Map(ofMounts),
    homeIssuers: new Map(homes),
    familyOf: describeFamilyNames({ mounts, publicUrl: config.publicUrl }),
    clientIssuer: config.publicUrl,
  };
}

/**
 * Who knows the subjects that rules of a mount name without an issuer. Where there are several, the configuration has refused those;
 * where there is none, nobody is known by a name alone.
 */
export function findHomeIssuer(
  mount: MountConfig,
  { identityProviders: all }: Pick<GatehouseConfig, 'identityProviders'>,
): string {
  if (mount.accepts !== undefined) return mount.accepts.issuer;
  return [...findProvidersOf(mount, all), ...all][0]?.issuer ?? '';
}

/** One of the resources that a mount at many hosts is. Rules and clients of the operator know it by the name of them all. */
export function describeMember(family: MountConfig, label: string): ProtectedResource {
  return { ...describeResource(memberOf(family, label)), family: describeResource(family).identifier };
}

/** The mount of one label, as if it had been written down. */
export function memberOf(family: MountConfig, label: string): MountConfig {
  const { publicOrigin, title, upstream, headers } = family;
  const fill = (text: string): string => text.replaceAll(placeholder, label);
  return {
    ...family,
    labels: undefined,
    publicOrigin: memberOrigin(publicOrigin, label),
    title: title === undefined ? undefined : titleOf(title, label),
    upstream: { ...upstream, origin: fill(upstream.origin), path: fill(upstream.path) },
    headers: { ...headers, set: headers.set.map(([name, value]) => [name, fill(value)] as const) },
  };
}

/** People have to see which of them they let somebody into. */
function titleOf(title: string, label: string): string {
  return title.includes(placeholder) ? title.replaceAll(placeholder, label) : `${title} (${label})`;
}

/** @see RFC 9728 §3.1 for where the well-known part goes */
export function describeResource(mount: MountConfig): ProtectedResource {
  const { name, publicOrigin, path, title, scopes, dpop, identityProviders } = mount;
  const suffix = path === '/' ? '' : path;
  return {
    identifier: identifyResource(mount),
    mount: name,
    metadataUrl: `${publicOrigin}/.well-known/oauth-protected-resource${suffix}`,
    title,
    scopes,
    ...(identityProviders === undefined ? {} : { identityProviders }),
    dpop,
  };
}
