import ipaddr from 'ipaddr.js';

/**
 * What an address is counted as: IPv6 by its /64, the least that one customer is given and can hop about in;
 * IPv4-mapped IPv6 as IPv4. Zone ids do not count. What is no address is counted as itself.
 */
export function rateLimitKey(address: string): string {
  // Most callers come so, and each call of theirs asks.
  if (/^\d{1,3}(?:\.\d{1,3}){3}$/.test(address)) return address;
  const plain = address.replace(/%.*$/s, '');
  if (!ipaddr.isValid(plain)) return address.slice(0, maxKeyLength);
  const parsed = ipaddr.process(plain);
  if (parsed instanceof ipaddr.IPv4) return parsed.toString();
  return `${parsed.parts
    .slice(0, 4)
    .map((part) => part.toString(16))
    .join(':')}::/64`;
}

/** A key is kept for a minute; nobody gets to say how much of it there is. */
const maxKeyLength = 64;
