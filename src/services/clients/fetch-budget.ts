/** How often strangers may send us out: together, to one host, and at the same time. */
export interface FetchBudget {
  /** Begins one. Undefined: too many already. What it returns is called when it is over. */
  begin(host: string): (() => void) | undefined;
}

export interface FetchBudgetOptions {
  readonly nowMs: () => number;
}

const limits = { concurrent: 16, concurrentPerHost: 4, perMinute: 240, perHostAndMinute: 20 };
const windowMs = 60_000;

/** Counts in windows of a minute; what it remembers of hosts is bounded by what it lets through in one. */
export function createFetchBudget(options: FetchBudgetOptions): FetchBudget {
  let endsAt = 0;
  let begun = 0;
  let running = 0;
  const begunOfHost = new Map<string, number>();
  const runningOfHost = new Map<string, number>();

  function turnWindow(): void {
    const now = options.nowMs();
    if (now < endsAt) return;
    endsAt = now + windowMs;
    begun = 0;
    begunOfHost.clear();
  }

  function end(host: string): void {
    running -= 1;
    const left = (runningOfHost.get(host) ?? 1) - 1;
    if (left === 0) runningOfHost.delete(host);
    else runningOfHost.set(host, left);
  }

  return {
    begin(host) {
      turnWindow();
      const ofHost = begunOfHost.get(host) ?? 0;
      const runningThere = runningOfHost.get(host) ?? 0;
      if (begun >= limits.perMinute || ofHost >= limits.perHostAndMinute) return undefined;
      if (running >= limits.concurrent || runningThere >= limits.concurrentPerHost) return undefined;
      begun += 1;
      running += 1;
      begunOfHost.set(host, ofHost + 1);
      runningOfHost.set(host, runningThere + 1);
      return () => end(host);
    },
  };
}
