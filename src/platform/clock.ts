/** Seconds since 1970-01-01T00:00:00Z. */
export type EpochSeconds = number;

/** Time, handed in so that tests can move it. */
export interface Clock {
  nowSeconds(): EpochSeconds;
  nowMilliseconds(): number;
}

export const systemClock: Clock = {
  nowSeconds: () => Math.floor(Date.now() / 1000),
  nowMilliseconds: () => Date.now(),
};
