/**
 * One mount at every host that a wildcard matches: for each label a resource and a mount of its own, which is opened by its
 * first call. Strangers name labels at will, so what they cause is kept apart from what people use: a mount that has
 * admitted no call is one of a few, and gives way to the next. None gives way while a call is under way in it, and one
 * that does ends nothing: it takes no more calls, the next for its label opens another.
 */
import type { Handler } from '../platform/http/handler.ts';
import { createResourceMetadataEndpoint } from '../resource-server/metadata/resource-metadata-endpoint.ts';
import { createPolicy, type Policy } from '../services/policy/policy.ts';
import type { PolicyRules } from '../services/policy/rule.ts';
import type { GatehouseConfig, MountConfig } from './config/config.ts';
import { createMemberPool } from './member-pool.ts';
import { createMount, type Mount, type MountDeps, type MountLife } from './mount.ts';
import { describeMember, memberOf } from './mount-resources.ts';
import { openFamilyUpstream } from './mount-upstream.ts';
import { createLabelCheck, memberOrigin } from './wildcard-hosts.ts';

export interface MountFamily extends MountLife {
  /** With a `*` for the label. */
  readonly publicOrigin: string;
  readonly path: string;
  serves(label: string): boolean;
  /** The mount of a label that is served, opened if it is not. */
  open(label: string): Mount;
  /** Answers with the protected resource metadata of a label that is served. */
  metadataOf(label: string): Handler;
  /** Those that are gone take no more calls; calls under way end as they do in a mount that is gone. */
  changeLabels(labels: MountConfig['labels']): void;
}

/** @throws PemFileError when a certificate for the upstreams is not acceptable */
export function createMountFamily(
  family: MountConfig,
  config: GatehouseConfig,
  deps: MountDeps,
  openMount: typeof createMount = createMount,
): MountFamily {
  const { publicOrigin, path } = family;
  const { clock, emit } = deps;
  const upstream = openFamilyUpstream(family.upstream, { config, clock, emit });
  let current = family;
  let serves = createLabelCheck(family.labels);
  const pool = createMemberPool<Mount>((label) =>
    openMount(memberOf(current, label), config, depsFor(label)),
  );
  const compilePolicy = compileOnce();

  function depsFor(label: string): MountDeps {
    const { host } = new URL(memberOrigin(publicOrigin, label));
    return {
      ...deps,
      isOneOfMany: () => true,
      openUpstream: (its) => upstream.openMember(its),
      compilePolicy,
      onAccess(record, call, mount) {
        if (call.subject !== undefined) pool.prove(label);
        deps.onAccess({ ...record, host }, call, mount);
      },
    };
  }

  return {
    get config() {
      return current;
    },
    publicOrigin,
    path,
    serves: (label) => serves(label),
    open: (label) => pool.open(label),
    metadataOf: (label) =>
      createResourceMetadataEndpoint({ issuer: config.publicUrl, resource: describeMember(family, label) }),
    changePolicy(policy) {
      current = { ...current, policy };
      for (const mount of pool.all()) mount.changePolicy(policy);
    },
    changeLabels(labels) {
      current = { ...current, labels };
      serves = createLabelCheck(labels);
      pool.keep(serves);
    },
    endListeningStreams(part) {
      for (const mount of pool.all()) mount.endListeningStreams(part);
    },
    upstreamTls: upstream.tls,
    retire(onOver) {
      pool.keep(() => false);
      pool.awaitNone(onOver);
    },
    close() {
      for (const mount of pool.all()) mount.close();
      upstream.close();
    },
  };
}

/** All have the same rules at a time, which may be many. */
function compileOnce(): typeof createPolicy {
  let known: { readonly rules: PolicyRules; readonly issuer: string; readonly policy: Policy } | undefined;
  return (rules, issuer) => {
    if (known?.rules !== rules || known.issuer !== issuer) {
      known = { rules, issuer, policy: createPolicy(rules, issuer) };
    }
    return known.policy;
  };
}
