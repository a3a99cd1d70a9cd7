import type { SharedCount, SharedCounter } from '../../platform/store/shared-counter.ts';

/** Asks all replicas, as long as that is answered. */
export interface InsuredCounter {
  /** The count of all replicas, or undefined when nobody says; never rejects. */
  increment(key: string, windowSeconds: number, by: number): Promise<SharedCount | undefined>;
}

export interface InsuredCounterDeps {
  readonly nowMs: () => number;
  /** Told once for each time the counter is given up for a while. */
  readonly onFailure: (error: unknown) => void;
}

/** A request waits this long to learn what the other replicas have counted. */
const deadlineMs = 250;
/** After a failure nobody waits again for so long: a store that hangs must not make every request slow. */
const restMs = 1000;

export function insureCounter(shared: SharedCounter, deps: InsuredCounterDeps): InsuredCounter {
  let restUntil = -Infinity;
  return {
    async increment(key, windowSeconds, by) {
      if (deps.nowMs() < restUntil) return undefined;
      try {
        return await inTime(shared.increment(key, windowSeconds, by));
      } catch (error) {
        // Many may have waited together; one tells.
        if (deps.nowMs() >= restUntil) deps.onFailure(error);
        restUntil = deps.nowMs() + restMs;
        return undefined;
      }
    },
  };
}

function inTime<Value>(answer: Promise<Value>): Promise<Value> {
  const { promise, resolve, reject } = Promise.withResolvers<Value>();
  const timer = setTimeout(() => {
    reject(new Error('the shared counter did not answer in time'));
  }, deadlineMs);
  answer.then(resolve, reject).finally(() => {
    clearTimeout(timer);
  });
  return promise;
}
