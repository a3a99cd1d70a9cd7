import type { Clock } from '../../platform/clock.ts';

export interface HourlyBudget {
  /** Takes one; 0 when there was one left, else the seconds until there is again. */
  take(): number;
}

const windowSeconds = 3600;

/** So many in an hour that begins with the first, counted in this process. */
export function createHourlyBudget(limit: number, clock: Clock): HourlyBudget {
  let endsAt = 0;
  let taken = 0;
  return {
    take() {
      const now = clock.nowSeconds();
      if (now >= endsAt) {
        endsAt = now + windowSeconds;
        taken = 0;
      }
      taken += 1;
      return taken <= limit ? 0 : endsAt - now;
    },
  };
}
