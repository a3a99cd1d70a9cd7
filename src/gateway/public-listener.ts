import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

import type { Certificate } from '../platform/tls/pem-files.ts';
import { createFastLane, type FastLane } from '../resource-server/fast-lane/fast-lane.ts';
import { type ConnectionLimitsDeps, limitConnections, takeConnections } from './connection-limits.ts';
import type { InFlight } from './in-flight.ts';
import { type ListenerRefusal, listenerRefusals, refusalOfConnectionError } from './listener-refusal.ts';
import type { PublicRequests } from './public-requests.ts';
import { secureContext, tlsRules } from './listener-tls.ts';
import { securityHeaders } from './security-headers.ts';
import { createStalledWrites } from './stalled-writes.ts';

/** Limits of the listener; everything beyond them is cut by node:http before we see it. */
const headersTimeoutMs = 10_000;
const requestTimeoutMs = 60_000;
const keepAliveTimeoutMs = 75_000;
/** How late after its time a slow request is cut; Node looks every 30 seconds by itself. */
const timeoutCheckMs = 2_000;
/** For how long a client may take nothing of what is there for it. */
const stalledWriteMs = 60_000;
const maxHeaderBytes = 16 * 1024;
/** A head that is still not whole is left to the standard lane, which knows how to wait and what to say. */
const fastHeadMs = 1_000;
/**
 * A connection that the standard lane got stays there. It ends after so many requests, so that one that a proxy keeps
 * for years finds its way back.
 */
const standardRequestsPerConnection = 100;

export interface PublicListenerDeps {
  readonly issuer: string;
  /** Undefined: TLS is for somebody in front. */
  readonly certificate: Certificate | undefined;
  readonly connections: ConnectionLimitsDeps;
  /** False: every request goes the standard way. */
  readonly fastLane: boolean;
  /** Silence after which the kernel asks a client for a sign of life. 0: never. */
  readonly aliveProbeMs: number;
  readonly inFlight: InFlight;
  readonly isDraining: () => boolean;
  /** What answers, once it is there. */
  readonly findRequests: () => PublicRequests | undefined;
  /** Waits for it. Rejects when the start failed; the process is about to end then. */
  readonly awaitRequests: () => Promise<PublicRequests>;
}

export interface PublicListener {
  readonly server: Server;
  readonly openConnections: number;
  /** For connections from now on; those that are there go on with what they have. */
  replaceCertificate(certificate: Certificate): void;
  /** Closes connections that carry nothing. */
  closeIdle(): void;
  closeAll(): void;
}

/**
 * The public server. It is bound before the rooms behind it are loaded: a liveness probe is answered from the first
 * moment, any other early request waits for them.
 */
export function createPublicListener(deps: PublicListenerDeps): PublicListener {
  const rules = {
    maxHeaderSize: maxHeaderBytes,
    headersTimeout: headersTimeoutMs,
    requestTimeout: requestTimeoutMs,
    connectionsCheckingInterval: timeoutCheckMs,
    keepAliveTimeout: keepAliveTimeoutMs,
    // Judged with the rest of the framing, so that its refusal looks like all others.
    requireHostHeader: false,
    noDelay: true,
    // A client that lost its network says nothing, as one does that listens: this is how they are told apart.
    keepAlive: deps.aliveProbeMs > 0,
    keepAliveInitialDelay: deps.aliveProbeMs,
  };
  const { certificate } = deps;
  const secureServer =
    certificate && createSecureServer({ ...rules, ...tlsRules, ...secureContext(certificate) });
  const server: Server = secureServer ?? createServer(rules);
  // Every header line reaches the rule that counts them.
  server.maxHeadersCount = 0;
  server.on('request', (request, response) => {
    take(request, response, undefined);
  });
  server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => {
    take(request, response, listenerRefusals.expectationUnknown);
  });
  server.on('connect', (_, socket) => {
    // Node has let go of it altogether: an error that nobody listens to would be the end of the process.
    socket.on('error', () => socket.destroy());
    refuseBare(socket, listenerRefusals.connect);
  });
  server.on('clientError', (error, socket) => {
    const receivedBytes = socket instanceof Socket ? socket.bytesRead : 0;
    refuseBare(socket, refusalOfConnectionError(error, receivedBytes));
  });
  const fastLane = deps.fastLane ? layFastLane(server) : undefined;
  const stalledWrites = createStalledWrites(stalledWriteMs);
  server.on(secureServer === undefined ? 'connection' : 'secureConnection', (socket: Socket) => {
    stalledWrites.watch(socket);
  });
  const connections = limitConnections(server, deps.connections);
  const takeOn = takeConnections(server, 'connection');
  server.on('connection', (socket) => {
    if (connections.admit(socket)) takeOn(socket);
  });
  return {
    server,
    get openConnections() {
      return connections.open;
    },
    replaceCertificate: (latest) => secureServer?.setSecureContext(secureContext(latest)),
    closeIdle() {
      server.closeIdleConnections();
      fastLane?.closeIdle();
    },
    closeAll() {
      server.closeAllConnections();
      fastLane?.closeAll();
      stalledWrites.close();
      // Those too that are no further than the handshake.
      connections.closeAll();
    },
  };

  /** Each connection goes to the fast lane first; Node's own listener gets what that does not take. */
  function layFastLane(of: Server): FastLane {
    // Under TLS this is the one where there is something to read.
    const event = secureServer === undefined ? 'connection' : 'secureConnection';
    const handOver = takeConnections(of, event);
    of.maxRequestsPerSocket = standardRequestsPerConnection;
    const lane = createFastLane({
      answer: (caller, peer) => deps.findRequests()?.answerCall(caller, peer),
      handOver,
      refuseSlow: (socket) => {
        refuseBare(socket, listenerRefusals.timeout);
      },
      refuseEarly: (socket) => deps.findRequests()?.cutPipelined(socket),
      isDraining: deps.isDraining,
      onCall: deps.inFlight.enter,
      onCallOver: deps.inFlight.leave,
      limits: {
        headMs: fastHeadMs,
        requestMs: requestTimeoutMs,
        keepAliveMs: keepAliveTimeoutMs,
        headBytes: maxHeaderBytes,
      },
    });
    of.on(event, (socket: Socket) => {
      if (deps.findRequests() === undefined) handOver(socket);
      else lane.take(socket);
    });
    return lane;
  }

  function take(
    request: IncomingMessage,
    response: ServerResponse,
    refusal: ListenerRefusal | undefined,
  ): void {
    deps.inFlight.enter();
    response.on('close', deps.inFlight.leave);
    const requests = deps.findRequests();
    if (requests !== undefined) {
      requests.answer(request, response, refusal);
    } else if (request.url === '/healthz' && request.method === 'GET') {
      response.writeHead(200, securityHeaders(deps.issuer)).end();
    } else {
      deps.awaitRequests().then(
        (late) => {
          // Nothing would ever tell that it closed.
          if (!response.destroyed) late.answer(request, response, refusal);
        },
        () => response.destroy(),
      );
    }
  }

  /** @param refusal undefined when there is nobody left to tell */
  function refuseBare(socket: Duplex, refusal: ListenerRefusal | undefined): void {
    const requests = deps.findRequests();
    if (refusal === undefined || requests === undefined) socket.destroy();
    else requests.refuseConnection(socket, refusal);
  }
}
