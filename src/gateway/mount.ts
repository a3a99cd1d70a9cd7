import type { Clock } from '../platform/clock.ts';
import type { Handler } from '../platform/http/handler.ts';
import type { ClientTls } from '../platform/http1/dial.ts';
import type { Random } from '../platform/random.ts';
import type { Tagger } from '../platform/sealing/tagger.ts';
import { describeError, type Logger } from '../platform/telemetry/logger.ts';
import type { Admissions } from '../resource-server/admission/admit.ts';
import { createEntryAdmission } from '../resource-server/admission/entry-admission.ts';
import { createProvenAdmission, type KeyProofs } from '../resource-server/admission/proven-admission.ts';
import { createResourceMetadataEndpoint } from '../resource-server/metadata/resource-metadata-endpoint.ts';
import { createForwarder } from '../resource-server/proxy/forwarder.ts';
import { createLiveCalls } from '../resource-server/proxy/live-calls.ts';
import {
  createMountHandler,
  type MountAdmission,
  type MountHandler,
} from '../resource-server/proxy/mount-handler.ts';
import { createOriginCheck } from '../resource-server/proxy/origin-check.ts';
import { createQuietStreams } from '../resource-server/proxy/quiet-streams.ts';
import { createScopeCheck } from '../resource-server/proxy/scope-check.ts';
import { createSessionBinding } from '../resource-server/proxy/session-binding.ts';
import { createTargetRewrite } from '../resource-server/proxy/request-target.ts';
import type { Emit } from '../services/audit/events.ts';
import type { ClientFingerprint } from '../services/clients/client.ts';
import type { EntryGate } from '../services/entry/entry-gate.ts';
import type { RateLimits } from '../services/limits/rate-limits.ts';
import type { SubjectConcurrency } from '../services/limits/subject-concurrency.ts';
import type { Revocations } from '../services/tokens/revocations.ts';
import type { AccessRecord, CallDetails } from './access-log.ts';
import type { LiveCertificates } from './certificates.ts';
import type { GatehouseConfig, MountConfig } from './config/config.ts';
import type { ForeignTokens } from './foreign-tokens.ts';
import { createMountPolicy, type MountPolicyDeps } from './mount-policy.ts';
import { describeResource, findHomeIssuer } from './mount-resources.ts';
import { type MountUpstream, openMountUpstream } from './mount-upstream.ts';
import { createObtainableScopes } from './obtainable-scopes.ts';
import { securityHeaders } from './security-headers.ts';

/** Bodies up to this wait for their end before the upstream hears of the call. */
const wholeBodyBytes = 64 * 1024;

export interface MountDeps {
  readonly admissions: Pick<Admissions, 'forResource'>;
  readonly foreignTokens: ForeignTokens;
  readonly keyProofs: KeyProofs;
  readonly entryGate: Pick<EntryGate, 'judgeAgain' | 'onChange'>;
  /** What the ids of sessions are bound with. */
  readonly sessionTags: Tagger;
  /** Of a person, at all mounts: they protect this process. */
  readonly subjectConcurrency: SubjectConcurrency;
  readonly subjectStreams: SubjectConcurrency;
  readonly clock: Clock;
  readonly random: Random;
  readonly revocations: Revocations;
  /** The scopes that a client may be granted at most. Undefined: no limit. */
  readonly clientScope: (client: ClientFingerprint) => readonly string[] | undefined;
  readonly rateLimits: RateLimits;
  readonly emit: Emit;
  readonly log: Logger;
  /** Whether there are others, so that it is worth a word which mount something is about. */
  readonly isOneOfMany: () => boolean;
  /** Told of every request to the mount when it is over. @param mount its name, where there are several */
  readonly onAccess: (record: AccessRecord, call: CallDetails, mount: string | undefined) => void;
  /** Told of each call that a revocation ended: seconds from the revocation to its last byte. */
  readonly onRevocationDone: (seconds: number) => void;
  /** Absent: connections of its own. */
  readonly openUpstream?: (upstream: MountConfig['upstream']) => MountUpstream;
  readonly compilePolicy?: MountPolicyDeps['compile'];
}

/** The resource server in front of the upstream: the rooms of the proxied path, joined. */
export interface Mount extends MountLife {
  readonly publicOrigin: string;
  readonly path: string;
  /** Answers with its protected resource metadata. */
  readonly metadata: Handler;
  readonly handle: MountHandler;
  /** Whether calls are under way. */
  isBusy(): boolean;
}

/** What a mount is to whoever opens and closes it. */
export interface MountLife {
  readonly config: MountConfig;
  /** From the next call on; ends nothing. */
  changePolicy(rules: MountConfig['policy']): void;
  /** Ends part of the streams, 0 to 1, that clients only listen to: they come back elsewhere. */
  endListeningStreams(part: number): void;
  /** What is shown to the upstream, and how it is checked; undefined: nothing of ours. */
  readonly upstreamTls: LiveCertificates<ClientTls> | undefined;
  /** Nobody brings it calls any more: says once when those that it has are over, never within this call. */
  retire(onOver: () => void): void;
  close(): void;
}

