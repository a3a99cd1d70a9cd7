import type { Clock } from '../platform/clock.ts';
import { headerValues } from '../platform/http/raw-headers.ts';
import type { ClientTls } from '../platform/http1/dial.ts';
import { createHttpClient } from '../platform/http1/http-client.ts';
import type { Random } from '../platform/random.ts';
import type { Sealer } from '../platform/sealing/sealer.ts';
import { describeError, type Logger } from '../platform/telemetry/logger.ts';
import { type AdmissionControl, createAdmission } from '../resource-server/admission/admit.ts';

import { createForwarder } from '../resource-server/proxy/forwarder.ts';
import { createLiveCalls } from '../resource-server/proxy/live-calls.ts';
import { createMountHandler, type MountHandler } from '../resource-server/proxy/mount-handler.ts';
import { createOriginCheck } from '../resource-server/proxy/origin-check.ts';
import { createQuietStreams } from '../resource-server/proxy/quiet-streams.ts';
import { createScopeCheck } from '../resource-server/proxy/scope-check.ts';
import { isMountTarget } from '../resource-server/proxy/request-target.ts';
import type { Emit } from '../services/audit/events.ts';
import type { RateLimits } from '../services/limits/rate-limits.ts';
import { createSubjectConcurrency } from '../services/limits/subject-concurrency.ts';
import type { ProtectedResource } from '../services/resources/resource.ts';
import type { Revocations } from '../services/tokens/revocations.ts';
import type { AccessRecord, CallDetails } from './access-log.ts';
import { type LiveCertificates, openUpstreamTls } from './certificates.ts';
import type { GatehouseConfig, MountConfig } from './config/config.ts';
import { securityHeaders } from './security-headers.ts';
import { isWellKnown } from './routes.ts';

/** Bodies up to this wait for their end before the upstream hears of the call. */
const wholeBodyBytes = 64 * 1024;

export interface MountDeps {
  readonly sealer: Sealer;
  /** Another number after every change of the keys. */
  readonly keyGeneration: () => number;
  readonly clock: Clock;
  readonly random: Random;
  readonly revocations: Revocations;
  readonly rateLimits: RateLimits;
  readonly emit: Emit;
  readonly log: Logger;
  /** Told of every request to the mount when it is over. */
  readonly onAccess: (record: AccessRecord, call: CallDetails) => void;
  /** Told of each call that a revocation ended: seconds from the revocation to its last byte. */
  readonly onRevocationDone: (seconds: number) => void;
}

/** The resource server in front of the upstream: the rooms of the proxied path, joined. */
export interface Mount {
  takes(rawTarget: string): boolean;
  isHostAcceptable(rawHeaders: readonly string[]): boolean;
  /** What decides about every call. */
  readonly admission: AdmissionControl;
  readonly handle: MountHandler;
  /** Ends part of the streams, 0 to 1, that clients only listen to: they come back elsewhere. */
  endListeningStreams(part: number): void;
  /** What is shown to the upstream, and how it is checked; undefined: nothing of ours. */
  readonly upstreamTls: LiveCertificates<ClientTls> | undefined;
  close(): void;
}

/** One mount, and what all of them have in common. */
export interface MountSettings {
  readonly config: GatehouseConfig;
  readonly mount: MountConfig;
  readonly resource: ProtectedResource;
}

/** @throws PemFileError when a certificate for the upstream is not acceptable */
export function createMount(
  {
    config,
    mount: { publicOrigin, path: mount, upstream, headers, allowedOrigins },
    resource,
  }: MountSettings,
  deps: MountDeps,
): Mount {
  const { sealer, clock, revocations, emit, log, rateLimits } = deps;
  const admission = createAdmission({
    sealer,
    keyGeneration: deps.keyGeneration,
    clock,
    revocations,
    resource,
    revokeBefore: config.tokens.revokeBefore,
    cacheEntries: config.limits.tokenCacheEntries,
  });
  const originCheck = createOriginCheck({ publicUrl: publicOrigin, allowedOrigins });
  const { rpcPeekMaxBytes } = config.logging;
  // What is to be looked into has to be there whole.
  const headerTimeoutMs = upstream.headerTimeoutSeconds * 1000;
  const upstreamTls = openUpstreamTls(upstream.tls, {
    clock,
    emit,
    onChange: (tls) => client.replaceTls(tls),
  });
  const client = createHttpClient({
    origin: new URL(upstream.origin),
    headerTimeoutMs,
    connectTimeoutMs: Math.min(upstream.connectTimeoutSeconds * 1000, headerTimeoutMs),
    idleTimeoutMs: upstream.idleTimeoutSeconds * 1000,
    aliveProbeMs: config.tcpKeepAliveSeconds * 1000,
    ...(upstreamTls === undefined ? {} : { tls: upstreamTls.current() }),
  });
  const quietStreams = createQuietStreams(config.streams);
  const forwarder = createForwarder({
    client,
    quietStreams,
    upstream,
    headers,
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
  const handle = createMountHandler({
    mount,
    maxBodyBytes: upstream.maxBodyBytes,
    rpcPeekMaxBytes,
    commonHeaders: Object.entries(securityHeaders(publicOrigin)).flat(),
    originCheck,
    admission,
    scopeCheck: createScopeCheck(resource),
    subjectConcurrency: createSubjectConcurrency(config.limits.perSubjectConcurrency),
    subjectStreams: createSubjectConcurrency(config.limits.perSubjectStreams),
    rates: config.limits.enabled ? rateLimits : undefined,
    forwarder,
    liveCalls,
    emit,
    report: (access, context) => {
      const { method, target, status, durationMs } = access;
      const path = target.split('?', 1)[0] ?? '';
      deps.onAccess({ method, path, status, durationMs, requestId: context.requestId }, access);
    },
    onInternalError: (error, requestId) =>
      log.error({ ...describeError(error), request_id: requestId }, 'internal_error'),
  });
  return {
    takes: (target) => target === mount || (isMountTarget(target, mount) && !isWellKnown(target, mount)),
    isHostAcceptable: (rawHeaders) => originCheck.isHostAcceptable(headerValues(rawHeaders, 'host')),
    admission,
    handle,
    endListeningStreams: (part) => liveCalls.endListeningStreams(part),
    upstreamTls,
    close() {
      upstreamTls?.close();
      stopListening();
      liveCalls.close();
      quietStreams.close();
      forwarder.close();
    },
  };
}
