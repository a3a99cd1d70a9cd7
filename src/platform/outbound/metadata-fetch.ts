import type { Socket } from 'node:net';

import { Agent, type buildConnector } from 'undici';

import { createGuardedFetch } from './guarded-fetch.ts';
import type { OutboundNetwork } from './outbound-network.ts';

export interface MetadataFetchOptions {
  readonly network: Pick<OutboundNetwork, 'dial'>;
  /** Deadline over everything, in milliseconds. */
  readonly totalTimeoutMs: number;
  readonly maxBytes: number;
  readonly userAgent: string;
}

/**
 * Asks the metadata service of the cloud that this machine runs in. Nothing is followed or decoded, and no proxy asked.
 * @param path with its query
 * @throws OutboundError
 */
export type MetadataFetch = (path: string, headers: Readonly<Record<string, string>>) => Promise<Response>;

/** The same for every cloud, and never routed. A name would be for a name server to choose. @see RFC 3927 §2.7 */
const address = '169.254.169.254';

export function createMetadataFetch(options: MetadataFetchOptions): MetadataFetch {
  const { network, totalTimeoutMs } = options;
  const dispatcher = new Agent({
    allowH2: false,
    pipelining: 0,
    headersTimeout: 0,
    bodyTimeout: 0,
    // Wherever a request says that it goes, it goes there.
    connect: (_target, callback) => connect(network.dial(address, 80), totalTimeoutMs, callback),
  });
  const fetch = createGuardedFetch({ ...options, dispatcher });
  return (path, headers) => fetch(`http://${address}${path}`, { headers });
}

/** Where there is no such service, most networks say nothing at all. */
function connect(socket: Socket, timeoutMs: number, callback: buildConnector.Callback): void {
  const fail = (error: Error): void => callback(error, null);
  socket.setTimeout(timeoutMs, () => socket.destroy(new Error('no connection before the deadline')));
  socket.once('error', fail).once('connect', () => {
    socket.setTimeout(0);
    socket.off('error', fail);
    callback(null, socket);
  });
}
