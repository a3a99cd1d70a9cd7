import type { Server } from 'node:http';

import type { ListenAddress } from './config/config.ts';
import type { InFlight } from './in-flight.ts';
import type { PublicListener } from './public-listener.ts';

const sweepMilliseconds = 250;
const afterCutMilliseconds = 1_000;

/** Binds a server; resolves with the port it got. Rejects with the system's error, e.g. `EADDRINUSE`. */
export function bind(server: Server, address: ListenAddress): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    const host = address.host === undefined ? {} : { host: address.host };
    server.listen({ port: address.port, ...host }, () => {
      server.off('error', reject);
      const bound = server.address();
      resolve(typeof bound === 'object' && bound !== null ? bound.port : address.port);
    });
  });
}

export interface DrainRules {
  readonly inFlight: InFlight;
  /** Ends the streams that clients hold open to listen. */
  readonly endStreams: () => void;
  readonly deadlineSeconds: number;
}

/**
 * Takes no new connections and waits for the answers in flight; cuts what is left at the deadline. Resolves with how
 * many it cut.
 */
export async function drain(listener: PublicListener, rules: DrainRules): Promise<number> {
  const { inFlight, endStreams, deadlineSeconds } = rules;
  listener.server.close();
  listener.closeIdle();
  endStreams();
  // Those too whose upstream opens them late: nothing else would end them before the deadline.
  const sweep = setInterval(endStreams, sweepMilliseconds);
  await inFlightOver(inFlight, deadlineSeconds * 1000);
  clearInterval(sweep);
  const cut = inFlight.count;
  listener.closeAll();
  // What was cut ends as a client that left: it gets its line in the log, and its upstream no blame.
  await inFlightOver(inFlight, afterCutMilliseconds);
  return cut;
}

async function inFlightOver(inFlight: InFlight, withinMilliseconds: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, withinMilliseconds);
  });
  await Promise.race([inFlight.drained(), deadline]);
  clearTimeout(timer);
}
