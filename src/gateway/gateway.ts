/**
 * The gateway as its owner sees it: something to start, to ask and to stop. It binds the public listener first and
 * loads the rooms (`rooms.ts`) behind it, so that the time a start takes is that of a bare server.
 */
import type { Server } from 'node:http';

import { type Clock, systemClock } from '../platform/clock.ts';
import { createNetworkMatch } from '../platform/http/client-address.ts';
import type { OutboundNetwork } from '../platform/outbound/outbound-network.ts';
import { type Random, systemRandom } from '../platform/random.ts';
import type { SharedCounter } from '../platform/store/shared-counter.ts';
import type { Store } from '../platform/store/store.ts';
import { describeError, type Logger } from '../platform/telemetry/logger.ts';
import type { Emit, GatehouseEvent } from '../services/audit/events.ts';
import type { IdentityProvider } from '../services/identity/identity-provider.ts';
import type { GatehouseConfig } from './config/config.ts';
import type { Dispatch } from './dispatch.ts';
import { openListenerCertificate } from './certificates.ts';
import { type ConfigReload, type ConfigSource, openConfigReload } from './config-reload.ts';
import { findTotalCap } from './connection-limits.ts';
import { createInFlight } from './in-flight.ts';
import { bind, drain } from './lifecycle.ts';
import { createPrivateListener } from './private-listener.ts';
import { createPublicListener } from './public-listener.ts';
import { loadRooms } from './load-rooms.ts';
import type { Rooms } from './rooms.ts';

export interface GatewayDeps {
  readonly log: Logger;
  readonly clock?: Clock;
  readonly random?: Random;
  /** In place of the configured ones, and closed with the gateway: for embedders and tests. */
  readonly store?: Store;
  readonly identityProvider?: IdentityProvider;
  /** In place of the real one, where strangers name the peer: for tests. */
  readonly network?: OutboundNetwork;
  readonly onEvent?: (event: GatehouseEvent) => void;
  /** How many files this process may have open. Unknown: only what is configured limits its connections. */
  readonly descriptors?: number | undefined;
  /** Where the configuration came from: its file is read again when it changes. Absent: somebody else sees to that. */
  readonly configSource?: ConfigSource;
  /** For a gateway that is one of several processes on one port. */
  readonly crew?: Crew;
}

/** What processes on one port have in common. */
export interface Crew {
  /** Takes what the private listener would show; this process then binds none. */
  readonly report: (shown: Pick<Rooms, 'registry' | 'readiness'>) => void;
  /** The counts of all of them, where the store keeps none. */
  readonly counter: SharedCounter;
  /** The store, with feeds that hear of what the others append. */
  readonly joinFeeds: (store: Store) => Store;
}

export interface Gateway {
  /** Answers any public request but those to the mount, without a socket. */
  readonly fetch: Dispatch;
  /**
   * Binds both listeners and opens the store. When anything fails, nothing stays bound.
   * @throws StoreError, and the system's error when an address is taken
   */
  listen(): Promise<Listening>;
  /**
   * Reads again what may change without a restart: the key file and certificates. What is not acceptable changes nothing.
   * @param next to go over to its clients, its trusted issuers and its mounts. Those that are as they were keep their connections and streams, and calls under
   * way go on, also those of a mount that is gone. Of everything else in it, nothing is taken
   * @throws PemFileError when one of the mounts cannot be opened; all are as they were then
   */
  reload(next?: ReloadableConfig): Promise<void>;
  /**
   * Drains: not ready, after the delay no new connections, answers finish; whatever is left at the deadline is cut.
   * @param delaySeconds part of the time until the deadline. Default: 0
   */
  close(deadlineSeconds: number, delaySeconds?: number): Promise<void>;
}

export interface Listening {
  readonly publicPort: number;
  /** 0: one of several processes, which binds no private listener. */
  readonly metricsPort: number;
}

/** What a server goes over to without a restart. */
type ReloadableConfig = Pick<GatehouseConfig, 'mounts' | 'clients' | 'trustedIssuers' | 'entry'>;

