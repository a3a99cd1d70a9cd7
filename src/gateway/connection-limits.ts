import type { Server } from 'node:http';
import type { Socket } from 'node:net';

import { rateLimitKey } from '../services/limits/limit-key.ts';

export interface ConnectionLimitsDeps {
  /** Connections that one address may hold; 0: any number. */
  readonly perAddress: number;
  /** Connections altogether; undefined: any number. */
  readonly total: number | undefined;
  /** Addresses that stand for many people, or for this machine: they are held to the total alone. */
  readonly isExempt: (address: string) => boolean;
  readonly onRefused: (cause: ConnectionRefusalCause) => void;
}

export type ConnectionRefusalCause = 'address' | 'total';

export interface ConnectionLimits {
  readonly open: number;
  /** Whether a fresh connection may stay; it counts from now on. One that may not is closed already. */
  admit(socket: Socket): boolean;
  closeAll(): void;
}

/**
 * Holds a server to its limits before a byte is read: a connection costs memory and a descriptor whatever it says, and
 * a process without descriptors serves nobody. An address is IPv6 by its /64, as everywhere.
 */
export function limitConnections(server: Server, deps: ConnectionLimitsDeps): ConnectionLimits {
  const keys = new Map<Socket, string>();
  const counts = new Map<string, number>();
  if (deps.total !== undefined) {
    server.maxConnections = deps.total;
    // Closed by Node, before there is a socket.
    server.on('drop', () => deps.onRefused('total'));
  }

  function isOver(address: string, key: string): boolean {
    if (deps.perAddress === 0 || (counts.get(key) ?? 0) < deps.perAddress) return false;
    return !deps.isExempt(address);
  }

  // One function for all connections: there are thousands that do nothing.
  function forget(this: Socket): void {
    const key = keys.get(this);
    if (key === undefined) return;
    keys.delete(this);
    const left = (counts.get(key) ?? 0) - 1;
    if (left > 0) counts.set(key, left);
    else counts.delete(key);
  }

  return {
    get open() {
      return keys.size;
    },
    admit(socket) {
      // None: it is gone again.
      const address = socket.remoteAddress ?? '';
      const key = rateLimitKey(address);
      if (isOver(address, key)) {
        socket.destroy();
        deps.onRefused('address');
        return false;
      }
      keys.set(socket, key);
      counts.set(key, (counts.get(key) ?? 0) + 1);
      socket.once('close', forget);
      return true;
    },
    closeAll() {
      for (const socket of keys.keys()) socket.destroy();
    },
  };
}

/** For files, the store, the identity provider and the listeners. */
const descriptorsForOthers = 64;

/**
 * How many connections there may be altogether: what was asked for, and no more than the process has descriptors for. Each
 * takes two, since a call has another to the upstream.
 * @param wanted 0: as many as can be
 * @param descriptors that this process may have; undefined: nobody knows
 */
export function findTotalCap(wanted: number, descriptors: number | undefined): number | undefined {
  const affordable =
    descriptors === undefined ? Infinity : Math.max(1, Math.floor((descriptors - descriptorsForOthers) / 2));
  const cap = Math.min(wanted === 0 ? Infinity : wanted, affordable);
  return cap === Infinity ? undefined : cap;
}

/**
 * Takes Node's own listeners of new connections aside: what they did is done by the function that is returned, when it is
 * time for it.
 */
export function takeConnections(
  server: Server,
  event: 'connection' | 'secureConnection',
): (socket: Socket) => void {
  const own = server.listeners(event) as ((this: Server, socket: Socket) => void)[];
  server.removeAllListeners(event);
  return (socket) => {
    for (const listener of own) listener.call(server, socket);
  };
}
