import { isIP, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';

import ipaddr from 'ipaddr.js';
import { Agent, type buildConnector, type Dispatcher } from 'undici';

import { OutboundError } from './outbound-error.ts';
import type { OutboundNetwork } from './outbound-network.ts';

export interface PinnedDispatcherOptions {
  readonly network: OutboundNetwork;
  /** Whether an address may be contacted. */
  readonly isAllowed: (address: string) => boolean;
  /** One deadline over DNS, TCP and TLS. */
  readonly connectTimeoutMs: number;
  readonly maxHeaderBytes: number;
}

/** A host needs no more; who has more is not worth the time. */
const maxAddresses = 32;
/** Of these so many are tried, one after the other: a network without IPv6 fails at once. */
const maxAttempts = 3;

/**
 * A dispatcher for peers that strangers name. The name is resolved once and every address of it is judged; one that is
 * not allowed refuses the name, since whoever mixes them has this server in mind. The connection goes to a judged
 * address, never to a name that could resolve to something else by then, and the peer that is connected is compared
 * with it. TLS is held to the name. https only; nothing is kept or pooled; no proxy of the environment is asked.
 */
export function createPinnedDispatcher(options: PinnedDispatcherOptions): Dispatcher {
  return new Agent({
    allowH2: false,
    pipelining: 0,
    maxHeaderSize: options.maxHeaderBytes,
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: (target, callback) => {
      void handOver(target, options, callback);
    },
  });
}

async function handOver(
  target: buildConnector.Options,
  options: PinnedDispatcherOptions,
  callback: buildConnector.Callback,
): Promise<void> {
  let socket: TLSSocket;
  try {
    socket = await connectPinned(target, options);
  } catch (error) {
    callback(error instanceof Error ? error : new OutboundError('network', 'no connection', error), null);
    return;
  }
  callback(null, socket);
}

async function connectPinned(
  target: buildConnector.Options,
  options: PinnedDispatcherOptions,
): Promise<TLSSocket> {
  if (target.protocol !== 'https:') throw new OutboundError('address', 'the scheme is not https');
  const signal = AbortSignal.timeout(options.connectTimeoutMs);
  const name = target.hostname.replace(/^\[(.*)\]$/, '$1');
  const addresses = await findAddresses(name, options, signal);
  const port = target.port === '' ? 443 : Number(target.port);
  let failure: unknown;
  for (const address of addresses.slice(0, maxAttempts)) {
    if (signal.aborted) break;
    const socket = options.network.dial(address, port);
    try {
      await settled(socket, 'connect', signal);
      checkPeer(socket, address);
      return await secure(socket, name, options.network.ca, signal);
    } catch (error) {
      socket.destroy();
      if (error instanceof OutboundError) throw error;
      failure = error;
    }
  }
  if (signal.aborted) throw new OutboundError('timeout', 'no connection before the deadline', failure);
  throw new OutboundError('network', 'no connection', failure);
}

/** Every address, each of them judged; IPv4 first, which more networks have. */
async function findAddresses(
  name: string,
  { network, isAllowed }: PinnedDispatcherOptions,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const addresses = isIP(name) === 0 ? await network.resolve(name, signal) : [name];
  if (addresses.length === 0 || addresses.length > maxAddresses || !addresses.every(isAllowed)) {
    throw new OutboundError('address', 'the name leads to an address that may not be asked');
  }
  return addresses.toSorted((one, other) => isIP(one) - isIP(other));
}

/** The third look: a transparent proxy or a socket layer of somebody's may have gone elsewhere. */
function checkPeer(socket: Socket, address: string): void {
  if (canonical(socket.remoteAddress) === canonical(address)) return;
  throw new OutboundError('address', 'the connection leads to another address');
}

function canonical(address: string | undefined): string {
  return address === undefined || isIP(address) === 0 ? '' : ipaddr.parse(address).toNormalizedString();
}

async function secure(
  socket: Socket,
  name: string,
  ca: string | undefined,
  signal: AbortSignal,
): Promise<TLSSocket> {
  const secured = connectTls({
    socket,
    ...(isIP(name) === 0 ? { servername: name } : { host: name }),
    ...(ca === undefined ? {} : { ca }),
    ALPNProtocols: ['http/1.1'],
    minVersion: 'TLSv1.2',
    // Said, since the environment could say otherwise.
    rejectUnauthorized: true,
  });
  try {
    await settled(secured, 'secureConnect', signal);
    return secured;
  } catch (error) {
    secured.destroy();
    throw error;
  }
}

function settled(socket: Socket, event: 'connect' | 'secureConnect', signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const onAbort = (): void => reject(new OutboundError('timeout', 'no connection before the deadline'));
  const onClose = (): void => reject(new Error('the connection was closed'));
  socket.once(event, resolve).once('error', reject).once('close', onClose);
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  return promise.finally(() => {
    socket.off(event, resolve).off('error', reject).off('close', onClose);
    // What breaks between the steps is found by the next one; until then nobody listens, and that ends a process.
    socket.on('error', () => undefined);
    signal.removeEventListener('abort', onAbort);
  });
}
