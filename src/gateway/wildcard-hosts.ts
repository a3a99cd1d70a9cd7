import { isHostLabel } from '../protocol/host-label.ts';
import type { MountConfig } from './config/config.ts';

/** A host that a wildcard matches. */
export interface WildcardMatch {
  /** The origin of the mounts, with its `*`. */
  readonly wildcard: string;
  /** What stands for it. */
  readonly label: string;
}

/** The hosts of mounts that have a `*` in their origin. */
export interface WildcardHosts {
  /**
   * Which wildcard a host is of. None: it has another label in its place than one may have, or is a host of its own.
   * @param host in lower case, with its port if there is one, and no dot at its end
   */
  find(host: string): WildcardMatch | undefined;
  /** Whether a name is somewhere below a wildcard, served or not, and is no host of its own. @param hostname without a port */
  covers(hostname: string): boolean;
  /** Whether a name has one label in place of a wildcard's, whatever the port and the label. */
  matches(hostname: string): boolean;
}

/** Whether a mount is at every host that its origin matches. */
export function isFamily({ labels }: Pick<MountConfig, 'labels'>): boolean {
  return labels !== undefined;
}

/** Tells which labels may stand for the `*` of a mount, as far as that is the mount's to say. */
export function createLabelCheck(labels: MountConfig['labels']): (label: string) => boolean {
  if (labels === 'any') return () => true;
  const served = new Set(labels);
  return (label) => served.has(label);
}

/** @param wildcard an origin with a `*` */
export function memberOrigin(wildcard: string, label: string): string {
  return wildcard.replace('*', label);
}

/** @param issuer is a host of its own, as are those of the mounts that have one: they win, whatever their port */
export function createWildcardHosts(
  mounts: readonly Pick<MountConfig, 'publicOrigin' | 'labels'>[],
  issuer: string,
): WildcardHosts {
  const own = new Set(
    [issuer, ...mounts.filter((mount) => !isFamily(mount)).map(({ publicOrigin }) => publicOrigin)].map(
      (origin) => new URL(origin).hostname,
    ),
  );
  const wildcards = new Set(mounts.filter(isFamily).map(({ publicOrigin }) => publicOrigin));
  const byRest = new Map(
    [...wildcards].flatMap((origin) =>
      spellHost(origin).map((host) => [host.slice(host.indexOf('.')), origin] as const),
    ),
  );
  const rests = [...wildcards].map((origin) => new URL(origin).hostname.slice(1));
  return {
    find(host) {
      const dot = host.indexOf('.');
      const wildcard = dot < 1 ? undefined : byRest.get(host.slice(dot));
      if (wildcard === undefined) return undefined;
      const label = host.slice(0, dot);
      return isHostLabel(label) && !own.has(nameOf(host)) ? { wildcard, label } : undefined;
    },
    covers: (hostname) => !own.has(hostname) && rests.some((rest) => hostname.endsWith(rest)),
    matches: (hostname) => rests.includes(hostname.slice(hostname.indexOf('.'))),
  };
}

/** The host of an origin as clients write it: its default port may be there. */
export function spellHost(origin: string): readonly string[] {
  const { host, port, protocol } = new URL(origin);
  return port === '' ? [host, `${host}:${protocol === 'https:' ? 443 : 80}`] : [host];
}

function nameOf(host: string): string {
  return host.replace(/:\d+$/, '');
}
