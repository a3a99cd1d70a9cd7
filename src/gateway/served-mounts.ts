import type { Resources, ResourceTable } from '../services/resources/resources.ts';
import type { GatehouseConfig, MountConfig } from './config/config.ts';
import { listLiveChanges } from './live-changes.ts';
import { describeResources } from './mount-resources.ts';
import { type AnyMount, type MountChanges, type Mounts, openMounts } from './mounts.ts';
import { createSites, type Sites, type SitesDeps } from './sites.ts';

/** The mounts, and where they are found: by host, and as the resource that a token is for. All change together. */
export interface ServedMounts extends Omit<Mounts, 'replace'> {
  readonly findSite: Sites['find'];
  readonly findSiteByUrl: Sites['findByUrl'];
  /** See `Mounts.replace`. @throws PemFileError when one of them cannot be opened, and all is as it was */
  replace(mounts: GatehouseConfig['mounts']): MountChanges & ReturnType<typeof listLiveChanges>;
}

export interface ServedMountsDeps extends SitesDeps {
  readonly resources: Resources & { replace(table: ResourceTable): void };
  readonly openMount: (config: MountConfig) => AnyMount;
}

/** @throws PemFileError when a certificate for an upstream is not acceptable */
export function serveMounts(initial: GatehouseConfig['mounts'], deps: ServedMountsDeps): ServedMounts {
  const { issuer: publicUrl, resources, openMount } = deps;
  const mounts = openMounts(initial, openMount);
  const layOut = (): Sites => createSites(mounts.all, mounts.fallback, deps);
  let configs = initial;
  let sites = layOut();

  return {
    get all() {
      return mounts.all;
    },
    get fallback() {
      return mounts.fallback;
    },
    findSite: (hosts) => sites.find(hosts),
    findSiteByUrl: (url) => sites.findByUrl(url),
    replace(next) {
      const changes = { ...mounts.replace(next), ...listLiveChanges(configs, next) };
      // Before the first call can come for one of them.
      resources.replace(describeResources({ mounts: next, publicUrl }));
      configs = next;
      sites = layOut();
      return changes;
    },
    reloadTls: () => mounts.reloadTls(),
    upstreamTlsExpiresAt: () => mounts.upstreamTlsExpiresAt(),
    endListeningStreams: (part) => mounts.endListeningStreams(part),
    close: () => mounts.close(),
  };
}
