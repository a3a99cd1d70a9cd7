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
