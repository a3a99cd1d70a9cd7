import { beforeEach, describe, expect, it } from 'vitest';

import type { ClientFingerprint } from '../clients/client.ts';
import { createRateLimits, type RateLimitOutcome, type RateLimits } from './rate-limits.ts';

type Endpoint = Parameters<RateLimits['check']>[0];

const time = { now: 1_000_000 };

beforeEach(() => {
  time.now = 1_000_000;
});

function create(options: Partial<Parameters<typeof createRateLimits>[0]> = {}): RateLimits {
  return createRateLimits({ enabled: true, nowMs: () => time.now, ...options });
}

async function countAllowed(
  requests: number,
  check: (request: number) => RateLimitOutcome | Promise<RateLimitOutcome>,
): Promise<number> {
  let allowed = 0;
  for (let request = 0; request < requests; request += 1) {
    if ((await check(request)).outcome === 'allowed') allowed += 1;
  }
  return allowed;
}

function countAt(limits: RateLimits, endpoint: Endpoint, address: string, requests: number): Promise<number> {
  return countAllowed(requests, () => limits.check(endpoint, address));
}

/** What replicas share, without a network. */
function createSharedCounter() {
  const counts = new Map<string, number>();
  const asked: string[] = [];
  return {
    counts,
    asked,
    increment: (key: string, _windowSeconds: number, by = 1) => {
      asked.push(key);
      const count = (counts.get(key) ?? 0) + by;
      counts.set(key, count);
      return Promise.resolve({ count, resetsInMs: 42_000 });
    },
  };
}

describe('createRateLimits', () => {
  it.each([
    ['register', 10],
    ['authorize', 30],
    ['consent', 30],
    ['callback', 30],
    ['token', 60],
    ['revoke', 60],
    ['discovery', 60],
    ['backchannel_logout', 600],
    ['introspect', 6000],
  ] as const)('allows %s requests up to %i in a minute', async (endpoint, limit) => {
    expect(await countAt(create(), endpoint, '192.0.2.1', limit + 5)).toBe(limit);
  });

  it('says in how many seconds to come back', async () => {
    const limits = create();
    await countAt(limits, 'register', '192.0.2.1', 10);
    time.now += 15_500;
    expect(await limits.check('register', '192.0.2.1')).toEqual({
      outcome: 'limited',
      retryAfterSeconds: 45,
    });
    time.now += 44_400;
    expect(await limits.check('register', '192.0.2.1')).toEqual({ outcome: 'limited', retryAfterSeconds: 1 });
  });

  it('allows again after a minute', async () => {
    const limits = create();
    expect(await countAt(limits, 'register', '192.0.2.1', 12)).toBe(10);
    time.now += 60_001;
    expect(await countAt(limits, 'register', '192.0.2.1', 12)).toBe(10);
  });

  it('counts addresses and endpoints apart', async () => {
    const limits = create();
    await countAt(limits, 'authorize', '192.0.2.1', 31);
    expect(await countAt(limits, 'authorize', '192.0.2.2', 1)).toBe(1);
    expect(await countAt(limits, 'consent', '192.0.2.1', 31)).toBe(30);
  });

  it('counts a whole IPv6 /64 as one', async () => {
    const limits = create();
    await countAt(limits, 'register', '2001:db8:1:2::1', 6);
    expect(await countAt(limits, 'register', '2001:db8:1:2:ffff::9', 6)).toBe(4);
    expect(await countAt(limits, 'register', '2001:db8:1:3::1', 6)).toBe(6);
  });

  it('counts calls with a good token apart from calls that name nobody', async () => {
    const limits = create();
    expect(await countAllowed(700, () => limits.checkStranger('192.0.2.1'))).toBe(600);
    expect(await countAllowed(700, () => limits.checkCall('192.0.2.1'))).toBe(600);
  });

  it('has a ceiling for registrations from everywhere', async () => {
    const limits = create();
    const spread = (request: number) => limits.check('register', `198.51.${request >> 8}.${request % 256}`);
    expect(await countAllowed(7000, spread)).toBe(6000);
  });

  it('does not let one address use up the ceiling for registrations', async () => {
    const limits = create();
    await countAt(limits, 'register', '192.0.2.1', 10_000);
    expect(await countAt(limits, 'register', '192.0.2.2', 10)).toBe(10);
  });

  it('allows a grant 60 refreshes, and a person 1,200 with one client, whatever others do with it', async () => {
    const limits = create();
    const client = 'fingerprint' as ClientFingerprint;
    expect(
      await countAllowed(70, () => limits.checkRefresh({ client, subject: 'alice', grantId: 'one' })),
    ).toBe(60);
    const others = (request: number) =>
      limits.checkRefresh({ client, subject: 'alice', grantId: `grant ${request % 60}` });
    expect(await countAllowed(1500, others)).toBe(1140);
    const elsewhere = { client: 'another' as ClientFingerprint, subject: 'alice', grantId: 'of another' };
    expect((await limits.checkRefresh(elsewhere)).outcome).toBe('allowed');
    // One client id may serve thousands, and any of them can hold many grants.
    expect((await limits.checkRefresh({ client, subject: 'bob', grantId: 'of bob' })).outcome).toBe(
      'allowed',
    );
  });

  it('never limits the endpoints that have no limit', async () => {
    expect(await countAt(create(), 'other', '192.0.2.1', 1000)).toBe(1000);
  });

  it('never limits when it is off', async () => {
    const limits = create({ enabled: false });
    expect(await countAt(limits, 'register', '192.0.2.1', 100)).toBe(100);
    expect(await countAllowed(1000, () => limits.checkStranger('192.0.2.1'))).toBe(1000);
  });
});

