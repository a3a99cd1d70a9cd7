import { isIP } from 'node:net';

import type { ListenAddress } from './config.ts';
import { ValueProblem } from './setting.ts';

const defaultPort = 8080;
const fix = 'write host:port or :port, an IPv6 address in brackets, such as 127.0.0.1:9090 or [::1]:9090';

/**
 * Reads `host:port`, `[IPv6]:port` or `:port` (every interface). Port 0: any free one.
 * @throws ValueProblem
 */
export function parseListenAddress(text: string): ListenAddress {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]*)):(\d{1,5})$/.exec(text);
  if (match === null || (match[1] !== undefined && isIP(match[1]) !== 6)) {
    throw new ValueProblem('is not a listen address', fix);
  }
  const port = Number(match[3]);
  if (port > 65_535) throw new ValueProblem('has a port above 65535', fix);
  return { host: match[1] ?? (match[2] || undefined), port };
}

/** Where the public listener is when nobody says: a server that is on this machine for its clients hears no others. */
export function defaultListenAddress(publicUrl: {
  readonly host: string;
  readonly explicitPort: number | undefined;
  readonly loopback: boolean;
}): ListenAddress {
  if (!publicUrl.loopback) return { host: undefined, port: defaultPort };
  const host = publicUrl.host.startsWith('localhost') ? '127.0.0.1' : publicUrl.host;
  return { host, port: publicUrl.explicitPort ?? defaultPort };
}

/** Whether a host name or address (brackets allowed) can only be reached from this machine. */
export function isLoopbackHost(host: string): boolean {
  const name = host.toLowerCase().replace(/^\[(.*)\]$/, '$1');
  if (name === 'localhost' || name === 'localhost.' || name === '::1') return true;
  return isIP(name) === 4 && name.startsWith('127.');
}

/** Whether two listeners would claim the same port of the same interface. */
export function isSameListener(one: ListenAddress, other: ListenAddress): boolean {
  if (one.port === 0 || one.port !== other.port) return false;
  return isEveryInterface(one) || isEveryInterface(other) || one.host === other.host;
}

function isEveryInterface(address: ListenAddress): boolean {
  return address.host === undefined || address.host === '0.0.0.0' || address.host === '::';
}

/** `host:port` again, for people. */
export function formatListenAddress(address: ListenAddress): string {
  const host = address.host ?? '';
  return `${host.includes(':') ? `[${host}]` : host}:${address.port}`;
}
