/** Counts that all replicas add to. */
export interface SharedCounter {
  /**
   * Adds `by` (1 when absent) to the count of `key`, whose window begins with its first increment. One atomic step on
   * one key. Rejects when the store does not answer; whoever counts goes on alone then.
   */
  increment(key: string, windowSeconds: number, by?: number): Promise<SharedCount>;
}

export interface SharedCount {
  /** This increment included. */
  readonly count: number;
  /** Until the window ends and the count begins anew. */
  readonly resetsInMs: number;
}
