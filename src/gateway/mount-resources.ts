import type { ProtectedResource } from '../services/resources/resource.ts';
import type { ResourceTable } from '../services/resources/resources.ts';
import type { GatehouseConfig, MountConfig } from './config/config.ts';

/** The protected resources that the mounts are, and the one that is meant by who names none. */
export function describeResources(mounts: GatehouseConfig['mounts']): ResourceTable {
  const resources = mounts.map(describeResource);
  const fallbackAt = mounts.length === 1 ? 0 : mounts.findIndex((mount) => mount.isDefault);
  return { resources, fallback: resources[fallbackAt] };
}

/** @see RFC 9728 §3.1 for where the well-known part goes */
export function describeResource({ publicOrigin, path, title, scopes }: MountConfig): ProtectedResource {
  const suffix = path === '/' ? '' : path;
  return {
    identifier: `${publicOrigin}${suffix}`,
    metadataUrl: `${publicOrigin}/.well-known/oauth-protected-resource${suffix}`,
    title,
    scopes,
  };
}
