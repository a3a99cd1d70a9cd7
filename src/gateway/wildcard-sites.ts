import type { MountFamily } from './mount-family.ts';
import { createMountHostRoutes } from './routes.ts';
import { createSite, describe, type Site, type SitedMount } from './site.ts';
import {
  createWildcardHosts,
  memberOrigin,
  type WildcardHosts,
  type WildcardMatch,
} from './wildcard-hosts.ts';

/** What has to be known of a mount at many hosts to find it under one of them. */
export type SitedFamily = Pick<
  MountFamily,
  'config' | 'publicOrigin' | 'path' | 'serves' | 'open' | 'metadataOf'
>;

/** The hosts that wildcards match, each with those of the mounts that are there. */
export interface WildcardSites extends Pick<WildcardHosts, 'covers' | 'matches'> {
  /** What a host serves. Undefined: it is of no wildcard, or no mount has its label. @param host in canonical form */
  find(host: string): Site | undefined;
  /** The same for a host that was found before, in the spelling that clients use: undefined says nothing. */
  findKnown(host: string): Site | undefined;
}

/** Sites that are remembered: one is made in a few microseconds, and strangers name what they like. */
const maxKnown = 1_000;

/** @param mounts all there are: those with a host of their own are not looked for here */
export function createWildcardSites(
  mounts: readonly (SitedMount | SitedFamily)[],
  issuer: string,
): WildcardSites {
  const families = mounts.filter((mount) => 'serves' in mount);
  const hosts = createWildcardHosts(
    mounts.map((mount) => ('serves' in mount ? mount.config : mount)),
    issuer,
  );
  const ofWildcard = Map.groupBy(families, ({ publicOrigin }) => publicOrigin);
  const known = new Map<string, Site>();

  function make({ wildcard, label }: WildcardMatch): Site | undefined {
    const own = (ofWildcard.get(wildcard) ?? [])
      .filter((family) => family.serves(label))
      .map((family) => siteMember(family, label));
    if (own.length === 0) return undefined;
    const root = own.length === 1 ? own[0] : undefined;
    const routes = createMountHostRoutes(own.map(describe), root?.metadata);
    return createSite(memberOrigin(wildcard, label), own, routes);
  }

  return {
    findKnown: (host) => known.get(host),
    find(host) {
      const match = hosts.find(host);
      if (match === undefined) return undefined;
      const site = known.get(host) ?? make(match);
      if (site === undefined || known.has(host)) return site;
      const [oldest] = known.size < maxKnown ? [] : known.keys();
      if (oldest !== undefined) known.delete(oldest);
      known.set(host, site);
      return site;
    },
    covers: (hostname) => hosts.covers(hostname),
    matches: (hostname) => hosts.matches(hostname),
  };
}

/** Found, but not opened: only a call does that. */
function siteMember(family: SitedFamily, label: string): SitedMount {
  return {
    publicOrigin: memberOrigin(family.publicOrigin, label),
    path: family.path,
    metadata: (request, context) => family.metadataOf(label)(request, context),
    handle: (caller, context) => family.open(label).handle(caller, context),
  };
}
