import type { Clock } from '../../platform/clock.ts';

/** Leaves an identity provider alone that cannot answer anybody; for a moment, and then one question finds out. */
export interface ProviderPause {
  /** Whether a question may be asked now. One that may is told of: by `answered` or `failed`. */
  admits(): boolean;
  /** The provider is there, whatever it said of the person. */
  answered(): void;
  /** Nobody would have been answered. */
  failed(): void;
  /** Whether it is left alone now. Asking this finds nothing out. */
  isPaused(): boolean;
  /** Whether it was silent to several in a row, and has answered nobody since. */
  isSilent(): boolean;
}

/** One failure may be chance: a connection that broke, a packet that was lost. People pay for a pause, so it takes more. */
const failuresUntilPause = 3;
const pauseMilliseconds = 2_000;

export function createProviderPause(clock: Pick<Clock, 'nowMilliseconds'>): ProviderPause {
  let failures = 0;
  let pausedUntilMs = -Infinity;

  function isPaused(): boolean {
    const now = clock.nowMilliseconds();
    // A clock that was set back must not make the pause longer.
    const isWithin = now < pausedUntilMs && pausedUntilMs - now <= pauseMilliseconds;
    return failures >= failuresUntilPause && isWithin;
  }

  return {
    isPaused,
    isSilent: () => failures >= failuresUntilPause,
    admits() {
      if (failures < failuresUntilPause) return true;
      if (isPaused()) return false;
      // Half open: this question finds out, and until it has, or for as long as a pause, nobody else asks.
      pausedUntilMs = clock.nowMilliseconds() + pauseMilliseconds;
      return true;
    },
    answered() {
      failures = 0;
    },
    failed() {
      failures += 1;
      if (failures >= failuresUntilPause) pausedUntilMs = clock.nowMilliseconds() + pauseMilliseconds;
    },
  };
}
