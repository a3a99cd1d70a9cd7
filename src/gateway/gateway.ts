/**
 * The one wirer: builds every room from the configuration, and starts and stops the two listeners. Nothing here
 * decides anything about a request.
 */
import { type Clock, systemClock } from '../platform/clock.ts';
import { createClientAddress } from '../platform/http/client-address.ts';
import { type Random, systemRandom } from '../platform/random.ts';
import { createSealer } from '../platform/sealing/sealer.ts';
import type { Store } from '../platform/store/store.ts';
import { describeError, type Logger } from '../platform/telemetry/logger.ts';
import type { GatehouseEvent } from '../services/audit/events.ts';
import type { IdentityProvider } from '../services/identity/identity-provider.ts';
import { createRateLimits } from '../services/limits/rate-limits.ts';
import { createRevocations } from '../services/tokens/revocations.ts';
import { type CallDetails, createAccessLog } from './access-log.ts';
import type { GatehouseConfig } from './config/config.ts';
import { createDispatch, type Dispatch } from './dispatch.ts';
import { createEndpoints } from './endpoints.ts';
import { createInFlight } from './in-flight.ts';
import { bind, drain } from './lifecycle.ts';
import { createMount } from './mount.ts';
import { observe } from './observe.ts';
import { openIdentityProvider } from './open-identity-provider.ts';
import { openStore } from './open-store.ts';
import { createPrivateListener } from './private-listener.ts';
import { createPublicListener } from './public-listener.ts';
import { createRoutes } from './routes.ts';
import { version } from './version.ts';

export interface GatewayDeps {
  readonly log: Logger;
  readonly clock?: Clock;
  readonly random?: Random;
  /** In place of the configured ones: for embedders and tests. */
  readonly store?: Store;
  readonly identityProvider?: IdentityProvider;
  readonly onEvent?: (event: GatehouseEvent) => void;
}

export interface Gateway {
  /** Answers any public request but those to the mount, without a socket. */
  readonly fetch: Dispatch;
  /** Binds both listeners. Rejects when an address is taken; then neither is bound. */
  listen(): Promise<Listening>;
  /** Drains: not ready, no new connections, answers finish; whatever is left at the deadline is cut. */
  close(deadlineSeconds: number): Promise<void>;
}

export interface Listening {
  readonly publicPort: number;
  readonly metricsPort: number;
}

/** @throws StoreError when the store cannot be opened or read */
export async function createGateway(config: GatehouseConfig, deps: GatewayDeps): Promise<Gateway> {
  const { log, clock = systemClock, random = systemRandom } = deps;
  const issuer = config.publicUrl;
  const inFlight = createInFlight();
  const calls = new Map<string, CallDetails>();
  let draining = false;

  const observed = observe({ log, version, inFlight: () => inFlight.count, config, onEvent: deps.onEvent });
  const { emit, registry } = observed;
  const store = deps.store ?? (await openStore(config.store, clock));
  const sealer = createSealer({
    secrets: config.sealingSecrets,
    context: issuer,
    random,
    onSeal: observed.onSeal,
  });
  const revocations = createRevocations({
    store,
    clock,
    onError: (error) => log.warn(describeError(error), 'revocation_feed_unreadable'),
  });
  // Before the first call is admitted: what was revoked before a restart stays revoked.
  await revocations.refresh();
  const rateLimits = createRateLimits({ enabled: config.limits.enabled });
  const identityProvider = deps.identityProvider ?? openIdentityProvider(config, { clock, emit, log });

  const endpoints = createEndpoints(config, {
    sealer,
    store,
    clock,
    random,
    revocations,
    identityProvider,
    emit,
  });
  const dispatch = createDispatch({
    issuer,
    routes: createRoutes(config.upstream.path, endpoints),
    checkRate: (endpoint, address) =>
      endpoint === 'other' ? Promise.resolve({ outcome: 'allowed' }) : rateLimits.check(endpoint, address),
    emit,
    onInternalError: (error, requestId) => {
      const stack = error instanceof Error ? error.stack : undefined;
      log.error({ ...describeError(error), stack, request_id: requestId }, 'internal_error');
    },
  });
  const mount = createMount(config, {
    sealer,
    clock,
    revocations,
    rateLimits,
    emit,
    log,
    onCall: (requestId, details) => calls.set(requestId, details),
  });
  const findAddress = createClientAddress({
    trustedCidrs: config.limits.trustedProxyCidrs,
    header: config.limits.trustedProxyHeader,
    trustEveryone: config.limits.trustEveryProxy,
  });
  const writeAccess = createAccessLog(log, config.logging.accessLogSkip);
  const publicServer = createPublicListener({
    issuer,
    dispatch,
    mount,
    newRequestId: () => random.token(12),
    clientAddress: (request) => findAddress(request.headersDistinct, request.socket.remoteAddress ?? ''),
    inFlight,
    isDraining: () => draining,
    onAccess: (record) => {
      const call = calls.get(record.requestId);
      calls.delete(record.requestId);
      observed.onRequest(record, call);
      writeAccess(record, call);
    },
  });
  const privateServer = createPrivateListener({
    registry,
    readiness: async () => ({
      status: draining ? 'shutting_down' : 'ok',
      store: await store.ping().then(
        () => 'ok' as const,
        () => 'unavailable' as const,
      ),
      identity_provider: identityProvider.isReady() ? 'ok' : 'unavailable',
    }),
  });

  return {
    fetch: dispatch,
    async listen() {
      const publicPort = await bind(publicServer, config.listen);
      try {
        return { publicPort, metricsPort: await bind(privateServer, config.metricsListen) };
      } catch (error) {
        publicServer.close();
        throw error;
      }
    },
    async close(deadlineSeconds) {
      draining = true;
      await drain(publicServer, inFlight, deadlineSeconds);
      await mount.close();
      identityProvider.close();
      privateServer.close();
      privateServer.closeAllConnections();
      revocations.close();
      await store.close();
    },
  };
}
