import { createMountFinder } from '../resource-server/proxy/request-target.ts';
import type { Mount } from './mount.ts';
import { isWellKnown, type MountRoutes, type Route } from './routes.ts';

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

export function createSite(origin: string, mounts: readonly SitedMount[], routes: readonly Route[]): Site {
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

/** What the routes have to know of a mount. */
export function describe({ path, metadata }: SitedMount): MountRoutes {
  return { path, metadata };
}
