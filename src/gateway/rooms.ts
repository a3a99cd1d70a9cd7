/**
 * The one wirer: builds every room from the configuration. Nothing here decides anything about a request.
 */
import type { Clock } from '../platform/clock.ts';
import { createClientAddress } from '../platform/http/client-address.ts';
import type { Random } from '../platform/random.ts';
import { createSealer } from '../platform/sealing/sealer.ts';
import { createTagger } from '../platform/sealing/tagger.ts';
import { describeError } from '../platform/telemetry/logger.ts';
import type { Registry } from '../platform/telemetry/metrics.ts';
import { createAdmissions } from '../resource-server/admission/admit.ts';
import { createOriginCheck } from '../resource-server/proxy/origin-check.ts';
import type { Emit } from '../services/audit/events.ts';
import { type ConfiguredClients, createConfiguredClients } from '../services/clients/configured-clients.ts';
import { fingerprintClientId } from '../services/clients/client.ts';
import { createDeniedClients } from '../services/clients/denied-clients.ts';
import { createProofNonces } from '../services/dpop/nonces.ts';
import { createProofCheck } from '../services/dpop/proof.ts';
import { createReplayMemory } from '../services/dpop/replay-memory.ts';
import {
  createTrustedIssuers,
  type TrustedIssuers,
} from '../services/identity/assertions/trusted-issuers.ts';
import { createEntryGate } from '../services/entry/entry-gate.ts';
import { createRateLimits } from '../services/limits/rate-limits.ts';
import { createGrantTidying } from '../services/tokens/grant-tidying.ts';
import { createSubjectConcurrency } from '../services/limits/subject-concurrency.ts';
import { createResources } from '../services/resources/resources.ts';
import { createRevocations } from '../services/tokens/revocations.ts';
import { createRotationJournal } from '../services/tokens/rotation-journal.ts';
import { type AccessRecord, type CallDetails, createAccessLog } from './access-log.ts';
import { type LiveCertificates, observeExpiry } from './certificates.ts';
import { openClientCredentials } from './client-credentials.ts';
import type { GatehouseConfig } from './config/config.ts';
import { createDispatch, type Dispatch } from './dispatch.ts';
import { createEndpoints, type EndpointsDeps } from './endpoints.ts';
import { openForeignTokens } from './foreign-tokens.ts';
import type { GatewayDeps } from './gateway.ts';
import { listGroupsOfRules } from './groups-of-rules.ts';
import type { InFlight } from './in-flight.ts';
import { createMount, type MountDeps } from './mount.ts';
import { createMountFamily } from './mount-family.ts';
import { describeEntry, describeFamilyNames, describeResources } from './mount-resources.ts';
import { observe } from './observe.ts';
import { observeProviders } from './observe-providers.ts';
import { openIdentityProviders } from './open-identity-provider.ts';
import { openKeyring } from './open-keyring.ts';
import { openStore } from './open-store.ts';
import type { Readiness } from './private-listener.ts';
import { describeProviders } from './provider-readiness.ts';
import { createPublicRequests, type PublicRequests } from './public-requests.ts';
import { createRequestIds } from './request-ids.ts';
import { serveMounts } from './served-mounts.ts';
import { version } from './version.ts';
import { isFamily } from './wildcard-hosts.ts';

export interface RoomsDeps extends GatewayDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly inFlight: InFlight;
  readonly isDraining: () => boolean;
  /** Connections of clients that are open. */
  readonly connections: () => number;
  /** The certificate of the public listener, if it has one. */
  readonly certificate: LiveCertificates<unknown> | undefined;
}

/** Everything behind the listeners, open for requests. */
export interface Rooms {
  readonly dispatch: Dispatch;
  readonly requests: PublicRequests;
  readonly registry: Registry;
  readonly emit: Emit;
  /** Goes over to other clients of the operator. What those that are gone were granted ends with its next refresh. */
  readonly replaceClients: ConfiguredClients['replace'];
  /** Goes over to other issuers of assertions. What came of one that is gone is refused from its next call on. */
  readonly replaceTrustedIssuers: TrustedIssuers['replace'];
  readiness(): Promise<Readiness>;
  /** Goes over to other rules about who may enter, for those who are in as well. */
  readonly replaceEntry: (config: Pick<GatehouseConfig, 'mounts' | 'entry'>) => void;
  /** Reads again what may change without a restart. Resolves when it is in force. */
  reload(): Promise<void>;
  /**
   * Goes over to the mounts of another configuration; see `Mounts.replace`. Nothing else of it is looked at.
   * @throws PemFileError when one of them cannot be opened, and all is as it was
   */
  replaceMounts(mounts: GatehouseConfig['mounts']): void;
  /** @param part of those that are left, 0 to 1 */
  endListeningStreams(part: number): void;
  close(): Promise<void>;
}

