/**
 * The fast lane: calls to the mount, read from the socket and written to it without Node's HTTP server in between.
 *
 * It takes what is plainly one request out of a strict subset of HTTP/1.1 (`platform/http1/request-head.ts`) and plainly
 * the mount's. Every other connection is handed to the standard lane with its bytes untouched, as soon as it shows that
 * it is not so plain: this lane judges nothing that it does not take, and answers no request that it does not admit to
 * the mount's own rules. What a call may do is decided by the same code in both lanes.
 */
import type { Socket } from 'node:net';

import type { Caller, CallerListener } from '../proxy/caller.ts';
import { PlainConnection } from './plain-connection.ts';

export interface FastLane {
  /** Takes a fresh connection, to answer its calls or to hand it over. */
  take(socket: Socket): void;
  /** Closes the connections that carry no call. */
  closeIdle(): void;
  /** Cuts every connection that was not handed over. */
  closeAll(): void;
}

export interface FastLaneDeps {
  /** Answers a call; undefined, and the caller is left untouched, when the standard lane is to look at it. */
  readonly answer: (caller: Caller, peer: string) => CallerListener | undefined;
  /** Gives a connection to the standard lane. Whatever was read of it is in it again. */
  readonly handOver: (socket: Socket) => void;
  /** Answers a call whose body took too long, on the bare connection, and closes it. */
  readonly refuseSlow: (socket: Socket) => void;
  /** Cuts a connection whose client has sent too much behind a call that is not answered yet. */
  readonly refuseEarly: (socket: Socket) => void;
  /** Whether connections end with their answers from now on. */
  readonly isDraining: () => boolean;
  readonly onCall: () => void;
  readonly onCallOver: () => void;
  readonly limits: LaneLimits;
}

export interface LaneLimits {
  /** A head that takes longer is no boring one: the standard lane waits for the rest. */
  readonly headMs: number;
  readonly requestMs: number;
  readonly keepAliveMs: number;
  readonly headBytes: number;
}

const sweepMilliseconds = 500;

export function createFastLane(deps: FastLaneDeps): FastLane {
  const connections = new Set<PlainConnection>();
  const lane = {
    ...deps,
    forget(connection: PlainConnection) {
      connections.delete(connection);
      if (connections.size === 0) stopSweeping();
    },
  };
  let sweeping: NodeJS.Timeout | undefined;

  // One timer for all: a timer for each call would cost as much as reading it.
  function startSweeping(): void {
    sweeping ??= setInterval(() => {
      const now = performance.now();
      for (const connection of connections) connection.sweep(now);
    }, sweepMilliseconds).unref();
  }

  function stopSweeping(): void {
    clearInterval(sweeping);
    sweeping = undefined;
  }

  return {
    take(socket) {
      connections.add(new PlainConnection(socket, lane));
      startSweeping();
    },
    closeIdle() {
      for (const connection of connections) connection.closeIdle();
    },
    closeAll() {
      for (const connection of connections) connection.destroy();
    },
  };
}
