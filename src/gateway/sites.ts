/**
 * Which host serves what: the issuer's everything of the authorization server and the mounts that have no host of their
 * own; each other host its mounts, their metadata, and nothing else. A table of these is made once and replaced whole.
 */
import type { Handler } from '../platform/http/handler.ts';
import { createMountFinder } from '../resource-server/proxy/request-target.ts';
import type { Mount } from './mount.ts';
import {
  createIssuerRoutes,
  createMountHostRoutes,
  type Endpoints,
  isWellKnown,
  type Route,
} from './routes.ts';

/** What has to be known of a mount to find it. */
export type SitedMount = Pick<Mount, 'publicOrigin' | 'path' | 'metadata' | 'handle'>;

/** What one host serves. */
export interface Site {
  /** Scheme, host and port. */
  readonly origin: string;
  /** The mount that a raw request target is for, be it to refuse it. */
  findMount(target: string): SitedMount | undefined;
  readonly routes: ReadonlyMap<string, Route>;
}

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
}

/** @param fallback the mount that is meant by who names none */
export function createSites(
  mounts: readonly SitedMount[],
  fallback: SitedMount | undefined,
  { issuer, endpoints, isHostAcceptable }: SitesDeps,
): Sites {
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
  if (byHost.size > 0) for (const host of spellHost(issuer)) byHost.set(host, issuerSite);
  taken.delete(new URL(issuer).hostname);

  function findOther(hosts: readonly string[]): Site | undefined {
    const [host] = hosts;
    if (host !== undefined && hosts.length === 1) {
      const canonical = canonicalHost(host);
      const site = byHost.get(canonical);
      if (site !== undefined) return site;
      // Browsers share cookies between the ports of a name: what the issuer shows must not be seen under a mount's.
      if (taken.has(canonical.replace(/:\d+$/, ''))) return undefined;
    }
    return isHostAcceptable(hosts) ? issuerSite : undefined;
  }

  return {
    find(hosts) {
      if (byHost.size === 0) return isHostAcceptable(hosts) ? issuerSite : undefined;
      return (hosts.length === 1 ? byHost.get(hosts[0] as string) : undefined) ?? findOther(hosts);
    },
    findByUrl: (url) => byHost.get(canonicalHost(url.host)) ?? issuerSite,
  };
}

function describe({ path, metadata }: SitedMount): { readonly path: string; readonly metadata: Handler } {
  return { path, metadata };
}

function createSite(origin: string, mounts: readonly SitedMount[], routes: readonly Route[]): Site {
  const find = createMountFinder(mounts);
  return {
    origin,
    routes: new Map(routes.map((route) => [route.path, route])),
    findMount(target) {
      const mount = find(target);
      if (mount === undefined || target.length === mount.path.length) return mount;
      return isWellKnown(target, mount.path) ? undefined : mount;
    },
  };
}

/** As clients write the host of an origin: its default port may be there. */
function spellHost(origin: string): readonly string[] {
  const { host, port, protocol } = new URL(origin);
  return port === '' ? [host, `${host}:${protocol === 'https:' ? 443 : 80}`] : [host];
}

/** In lower case, and without the dot that ends a full name. */
function canonicalHost(host: string): string {
  return host.toLowerCase().replace(/\.(?=:\d+$|$)/, '');
}