describe('rate limits that replicas share', () => {
  it('count every request of all of them', async () => {
    const shared = createSharedCounter();
    const [one, two] = [create({ shared }), create({ shared })];
    await countAt(one, 'register', '192.0.2.1', 6);
    expect(await countAt(two, 'register', '192.0.2.1', 6)).toBe(4);
    expect(await two.check('register', '192.0.2.1')).toEqual({ outcome: 'limited', retryAfterSeconds: 42 });
  });

  it('ask nobody for an address that is over its limit here', async () => {
    const shared = createSharedCounter();
    await countAt(create({ shared }), 'token', '192.0.2.1', 500);
    expect(shared.asked).toHaveLength(60);
  });

  it('never hear of calls that name nobody', async () => {
    const shared = createSharedCounter();
    const limits = create({ shared });
    await countAllowed(700, () => limits.checkStranger('192.0.2.1'));
    expect(shared.asked).toEqual([]);
  });

  it('learn of calls once a second, with no call waiting', async () => {
    const shared = createSharedCounter();
    const [one, two] = [create({ shared }), create({ shared })];
    await countAllowed(400, () => one.checkCall('192.0.2.1'));
    time.now += 1000;
    one.checkCall('192.0.2.1');
    expect(shared.counts.get('mcp:192.0.2.1')).toBe(401);
    expect(shared.asked).toHaveLength(2);
    expect(await countAllowed(400, () => two.checkCall('192.0.2.1'))).toBe(199);
  });

  it('are those of this process while nobody answers, which is told once a second', async () => {
    let asked = 0;
    let failures = 0;
    const limits = create({
      shared: {
        increment: () => {
          asked += 1;
          return Promise.reject(new Error('down'));
        },
      },
      onSharedFailure: () => (failures += 1),
    });
    expect(await countAt(limits, 'token', '192.0.2.1', 100)).toBe(60);
    expect([asked, failures]).toEqual([1, 1]);
    time.now += 1000;
    await limits.check('register', '192.0.2.1');
    expect([asked, failures]).toEqual([2, 2]);
  });

  it('do not wait long for a counter that hangs', async () => {
    const limits = create({ shared: { increment: () => new Promise(() => undefined) } });
    expect(await countAt(limits, 'register', '192.0.2.1', 12)).toBe(10);
  });
});
