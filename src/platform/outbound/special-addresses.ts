import { BlockList, isIPv4, isIPv6 } from 'node:net';

import ipaddr from 'ipaddr.js';

/** IPv4 that is not, or not surely, a host of the public Internet. @see RFC 6890, the IANA special-purpose registry */
const specialIPv4: ReadonlyArray<readonly [network: string, bits: number]> = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  // Link-local, and with it the metadata services of most clouds.
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.31.196.0', 24],
  ['192.52.193.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['192.175.48.0', 24],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
  // Looks public, and is the wire server inside of every Azure machine.
  ['168.63.129.16', 32],
];

/** What is not public inside of 2000::/3, outside of which nothing is. */
const specialIPv6: ReadonlyArray<readonly [network: string, bits: number]> = [
  // Protocol assignments, Teredo among them.
  ['2001::', 23],
  ['2001:db8::', 32],
  // 6to4: the next 32 bits are an IPv4 address of anybody's choice.
  ['2002::', 16],
  ['2620:4f:8000::', 48],
  ['3fff::', 20],
];

const blocked = new BlockList();
for (const [network, bits] of specialIPv4) blocked.addSubnet(network, bits, 'ipv4');
for (const [network, bits] of specialIPv6) blocked.addSubnet(network, bits, 'ipv6');

// The one block that hosts have addresses of: mapped, compatible, translated and unique local ones lie outside of it.
const globalUnicast = new BlockList();
globalUnicast.addSubnet('2000::', 3, 'ipv6');

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/** Whether an address is one of a host on the public Internet. What is no address is not. Asks nobody. */
export function isPublicAddress(address: string): boolean {
  if (isIPv4(address)) return !blocked.check(address, 'ipv4');
  // A zone names an interface of this machine.
  if (!isIPv6(address) || address.includes('%')) return false;
  return globalUnicast.check(address, 'ipv6') && !blocked.check(address, 'ipv6') && !isIsatap(address);
}

/** Whether an address is one of this machine and no other's. */
export function isLoopbackAddress(address: string): boolean {
  if (isIPv4(address)) return loopback.check(address, 'ipv4');
  return isIPv6(address) && !address.includes('%') && !isMapped(address) && loopback.check(address, 'ipv6');
}

/** RFC 5214 §6.1: any prefix, then 0000:5efe or 0200:5efe, then an IPv4 address of anybody's choice. */
function isIsatap(address: string): boolean {
  const { parts } = ipaddr.IPv6.parse(address);
  return parts[5] === 0x5efe && (parts[4] === 0 || parts[4] === 0x200);
}

/** Node judges these by the IPv4 address inside. */
function isMapped(address: string): boolean {
  return ipaddr.IPv6.parse(address).isIPv4MappedAddress();
}
