import type { Clock } from '../platform/clock.ts';
import type { ClientTls } from '../platform/http1/dial.ts';
import { createHttpClient, type PooledHttpClient } from '../platform/http1/http-client.ts';
import type { HttpClient } from '../platform/http1/response-sink.ts';
import type { Emit } from '../services/audit/events.ts';
import { type LiveCertificates, openUpstreamTls } from './certificates.ts';
import type { GatehouseConfig, MountConfig } from './config/config.ts';

type Upstream = MountConfig['upstream'];

/** The connections of one mount to its upstream. */
export interface MountUpstream {
  readonly client: HttpClient;
  /** What is shown to the upstream, and how it is checked; undefined: nothing of ours. */
  readonly tls: LiveCertificates<ClientTls> | undefined;
}

export interface MountUpstreamDeps {
  readonly config: Pick<GatehouseConfig, 'tcpKeepAliveSeconds'>;
  readonly clock: Clock;
  readonly emit: Emit;
}

/** @throws PemFileError when a certificate for the upstream is not acceptable */
export function openMountUpstream(upstream: Upstream, deps: MountUpstreamDeps): MountUpstream {
  const tls = openUpstreamTls(upstream.tls, { ...deps, onChange: (latest) => client.replaceTls(latest) });
  const client = connect(upstream, tls?.current(), deps);
  return { client, tls };
}

/** The connections of mounts that are alike but for a label. Certificates are read once for all of them. */
export interface FamilyUpstream {
  readonly tls: LiveCertificates<ClientTls> | undefined;
  /** Those of one of the mounts, to be closed by it. Nothing is opened before its first call. */
  openMember(upstream: Upstream): MountUpstream;
  close(): void;
}

/** @throws PemFileError when a certificate for the upstreams is not acceptable */
export function openFamilyUpstream(upstream: Upstream, deps: MountUpstreamDeps): FamilyUpstream {
  const clients = new Set<PooledHttpClient>();
  let common: PooledHttpClient | undefined;
  const tls = openUpstreamTls(upstream.tls, {
    ...deps,
    onChange(latest) {
      for (const client of clients) client.replaceTls(latest);
    },
  });

  function open(member: Upstream): PooledHttpClient {
    const client = connect(member, tls?.current(), deps);
    clients.add(client);
    return client;
  }

  /** For each a pool: they go to hosts of their own. */
  function openOwn(member: Upstream): HttpClient {
    let own: PooledHttpClient | undefined;
    return {
      send: (request, sink) => (own ??= open(member)).send(request, sink),
      close() {
        if (own === undefined) return;
        clients.delete(own);
        own.close();
      },
    };
  }

  return {
    tls,
    openMember(member) {
      if (member.origin !== upstream.origin) return { client: openOwn(member), tls: undefined };
      const client = (common ??= open(upstream));
      // Of those that share a pool none may close it; the calls of one are cut with the exchange of each.
      return {
        client: { send: (request, sink) => client.send(request, sink), close: () => {} },
        tls: undefined,
      };
    },
    close() {
      tls?.close();
      for (const client of clients) client.close();
      clients.clear();
    },
  };
}

/** @throws when a certificate or a key cannot be read */
function connect(
  upstream: Upstream,
  tls: ClientTls | undefined,
  { config }: MountUpstreamDeps,
): PooledHttpClient {
  const headerTimeoutMs = upstream.headerTimeoutSeconds * 1000;
  return createHttpClient({
    origin: new URL(upstream.origin),
    headerTimeoutMs,
    connectTimeoutMs: Math.min(upstream.connectTimeoutSeconds * 1000, headerTimeoutMs),
    idleTimeoutMs: upstream.idleTimeoutSeconds * 1000,
    aliveProbeMs: config.tcpKeepAliveSeconds * 1000,
    ...(tls === undefined ? {} : { tls }),
  });
}
