import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { createRateLimits, rateLimitKey, type RateLimits } from './rate-limits.ts';

type Endpoint = Parameters<RateLimits['check']>[0];

async function countAllowed(limits: RateLimits, endpoint: Endpoint, address: string, requests: number) {
  let allowed = 0;
  for (let request = 0; request < requests; request += 1) {
    if ((await limits.check(endpoint, address)).outcome === 'allowed') allowed += 1;
  }
  return allowed;
}

describe('createRateLimits', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it.each([
    ['register', 10],
    ['authorize', 30],
    ['consent', 30],
    ['callback', 30],
    ['token', 60],
    ['mcp', 600],
    ['discovery', 60],
  ] as const)('allows %s requests up to %i in a minute', async (endpoint, limit) => {
    const limits = createRateLimits({ enabled: true });
    expect(await countAllowed(limits, endpoint, '192.0.2.1', limit + 5)).toBe(limit);
  });

  it('says in how many seconds to come back', async () => {
    const limits = createRateLimits({ enabled: true });
    await countAllowed(limits, 'register', '192.0.2.1', 10);
    vi.advanceTimersByTime(15_500);
    expect(await limits.check('register', '192.0.2.1')).toEqual({
      outcome: 'limited',
      retryAfterSeconds: 45,
    });
    vi.advanceTimersByTime(44_400);
    expect(await limits.check('register', '192.0.2.1')).toEqual({ outcome: 'limited', retryAfterSeconds: 1 });
  });

  it('allows again after a minute', async () => {
    const limits = createRateLimits({ enabled: true });
    expect(await countAllowed(limits, 'register', '192.0.2.1', 12)).toBe(10);
    vi.advanceTimersByTime(60_001);
    expect(await countAllowed(limits, 'register', '192.0.2.1', 12)).toBe(10);
  });

  it('counts addresses and endpoints apart', async () => {
    const limits = createRateLimits({ enabled: true });
    await countAllowed(limits, 'authorize', '192.0.2.1', 31);
    expect(await countAllowed(limits, 'authorize', '192.0.2.2', 1)).toBe(1);
    expect(await countAllowed(limits, 'consent', '192.0.2.1', 31)).toBe(30);
  });

  it('counts a whole IPv6 /64 as one', async () => {
    const limits = createRateLimits({ enabled: true });
    await countAllowed(limits, 'register', '2001:db8:1:2::1', 6);
    expect(await countAllowed(limits, 'register', '2001:db8:1:2:ffff::9', 6)).toBe(4);
    expect(await countAllowed(limits, 'register', '2001:db8:1:3::1', 6)).toBe(6);
  });

  it('never limits the endpoints that have no limit', async () => {
    const limits = createRateLimits({ enabled: true });
    expect(await countAllowed(limits, 'other', '192.0.2.1', 1000)).toBe(1000);
  });

  it('never limits when it is off', async () => {
    const limits = createRateLimits({ enabled: false });
    expect(await countAllowed(limits, 'register', '192.0.2.1', 100)).toBe(100);
  });
});

describe('rateLimitKey', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::ffff:c000:201', '192.0.2.1'],
    ['2001:0DB8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['::1', '0:0:0:0::/64'],
    ['', ''],
    ['somewhere', 'somewhere'],
  ])('counts %j as %j', (address, key) => {
    expect(rateLimitKey(address)).toBe(key);
  });
});
