import ipaddr from 'ipaddr.js';
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';

import type { EndpointName } from '../audit/events.ts';

/** Requests per address and minute. Each process counts for itself. */
const perMinute = {
  register: 10,
  authorize: 30,
  consent: 30,
  callback: 30,
  token: 60,
  mcp: 600,
  discovery: 60,
} as const satisfies Partial<Record<EndpointName, number>>;

export type RateLimitOutcome =
  | { readonly outcome: 'allowed' }
  /** `retryAfterSeconds`: whole seconds, at least 1. */
  | { readonly outcome: 'limited'; readonly retryAfterSeconds: number };

export interface RateLimits {
  /** Counts one request. An endpoint without a limit is always allowed. */
  check(endpoint: EndpointName, address: string): Promise<RateLimitOutcome>;
}

const windowSeconds = 60;
const allowed: RateLimitOutcome = { outcome: 'allowed' };

export function createRateLimits(options: { readonly enabled: boolean }): RateLimits {
  if (!options.enabled) return { check: () => Promise.resolve(allowed) };
  const limiters = new Map<string, RateLimiterMemory>(
    Object.entries(perMinute).map(([endpoint, points]) => [
      endpoint,
      new RateLimiterMemory({ keyPrefix: endpoint, points, duration: windowSeconds }),
    ]),
  );
  return {
    async check(endpoint, address) {
      try {
        await limiters.get(endpoint)?.consume(rateLimitKey(address));
        return allowed;
      } catch (error) {
        if (!(error instanceof RateLimiterRes)) throw error;
        return { outcome: 'limited', retryAfterSeconds: Math.max(1, Math.ceil(error.msBeforeNext / 1000)) };
      }
    },
  };
}

/**
 * What an address is counted as: IPv6 by its /64, the least that one customer is given and can hop about in;
 * IPv4-mapped IPv6 as IPv4.
 */
export function rateLimitKey(address: string): string {
  if (!ipaddr.isValid(address)) return address;
  const parsed = ipaddr.process(address);
  if (parsed instanceof ipaddr.IPv4) return parsed.toString();
  return `${parsed.parts
    .slice(0, 4)
    .map((part) => part.toString(16))
    .join(':')}::/64`;
}