/** @throws StoreError when the store cannot be opened or read, and KeySetError when the key file is not acceptable */
export async function openRooms(config: GatehouseConfig, deps: RoomsDeps): Promise<Rooms> {
  const { log, clock, random, inFlight } = deps;
  const issuer = config.publicUrl;

  const observed = observe({
    log,
    clock,
    version,
    inFlight: () => inFlight.count,
    connections: deps.connections,
    config,
    onEvent: deps.onEvent,
  });
  const { emit, registry } = observed;
  const keys = openKeyring(config, { clock, emit, registry, random });
  const opened = deps.store ?? (await openStore(config.store, { clock, random, log, registry }));
  const store = deps.crew?.joinFeeds(opened) ?? opened;
  const sealer = createSealer({
    keyring: keys.keyring,
    context: issuer,
    random,
    onSeal: (purpose, key) => {
      observed.onSeal(purpose);
      keys.onSeal(key);
    },
  });
  // Where what was acknowledged can be lost.
  const rotationJournal = config.store.kind === 'redis' ? createRotationJournal({ store, clock }) : undefined;
  const revocations = createRevocations({
    store,
    clock,
    onLoss: () => rotationJournal?.putBack(),
    grantLifetimeSeconds: config.tokens.grantLifetimeSeconds,
    onError: (error) => log.warn(describeError(error), 'revocation_feed_unreadable'),
  });
  // Before the first call is admitted: what was revoked before a restart stays revoked.
  await revocations.refresh();
  const deniedClients = createDeniedClients({
    store,
    clock,
    registrationTtlSeconds: config.registration.ttlSeconds,
    onError: (error) => log.warn(describeError(error), 'denied_clients_unreadable'),
  });
  await deniedClients.refresh();
  const configuredClients = createConfiguredClients(config.clients, {
    isDenied: (client) => deniedClients.isDenied(client),
  });
  let familyOf = describeFamilyNames(config);
  const trustedIssuers = createTrustedIssuers(config.trustedIssuers, {
    fingerprintClient: fingerprintClientId,
    familyOf(resource) {
      const served = resources.find(resource);
      return served === undefined ? familyOf(resource) : served.family;
    },
  });
  const rateLimits = createRateLimits({
    enabled: config.limits.enabled,
    nowMs: () => clock.nowMilliseconds(),
    shared: store.counter ?? deps.crew?.counter,
    onSharedFailure: (error) => log.warn(describeError(error), 'rate_limits_not_shared'),
  });
  const clientCredentials = openClientCredentials(config, { clock, emit, network: deps.network });
  let groupsOfRules = listGroupsOfRules(config);
  const allowedGroups = config.identityProviders.flatMap((provider) => provider.allowedGroups);
  const identityProviders = openIdentityProviders(config, deps.identityProvider, {
    clock,
    emit,
    log,
    watchLanes: observeProviders(registry),
    groupsOfRules: () => groupsOfRules,
    clientCredentials,
  });

  const { refreshWindowSeconds } = config.tokens;
  // Memory is dear in Redis, and a write cheap. On a disk it is the other way round.
  const grantTidying =
    config.store.kind === 'redis' ? createGrantTidying({ store, clock, refreshWindowSeconds }) : undefined;
  const { tokens, limits } = config;
  const admissions = createAdmissions({
    sealer,
    keyGeneration: () => keys.keyring.current().generation,
    clock,
    revocations,
    isWithdrawn: (grant) => !trustedIssuers.standsBehind(grant),
    revokeBefore: tokens.revokeBefore,
    cacheEntries: limits.tokenCacheEntries,
  });
  const entryGate = createEntryGate(describeEntry(config, config), { clock });
  const resources = createResources(issuer, describeResources(config));
  const proofNonces = config.proofNonces
    ? createProofNonces({
        tagger: createTagger({ keyring: keys.keyring, purpose: 'dpop-nonce', context: issuer }),
        clock,
      })
    : undefined;
  const endpointsDeps: EndpointsDeps = {
    sealer,
    store: rotationJournal?.store ?? store,
    clock,
    random,
    revocations,
    grantTidying,
    deniedClients,
    configuredClients,
    trustedIssuers,
    groupsOfRules: () => new Set([...groupsOfRules, ...allowedGroups]),
    admissions,
    resources,
    entryGate,
    identityProviders,
    proofNonces,
    rateLimits,
    network: deps.network,
    emit,
  };
  const endpoints = config.issuesTokens ? createEndpoints(config, endpointsDeps) : undefined;
  const dispatch = createDispatch({
    issuer,
    findSite: (url) => mounts.findSiteByUrl(url),
    checkRate: (endpoint, address) => rateLimits.check(endpoint, address),
    emit,
    onInternalError: (error, requestId) => {
      const stack = error instanceof Error ? error.stack : undefined;
      log.error({ ...describeError(error), stack, request_id: requestId }, 'internal_error');
    },
  });
  const mountDeps: MountDeps = {
    admissions,
    keyProofs: {
      check: createProofCheck(),
      used: createReplayMemory({ clock }),
      nonces: proofNonces,
      clock,
    },
    entryGate,
    foreignTokens: openForeignTokens(config, { clock, revocations, log }),
    sessionTags: createTagger({ keyring: keys.keyring, purpose: 'mcp-session-id', context: issuer }),
    subjectConcurrency: createSubjectConcurrency(limits.perSubjectConcurrency),
    subjectStreams: createSubjectConcurrency(limits.perSubjectStreams),
    clock,
    random,
    revocations,
    clientScope: (client) => configuredClients.known(client)?.scope,
    rateLimits,
    isOneOfMany: () => mounts.all.length > 1,
    emit,
    log,
    onAccess,
    onRevocationDone: observed.onRevocationDone,
  };
  const originCheck = createOriginCheck({
    publicUrl: issuer,
    allowedOrigins: [],
    allowedHosts: config.allowedHosts,
  });
  const isHostAcceptable = (hosts: readonly string[]): boolean => originCheck.isHostAcceptable(hosts);
  const mounts = serveMounts(config.mounts, {
    issuer,
    endpoints,
    isHostAcceptable,
    allowedHosts: config.allowedHosts,
    resources,
    openMount: (mount) =>
      isFamily(mount) ? createMountFamily(mount, config, mountDeps) : createMount(mount, config, mountDeps),
  });
  observeExpiry(registry, {
    listener: () => deps.certificate?.expiresAt(),
    upstream: () => mounts.upstreamTlsExpiresAt(),
    identity_provider: () => clientCredentials.expiresAt(),
  });
  const findAddress = createClientAddress({
    trustedCidrs: config.limits.trustedProxyCidrs,
    header: config.limits.trustedProxyHeader,
    trustEveryone: config.limits.trustEveryProxy,
  });
  const writeAccess = createAccessLog(log, config.logging.accessLogSkip, observed.lines);
  const requests = createPublicRequests({
    issuer,
    dispatch,
    findSite: (hosts) => mounts.findSite(hosts),
    newRequestId: createRequestIds(random),
    findAddress,
    isDraining: deps.isDraining,
    emit,
    onAccess,
  });

  function onAccess(record: AccessRecord, call?: CallDetails, mount?: string): void {
    observed.onRequest(record, call, mount);
    writeAccess(record, call, mount);
  }

  return {
    dispatch,
    requests,
    registry,
    emit,
    replaceEntry(next) {
      groupsOfRules = listGroupsOfRules(next);
      entryGate.replace(describeEntry(next, config));
    },
    replaceTrustedIssuers: (issuers) => trustedIssuers.replace(issuers),
    replaceClients: (clients) => configuredClients.replace(clients),
    readiness: async () => ({
      status: deps.isDraining() ? 'shutting_down' : 'ok',
      store: await store.ping().then(
        () => 'ok' as const,
        () => 'unavailable' as const,
      ),
      ...describeProviders(identityProviders),
    }),
    replaceMounts(next) {
      const changes = mounts.replace(next);
      familyOf = describeFamilyNames({ mounts: next, publicUrl: issuer });
      log.info(changes, 'mounts_replaced');
    },
    async reload() {
      mounts.reloadTls();
      clientCredentials.reload();
      await keys.reload();
    },
    endListeningStreams: (part) => mounts.endListeningStreams(part),
    async close() {
      keys.close();
      mounts.close();
      clientCredentials.close();
      for (const { provider } of identityProviders.all) provider.close();
      grantTidying?.close();
      rotationJournal?.close();
      revocations.close();
      deniedClients.close();
      observed.lines.close();
      await store.close();
    },
  };
}
