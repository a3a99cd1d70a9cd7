import { describe, expect, it } from 'vitest';

import { createExchangeLimit } from './exchange-limit.ts';

function makeClock(): { ms: number; nowSeconds: () => number; nowMilliseconds: () => number } {
  const clock = { ms: 5_000, nowSeconds: () => Math.floor(clock.ms / 1000), nowMilliseconds: () => clock.ms };
  return clock;
}

describe('createExchangeLimit', () => {
  it('lets a burst through and refuses the next', () => {
    const take = createExchangeLimit({ ratePerSecond: 2, burst: 3, clock: makeClock() });
    expect([take(), take(), take(), take()]).toEqual([true, true, true, false]);
  });

  it('refills at its rate, never beyond the burst', () => {
    const clock = makeClock();
    const take = createExchangeLimit({ ratePerSecond: 2, burst: 2, clock });
    take();
    take();
    clock.ms += 500;
    expect([take(), take()]).toEqual([true, false]);
    clock.ms += 3_600_000;
    expect([take(), take(), take()]).toEqual([true, true, false]);
  });

  it('adds up parts of a token, for rates below one', () => {
    const clock = makeClock();
    const take = createExchangeLimit({ ratePerSecond: 0.5, burst: 1, clock });
    take();
    clock.ms += 1_000;
    expect(take()).toBe(false);
    clock.ms += 1_000;
    expect(take()).toBe(true);
  });

  it('gives nothing away when the clock is set back', () => {
    const clock = makeClock();
    const take = createExchangeLimit({ ratePerSecond: 1, burst: 1, clock });
    take();
    clock.ms -= 60_000;
    expect(take()).toBe(false);
    clock.ms += 1_000;
    expect(take()).toBe(true);
  });

  it('is no limit without a rate', () => {
    const take = createExchangeLimit({ ratePerSecond: undefined, burst: 0, clock: makeClock() });
    expect(Array.from({ length: 1_000 }, take).every(Boolean)).toBe(true);
  });
});
