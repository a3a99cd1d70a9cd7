/**
 * Which host serves what: the issuer's everything of the authorization server and the mounts that have no host of their
 * own; each other host its mounts, their metadata, and nothing else. A table of these is made once and replaced whole.
 */
import { createIssuerRoutes, createMountHostRoutes, type Endpoints } from './routes.ts';
import { createSite, describe, type Site, type SitedMount } from './site.ts';
import { spellHost } from './wildcard-hosts.ts';
import { createWildcardSites, type SitedFamily } from './wildcard-sites.ts';

export interface Sites {
  /** Undefined: nobody is served under this `Host`. @param hosts every value of the header, each judged by `isHost` */
  find(hosts: readonly string[]): Site | undefined;
  /** The host of a URL that a parser has made, for who comes without a socket. */
  findByUrl(url: URL): Site;
}

export interface SitesDeps {
  readonly issuer: string;
  /** Undefined: there is no authorization server. */
  readonly endpoints: Endpoints | undefined;
  /** Whether a `Host` that is nobody's may be taken for the issuer's. */
  readonly isHostAcceptable: (hosts: readonly string[]) => boolean;
  /** Hosts, with a port or without, that are the issuer's wherever they are. Absent: none. */
  readonly allowedHosts?: readonly string[];
}

/** @param fallback the mount that is meant by who names none */
export function createSites(
  all: readonly (SitedMount | SitedFamily)[],
  fallback: SitedMount | undefined,
  { issuer, endpoints, isHostAcceptable, allowedHosts = [] }: SitesDeps,
): Sites {
  const mounts = all.filter((mount) => 'handle' in mount);
  const wildcards = createWildcardSites(all, issuer);
  // Not those that a label may have: a reload brings wildcards, and these stay what they were at the start.
  const allowedNames = new Set(allowedHosts.map(nameOf).filter((name) => !wildcards.matches(name)));
  const groups = Map.groupBy(mounts, ({ publicOrigin }) => publicOrigin);
  const here = groups.get(issuer) ?? [];
  const described = here.map(describe);
  const rootMetadata = here.find((mount) => mount === fallback)?.metadata;
  const routes =
    endpoints === undefined
      ? createMountHostRoutes(described, rootMetadata)
      : createIssuerRoutes(endpoints, described, rootMetadata);
  const issuerSite = createSite(issuer, here, routes);
  groups.delete(issuer);

  const byHost = new Map<string, Site>();
  /** Names of hosts that are a mount's, whatever the port. */
  const taken = new Set<string>();
  for (const [origin, own] of groups) {
    const root = own.length === 1 ? own[0] : own.find((mount) => mount === fallback);
    const site = createSite(origin, own, createMountHostRoutes(own.map(describe), root?.metadata));
    for (const host of spellHost(origin)) byHost.set(host, site);
    taken.add(new URL(origin).hostname);
  }
  if (byHost.size > 0 || mounts.length < all.length) {
    for (const host of spellHost(issuer)) byHost.set(host, issuerSite);
  }
  taken.delete(new URL(issuer).hostname);

  function findOther(hosts: readonly string[]): Site | undefined {
    const [host] = hosts;
    if (host !== undefined && hosts.length === 1) {
      const canonical = canonicalHost(host);
      const site = byHost.get(canonical) ?? wildcards.find(canonical);
      if (site !== undefined) return site;
      const name = nameOf(canonical);
      // Browsers share cookies between the ports of a name: what the issuer shows must not be seen under a mount's.
      if (taken.has(name) || (wildcards.covers(name) && !allowedNames.has(name))) return undefined;
    }
    return isHostAcceptable(hosts) ? issuerSite : undefined;
  }

  return {
    find(hosts) {
      if (byHost.size === 0) return isHostAcceptable(hosts) ? issuerSite : undefined;
      const host = hosts.length === 1 ? (hosts[0] as string) : '';
      return byHost.get(host) ?? wildcards.findKnown(host) ?? findOther(hosts);
    },
    findByUrl(url) {
      const host = canonicalHost(url.host);
      return byHost.get(host) ?? wildcards.find(host) ?? issuerSite;
    },
  };
}

/** In lower case, and without the dot that ends a full name. */
function canonicalHost(host: string): string {
  return host.toLowerCase().replace(/\.(?=:\d+$|$)/, '');
}

/** Without a port, and without any dots at its end. */
function nameOf(host: string): string {
  return host.replace(/:\d*$/, '').replace(/\.+$/, '');
}
