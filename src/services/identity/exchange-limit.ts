import type { Clock } from '../../platform/clock.ts';

export interface ExchangeLimitOptions {
  /** Undefined: unlimited. */
  readonly ratePerSecond: number | undefined;
  /** How many may come at once after a pause. */
  readonly burst: number;
  readonly clock: Clock;
}

/**
 * A token bucket over code exchanges, so that a flood of callbacks does not become a flood at the identity provider.
 * Each call takes one; false means "not now".
 */
export function createExchangeLimit(options: ExchangeLimitOptions): () => boolean {
  const { ratePerSecond, burst, clock } = options;
  if (ratePerSecond === undefined) return () => true;
  let tokens = burst;
  let filledAt = clock.nowMilliseconds();
  return () => {
    const now = clock.nowMilliseconds();
    // A clock that was set back neither fills nor drains the bucket.
    const elapsedSeconds = Math.max(0, now - filledAt) / 1000;
    tokens = Math.min(burst, tokens + elapsedSeconds * ratePerSecond);
    filledAt = now;
    if (tokens < 1) return false;
    tokens -= 1;
    return true;
  };
}
