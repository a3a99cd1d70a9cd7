import { isIP } from 'node:net';

import ipaddr from 'ipaddr.js';

import { headerValues } from './raw-headers.ts';

export type ForwardingHeader = 'x-forwarded-for' | 'x-real-ip' | 'true-client-ip';

export interface ClientAddressOptions {
  /** Networks whose forwarding header is believed, in CIDR notation. */
  readonly trustedCidrs: readonly string[];
  readonly header: ForwardingHeader;
  /** Believe the header of every peer. For development: anybody can then choose an address. */
  readonly trustEveryone: boolean;
}

/** @param rawHeaders name and value alternating, as received */
export type FindClientAddress = (rawHeaders: readonly string[], peer: string) => string;

type Network = readonly [ipaddr.IPv4 | ipaddr.IPv6, number];

/**
 * Decides which address a request counts for. The peer, unless it is a trusted proxy; then the right-most address of
 * the header that is not itself trusted. Whatever stands left of that one was written by a stranger. A header that
 * does not parse, or names trusted proxies only, counts for the peer.
 */
export function createClientAddress(options: ClientAddressOptions): FindClientAddress {
  const isTrusted = matchNetworks(options.trustedCidrs);
  const judgePeer = rememberPeers((peer) => {
    const address = findAddress(peer) ?? peer;
    return { address, isBelieved: options.trustEveryone || isTrusted(address) };
  });
  return (rawHeaders, peer) => {
    const { address: nearest, isBelieved } = judgePeer(peer);
    if (!isBelieved) return nearest;
    const hops = listHops(headerValues(rawHeaders, options.header));
    for (const hop of hops.toReversed()) {
      const address = findAddress(hop);
      if (address === undefined) return nearest;
      if (!isTrusted(address)) return address;
    }
    return nearest;
  };
}

/** Says whether an address, `1.2.3.4` or IPv6, is in one of the networks; IPv4-mapped IPv6 is IPv4. */
export function createNetworkMatch(cidrs: readonly string[]): (address: string) => boolean {
  const matches = matchNetworks(cidrs);
  return (address) => matches(findAddress(address) ?? '');
}

/** The same for addresses as `findAddress` writes them. */
function matchNetworks(cidrs: readonly string[]): (address: string) => boolean {
  const networks = cidrs.map((text) => {
    const network = findNetwork(text);
    if (network === undefined) throw new TypeError('a network is not in CIDR notation');
    return network;
  });
  return (address) => {
    if (networks.length === 0 || isIP(address) === 0) return false;
    const parsed = ipaddr.parse(address);
    return networks.some(
      ([network, bits]) => parsed.kind() === network.kind() && parsed.match(network, bits),
    );
  };
}

/** Whether the text is a network in CIDR notation; a bare address is not. */
export function isCidr(text: string): boolean {
  return findNetwork(text) !== undefined;
}

/** Whether the network is the whole address space. */
export function isEveryAddress(cidr: string): boolean {
  return findNetwork(cidr)?.[1] === 0;
}

// A proxy that adds a line of its own instead of extending the first one must not hide behind it.
function listHops(lines: readonly string[]): string[] {
  return lines.length === 0
    ? []
    : lines
        .join(',')
        .split(',')
        .map((hop) => hop.trim());
}

interface Peer {
  readonly address: string;
  readonly isBelieved: boolean;
}

const maxPeers = 1000;

/** Peers come back, call after call; parsing their addresses each time would cost more than the rest. */
function rememberPeers(judge: (peer: string) => Peer): (peer: string) => Peer {
  const peers = new Map<string, Peer>();
  return (peer) => {
    const known = peers.get(peer);
    if (known !== undefined) return known;
    if (peers.size >= maxPeers) peers.clear();
    const judged = judge(peer);
    peers.set(peer, judged);
    return judged;
  };
}

/** The plain address in `1.2.3.4`, `1.2.3.4:567`, `::1`, `[::1]`, `[::1]:567`; IPv4-mapped IPv6 comes as IPv4. */
function findAddress(text: string): string | undefined {
  const bracketed = /^\[([^\]]*)\](?::\d{1,5})?$/.exec(text)?.[1];
  const withPort = /^([\d.]+):\d{1,5}$/.exec(text)?.[1];
  const zoned = bracketed ?? withPort ?? text;
  // A zone says through which interface of the proxy; IPv4 has none, and what claims one is no address.
  const bare = zoned.includes(':') ? zoned.replace(/%[\w.~-]+$/, '') : zoned;
  const version = isIP(bare);
  if (version === 0 || (bracketed !== undefined && version !== 6)) return undefined;
  return version === 4 ? bare : ipaddr.process(bare).toString();
}

function findNetwork(text: string): Network | undefined {
  const match = /^([0-9A-Fa-f:.]+)\/(\d{1,3})$/.exec(text);
  const version = isIP(match?.[1] ?? '');
  const bits = Number(match?.[2]);
  if (match === null || version === 0 || bits > (version === 4 ? 32 : 128)) return undefined;
  const address = ipaddr.parse(match[1] ?? '');
  if (address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress() && bits >= 96) {
    return [address.toIPv4Address(), bits - 96];
  }
  return [address, bits];
}
