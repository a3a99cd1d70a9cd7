import { isDeepStrictEqual } from 'node:util';

import type { GatehouseConfig, MountConfig } from './config/config.ts';
import type { Mount } from './mount.ts';
import type { MountFamily } from './mount-family.ts';

/** A mount, at one host or at many. */
export type AnyMount = Mount | MountFamily;

/** The mounts there are now, and those whose last calls are under way. */
export interface Mounts {
  readonly all: readonly AnyMount[];
  /** Meant by who names none. Undefined: that is refused. */
  readonly fallback: Mount | undefined;
  /**
   * Goes over to other mounts. One whose configuration is the same stays as it is, with its connections and streams; one
   * that is gone or is another now takes no more calls, and goes when those that it has are over. One of which only the
   * policy or the labels are others stays, and takes them; which one is the default touches none. When one cannot be
   * opened, nothing has happened.
   * @throws PemFileError
   */
  replace(configs: GatehouseConfig['mounts']): MountChanges;
  reloadTls(): void;
  /** Unix seconds; undefined: none of them shows or trusts certificates of ours. */
  upstreamTlsExpiresAt(): number | undefined;
  endListeningStreams(part: number): void;
  close(): void;
}

/** Names. A mount that is another now is in two of the three. */
export interface MountChanges {
  readonly kept: readonly string[];
  readonly opened: readonly string[];
  readonly retired: readonly string[];
}

/** @throws PemFileError when a certificate for an upstream is not acceptable */
export function openMounts(
  initial: GatehouseConfig['mounts'],
  openMount: (config: MountConfig) => AnyMount,
): Mounts {
  let all = openAll(initial, [], openMount);
  let fallback = findFallback(initial, all);
  const leaving = new Set<AnyMount>();

  function retire(mount: AnyMount): void {
    leaving.add(mount);
    mount.retire(() => {
      leaving.delete(mount);
      mount.close();
    });
  }

  const everyMount = (): readonly AnyMount[] => [...all, ...leaving];

  return {
    get all() {
      return all;
    },
    get fallback() {
      return fallback;
    },
    replace(configs) {
      const next = openAll(configs, all, openMount);
      for (const [index, mount] of next.entries()) takeTheLive(mount, configs[index]);
      const retired = all.filter((mount) => !next.includes(mount));
      const changes = {
        kept: next.filter((mount) => all.includes(mount)).map(nameOf),
        opened: next.filter((mount) => !all.includes(mount)).map(nameOf),
        retired: retired.map(nameOf),
      };
      all = next;
      fallback = findFallback(configs, next);
      for (const mount of retired) retire(mount);
      for (const mount of leaving) followRules(mount, configs);
      return changes;
    },
    reloadTls() {
      for (const mount of everyMount()) mount.upstreamTls?.reload();
    },
    upstreamTlsExpiresAt() {
      const ends = all.flatMap((mount) => mount.upstreamTls?.expiresAt() ?? []);
      return ends.length === 0 ? undefined : Math.min(...ends);
    },
    endListeningStreams(part) {
      for (const mount of everyMount()) mount.endListeningStreams(part);
    },
    close() {
      for (const mount of everyMount()) mount.close();
    },
  };
}

/** Opens those of which there is no equal; when one cannot be opened, none is. */
function openAll(
  configs: GatehouseConfig['mounts'],
  present: readonly AnyMount[],
  openMount: (config: MountConfig) => AnyMount,
): readonly AnyMount[] {
  const opened: AnyMount[] = [];
  try {
    return configs.map((config) => {
      const same = present.find((mount) =>
        isDeepStrictEqual(withoutTheLive(mount.config), withoutTheLive(config)),
      );
      if (same !== undefined) return same;
      const mount = openMount(config);
      opened.push(mount);
      return mount;
    });
  } catch (error) {
    for (const mount of opened) mount.close();
    throw error;
  }
}

function takeTheLive(mount: AnyMount, config: MountConfig | undefined): void {
  changePolicy(mount, config?.policy);
  if (!('changeLabels' in mount) || isDeepStrictEqual(mount.config.labels, config?.labels)) return;
  mount.changeLabels(config?.labels);
}

function changePolicy(mount: AnyMount, policy: MountConfig['policy']): void {
  if (!isDeepStrictEqual(mount.config.policy, policy)) mount.changePolicy(policy);
}

/** A call that is under way at a mount that is another now hears the rules that are written there now. */
function followRules(mount: AnyMount, configs: GatehouseConfig['mounts']): void {
  const heir = configs.find(({ name }) => name === mount.config.name);
  if (heir !== undefined) changePolicy(mount, heir.policy);
}

/** Nothing that a mount itself has to know, or only from its next call on. Entry rules are kept and changed elsewhere. */
function withoutTheLive(config: MountConfig): MountConfig {
  return { ...config, policy: undefined, entry: undefined, labels: undefined, isDefault: false };
}

/** A mount that was opened as the default one may be another's neighbour now. */
function findFallback(configs: GatehouseConfig['mounts'], mounts: readonly AnyMount[]): Mount | undefined {
  const meant = mounts.length === 1 ? mounts[0] : mounts[configs.findIndex(({ isDefault }) => isDefault)];
  return meant !== undefined && 'handle' in meant ? meant : undefined;
}

function nameOf({ config }: AnyMount): string {
  return config.name;
}
