import { isHostLabel } from '../../../protocol/host-label.ts';
import type { ConfigWarning } from '../config.ts';
import type { MountRule } from './mount-posture.ts';
import { hasLabel, hasLabelInHost } from './mount-url.ts';
import type { MountEntry } from './mounts-section.ts';

/** What must hold of a mount at every host that matches a wildcard, and of one that is not. */
export const wildcardRules: readonly MountRule[] = [
  {
    key: 'labels',
    find: ({ labels, url }) =>
      labels !== undefined && !url.isWildcard
        ? {
            problem: 'is set, and url has no *',
            fix: 'write url as https://*.mcp.example.com/mcp, or remove it',
          }
        : undefined,
  },
  {
    key: 'upstream',
    find: ({ upstream, url }) =>
      hasLabel(upstream) && !url.isWildcard
        ? { problem: 'has {label}, and url has no *', fix: 'write what is meant in its place' }
        : undefined,
  },
  {
    key: 'default',
    find: (entry) =>
      entry.default && entry.url.isWildcard
        ? {
            problem: 'is true, and the mount is at many hosts',
            fix: 'remove it: whoever names no resource means one of them, and nobody knows which',
          }
        : undefined,
  },
  {
    key: 'accepts',
    find: ({ accepts, url }) =>
      accepts !== undefined && url.isWildcard
        ? {
            problem: 'is set, and the mount is at many hosts',
            fix: 'write a mount for each host: a token that is for several of them would be good at each',
          }
        : undefined,
  },
  {
    key: 'url',
    find: ({ url }, _, { ALLOWED_HOSTS = [], PROXY_BASE_URL: issuer }) =>
      url.isWildcard && ALLOWED_HOSTS.some((host) => nameOf(host) !== issuer?.host && isAt(host, url.origin))
        ? {
            problem: 'matches a host of ALLOWED_HOSTS, under which PROXY_BASE_URL is asked',
            fix: 'remove that one there, or write another host here: nobody is served under the name of another',
          }
        : undefined,
  },
];

/** Mounts that send calls to whichever host of a domain their callers name. */
export function findOpenUpstreams(mounts: readonly MountEntry[]): ConfigWarning[] {
  return mounts
    .filter(({ labels, upstream }) => labels === undefined && hasLabelInHost(upstream))
    .map(({ name }) => ({
      event: 'wildcard_labels_open',
      message: `mount ${name} has {label} in the host of its upstream and no labels: whoever may sign in has any host of that form called`,
    }));
}

/** Whether a host has one label in place of the `*` of an origin. */
function isAt(host: string, origin = ''): boolean {
  const [label = '', ...rest] = nameOf(host).split('.');
  return isHostLabel(label) && new URL(origin).hostname === `*.${rest.join('.')}`;
}

function nameOf(host: string): string {
  return host.replace(/:\d+$/, '');
}