/** @throws PemFileError when a certificate for the upstream is not acceptable */
export function createMount(mount: MountConfig, config: GatehouseConfig, deps: MountDeps): Mount {
  const { publicOrigin, path, upstream, headers, allowedOrigins } = mount;
  const { clock, revocations, emit, log, rateLimits } = deps;
  const resource = describeResource(mount);
  const { accepts } = mount;
  const bearer =
    accepts === undefined
      ? openAdmission(mount, resource, deps)
      : deps.foreignTokens.admissionFor(accepts, resource, mount.forwardsToken === true);
  const admission = createEntryAdmission(bearer, resource, deps.entryGate);
  const nameAmongMany = (): string | undefined => (deps.isOneOfMany() ? mount.name : undefined);
  const underWay = createUnderWay();
  const originCheck = createOriginCheck({ publicUrl: publicOrigin, allowedOrigins });
  const { rpcPeekMaxBytes } = config.logging;
  const { client, tls: upstreamTls } =
    deps.openUpstream?.(upstream) ?? openMountUpstream(upstream, { config, clock, emit });
  const quietStreams = createQuietStreams(config.streams);
  const sessions = config.sessionBinding
    ? { sessions: createSessionBinding(resource.identifier, deps.sessionTags) }
    : {};
  const forwarder = createForwarder({
    client,
    ...sessions,
    quietStreams,
    upstream,
    headers,
    // What is to be looked into has to be there whole.
    wholeBodyBytes: Math.max(wholeBodyBytes, rpcPeekMaxBytes),
  });
  const liveCalls = createLiveCalls({
    recheck: (call) => admission.recheck(call),
    nowSeconds: () => clock.nowSeconds(),
    random: deps.random,
    onCutCall: (madeAtMs) => deps.onRevocationDone((clock.nowMilliseconds() - madeAtMs) / 1000),
  });
  const stopListening = revocations.onCutOff((madeAtMs) => {
    liveCalls.sweepSoon(madeAtMs);
  });
  const stopAsking = deps.entryGate.onChange(() => {
    liveCalls.sweepSoon(clock.nowMilliseconds());
  });
  // Clients of another issuer are none of ours, whatever they are called.
  const findLimit = accepts === undefined ? deps.clientScope : () => undefined;
  const findObtainable = createObtainableScopes(resource.scopes, findLimit);
  const scopeCheck = createScopeCheck(resource, findObtainable);
  let current = mount;
  const policy = createMountPolicy(mount.policy, {
    mount,
    scopes: resource.scopes,
    identityIssuer: findHomeIssuer(mount, config),
    scopeCheck,
    findObtainable,
    emit,
    ...(deps.compilePolicy === undefined ? {} : { compile: deps.compilePolicy }),
  });
  const handle = createMountHandler({
    mount: path,
    toUpstream: createTargetRewrite(path, upstream.path),
    maxBodyBytes: upstream.maxBodyBytes,
    rpcPeekMaxBytes,
    commonHeaders: Object.entries(securityHeaders(publicOrigin)).flat(),
    originCheck,
    admission,
    scopeCheck,
    ...sessions,
    findJudge: () => policy.findJudge(),
    subjectConcurrency: deps.subjectConcurrency,
    subjectStreams: deps.subjectStreams,
    rates: config.limits.enabled ? rateLimits : undefined,
    forwarder,
    liveCalls,
    nameAmongMany,
    emit,
    report: (access, context) => {
      const { method, target, status, durationMs } = access;
      const record = { method, path: target.split('?', 1)[0] ?? '', status, durationMs };
      deps.onAccess({ ...record, requestId: context.requestId }, access, nameAmongMany());
      underWay.leave();
    },
    onInternalError: (error, requestId) =>
      log.error({ ...describeError(error), request_id: requestId }, 'internal_error'),
  });
  return {
    get config() {
      return current;
    },
    changePolicy(rules) {
      current = { ...current, policy: rules };
      policy.replace(rules);
    },
    publicOrigin,
    path,
    metadata: createResourceMetadataEndpoint({ issuer: accepts?.issuer ?? config.publicUrl, resource }),
    handle(caller, context) {
      underWay.enter();
      return handle(caller, context);
    },
    isBusy: () => underWay.isAny(),
    endListeningStreams: (part) => liveCalls.endListeningStreams(part),
    upstreamTls,
    retire: (onOver) => underWay.awaitNone(onOver),
    close() {
      upstreamTls?.close();
      stopListening();
      stopAsking();
      liveCalls.close();
      quietStreams.close();
      forwarder.close();
    },
  };
}

/** With proofs of keys where there may be any; else nothing of them is in the way. */
function openAdmission(
  { dpop, publicOrigin }: MountConfig,
  resource: ReturnType<typeof describeResource>,
  { admissions, keyProofs }: MountDeps,
): MountAdmission {
  const admission = admissions.forResource(resource);
  if (dpop === 'off') return admission;
  return createProvenAdmission(admission, { ...resource, dpop, publicOrigin }, keyProofs);
}

/** Counts calls, and tells when there are none left. */
function createUnderWay() {
  let count = 0;
  let onNone: (() => void) | undefined;
  function check(): void {
    if (count > 0 || onNone === undefined) return;
    // The last call is still on its way out when it says that it is over.
    setImmediate(onNone);
    onNone = undefined;
  }
  return {
    enter(): void {
      count += 1;
    },
    leave(): void {
      count -= 1;
      check();
    },
    isAny: () => count > 0,
    awaitNone(tell: () => void): void {
      onNone = tell;
      check();
    },
  };
}
