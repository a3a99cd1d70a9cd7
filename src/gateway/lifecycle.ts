import type { Server } from 'node:http';
import { Server as TcpServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

import type { ListenAddress } from './config/config.ts';
import type { InFlight } from './in-flight.ts';
import type { PublicListener } from './public-listener.ts';

/**
 * Connections that wait to be taken, as far as the system allows (`net.core.somaxconn`). Whoever comes on top of them is
 * not told, and tries again a second later, then three: a replica goes, and all of its streams come at once.
 */
const backlog = 4_096;
const sweepMilliseconds = 100;
const afterCutMilliseconds = 1_000;

/**
 * Binds a server; resolves with the port it got. Rejects with the system's error, e.g. `EADDRINUSE`.
 * @param onTrouble told of a connection that could not be taken later on, for instance since no more files can be opened.
 * That is no reason to end.
 */
export function bind(
  server: Server,
  address: ListenAddress,
  onTrouble: (error: Error) => void = () => {},
): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    const host = address.host === undefined ? {} : { host: address.host };
    server.listen({ port: address.port, backlog, ...host }, () => {
      server.off('error', reject);
      server.on('error', onTrouble);
      const bound = server.address();
      resolve(typeof bound === 'object' && bound !== null ? bound.port : address.port);
    });
  });
}

export interface DrainRules {
  readonly inFlight: InFlight;
  /** Ends part of the streams, 0 to 1, that clients hold open to listen. */
  readonly endStreams: (part: number) => void;
  readonly deadlineSeconds: number;
  /** Of these, how long connections are still taken. Everything says by then that this server is about to go. */
  readonly delaySeconds: number;
}

/**
 * How long connections that carry nothing are left open when all answers are out. A proxy in front learns from its next
 * new connection that it has to turn elsewhere; until then it sends over those it has, also over those that streams have
 * left, and whatever is closed in the same moment takes a call with it that the proxy must not repeat.
 */
const leavingMilliseconds = 1_000;

/** Over how long the ends of many streams are spread, at most. */
const spreadMilliseconds = 5_000;

/**
 * Takes no new connections, after the delay, and waits for the answers in flight; cuts what is left at the deadline.
 * Streams that only listen are ended meanwhile, a few at a time. Resolves with how many calls it cut.
 */
export async function drain(
  listener: Pick<PublicListener, 'server' | 'closeIdle' | 'closeAll'>,
  rules: DrainRules,
): Promise<number> {
  const { inFlight, deadlineSeconds, delaySeconds } = rules;
  if (delaySeconds > 0) await delay(delaySeconds * 1000, undefined, { ref: false });
  const milliseconds = (deadlineSeconds - delaySeconds) * 1000;
  const leavingMs = delaySeconds > 0 ? Math.min(leavingMilliseconds, milliseconds / 3) : 0;
  const deadline = performance.now() + milliseconds;
  // That of node:http would end the idle connections as well.
  TcpServer.prototype.close.call(listener.server);
  const endSome = spreadEnds(rules.endStreams, Math.min(spreadMilliseconds, milliseconds / 3));
  const sweep = (): void => {
    endSome();
    // Nobody comes back over the connection that a stream has left.
    if (leavingMs === 0) listener.closeIdle();
  };
  sweep();
  const sweeping = setInterval(sweep, sweepMilliseconds);
  await inFlightOver(inFlight, milliseconds - leavingMs);
  if (leavingMs > 0) {
    await delay(leavingMs, undefined, { ref: false });
    await inFlightOver(inFlight, deadline - performance.now());
  }
  clearInterval(sweeping);
  listener.server.close();
  const cut = inFlight.count;
  listener.closeAll();
  // What was cut ends as a client that left: it gets its line in the log, and its upstream no blame.
  await inFlightOver(inFlight, afterCutMilliseconds);
  return cut;
}

/**
 * Ends, with each call, as many streams as it takes to have ended all of them in time. What comes later ends at once:
 * streams that their upstream opens only then, which nothing else would end before the deadline.
 */
function spreadEnds(endStreams: (part: number) => void, milliseconds: number): () => void {
  const end = performance.now() + milliseconds;
  return () => {
    const left = end - performance.now();
    endStreams(left < sweepMilliseconds ? 1 : sweepMilliseconds / left);
  };
}

async function inFlightOver(inFlight: InFlight, withinMilliseconds: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, withinMilliseconds);
  });
  await Promise.race([inFlight.drained(), deadline]);
  clearTimeout(timer);
}
