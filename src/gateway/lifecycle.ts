import type { Server } from 'node:http';

import type { ListenAddress } from './config/config.ts';
import type { InFlight } from './in-flight.ts';

const sweepMilliseconds = 250;

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

/** Takes no new connections and waits for the answers in flight; cuts what is left at the deadline. */
export async function drain(server: Server, inFlight: InFlight, deadlineSeconds: number): Promise<void> {
  server.close();
  server.closeIdleConnections();
  inFlight.endListeningStreams();
  // Those too whose upstream opens them late: nothing else would end them before the deadline.
  const sweep = setInterval(() => {
    inFlight.endListeningStreams();
  }, sweepMilliseconds);
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, deadlineSeconds * 1000);
  });
  await Promise.race([inFlight.drained(), deadline]);
  clearTimeout(timer);
  clearInterval(sweep);
  server.closeAllConnections();
}
