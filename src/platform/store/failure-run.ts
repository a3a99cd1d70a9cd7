/** Failures with no answer among them: how many, and since when. */
export interface FailureRun {
  readonly count: number;
  /** On a clock that never goes back. */
  readonly sinceMs: number;
}

export const noFailures: FailureRun = { count: 0, sinceMs: Infinity };

export function extendRun(run: FailureRun, nowMs: number): FailureRun {
  return { count: run.count + 1, sinceMs: Math.min(run.sinceMs, nowMs) };
}

/**
 * Whether it is more than a hiccup. By number alone, the moment for which a server stood still would count as often as
 * there were callers waiting, and by time alone, the single failure of a quiet night would.
 */
export function isLasting(
  run: FailureRun,
  nowMs: number,
  least: { readonly count: number; readonly milliseconds: number },
): boolean {
  return run.count >= least.count && nowMs - run.sinceMs >= least.milliseconds;
}