export function createGateway(config: GatehouseConfig, deps: GatewayDeps): Gateway {
  const inFlight = createInFlight();
  let draining = false;
  let open: Rooms | undefined;
  let opening: Promise<Rooms> | undefined;
  let configReload: ConfigReload | undefined;
  let privateServer: Server | undefined;

  function openRooms(): Promise<Rooms> {
    opening ??= loadRooms().then(async (module) => {
      open = await module.openRooms(config, {
        ...deps,
        clock: deps.clock ?? systemClock,
        random: deps.random ?? systemRandom,
        inFlight,
        isDraining: () => draining,
        connections: () => publicListener.openConnections,
        certificate,
      });
      configReload = watchSource(open);
      return open;
    });
    return opening;
  }

  function watchSource(rooms: Rooms): ConfigReload | undefined {
    if (deps.configSource === undefined) return undefined;
    return openConfigReload(config, {
      source: deps.configSource,
      apply: (next) => replaceParts(rooms, next),
      log: deps.log,
      registry: rooms.registry,
      clock: deps.clock ?? systemClock,
    });
  }

  const emit: Emit = (event) => open?.emit(event, undefined);
  const certificate =
    config.certificate &&
    openListenerCertificate(config.certificate, {
      clock: deps.clock ?? systemClock,
      emit,
      onChange: (latest) => publicListener.replaceCertificate(latest),
    });
  const publicListener = createPublicListener({
    issuer: config.publicUrl,
    certificate: certificate?.current(),
    connections: {
      perAddress: config.limits.connectionsPerAddress,
      total: findTotalCap(config.limits.connections, deps.descriptors),
      isExempt: matchExempt(config.limits),
      onRefused: (cause) => emit({ type: 'connection_refused', cause }, undefined),
    },
    fastLane: config.fastLane,
    aliveProbeMs: config.tcpKeepAliveSeconds * 1000,
    inFlight,
    isDraining: () => draining,
    findRequests: () => open?.requests,
    awaitRequests: async () => (await openRooms()).requests,
  });

  /** The connection is lost, and whoever wanted it comes back; those that are there go on. */
  function onAcceptFailure(error: Error): void {
    emit({ type: 'connection_refused', cause: 'descriptors' }, undefined);
    deps.log.debug(describeError(error), 'accept_failed');
  }

  return {
    fetch: async (request, context) => (await openRooms()).dispatch(request, context),
    async listen() {
      // The others answer meanwhile.
      if (deps.crew !== undefined) await openRooms();
      const publicPort = await bind(publicListener.server, config.listen, onAcceptFailure);
      try {
        const rooms = await openRooms();
        deps.crew?.report(rooms);
        if (deps.crew !== undefined) return { publicPort, metricsPort: 0 };
        privateServer = createPrivateListener(rooms, config.metricsListen);
        return { publicPort, metricsPort: await bind(privateServer, config.metricsListen) };
      } catch (error) {
        publicListener.server.close();
        publicListener.closeAll();
        throw error;
      }
    },
    async reload(next) {
      certificate?.reload();
      const rooms = await opening;
      await rooms?.reload();
      await configReload?.reload();
      if (rooms !== undefined && next !== undefined) replaceParts(rooms, next);
    },
    async close(deadlineSeconds, delaySeconds = 0) {
      draining = true;
      configReload?.close();
      certificate?.close();
      const endStreams = (part: number): void => open?.endListeningStreams(part);
      const calls = await drain(publicListener, { inFlight, endStreams, deadlineSeconds, delaySeconds });
      if (calls > 0) deps.log.warn({ calls }, 'shutdown_inflight_grace_expired');
      privateServer?.close();
      privateServer?.closeAllConnections();
      // What never opened has nothing to close.
      const rooms = await opening?.catch(() => undefined);
      await rooms?.close();
    },
  };
}

const loopback = ['127.0.0.0/8', '::1/128'];

/** Whose connections are not counted by address: proxies bring those of many, and this machine is not a stranger. */
function matchExempt(limits: GatehouseConfig['limits']): (address: string) => boolean {
  if (limits.trustEveryProxy) return () => true;
  return createNetworkMatch([...loopback, ...limits.trustedProxyCidrs]);
}

/** Mounts first: they can be refused, and nothing has changed then. Entry rules last: streams are looked at again with them. */
function replaceParts(rooms: Rooms, { mounts, clients, trustedIssuers, entry }: ReloadableConfig): void {
  rooms.replaceMounts(mounts);
  rooms.replaceTrustedIssuers(trustedIssuers);
  rooms.replaceClients(clients);
  rooms.replaceEntry({ mounts, entry });
}
