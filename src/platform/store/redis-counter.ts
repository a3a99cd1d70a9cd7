import { RateLimiterRedis, type RateLimiterRes } from 'rate-limiter-flexible';

import type { SharedCounter } from './shared-counter.ts';

/** What runs a command on the server that has `key`. */
export interface ScriptLink {
  run(key: string, command: readonly string[]): Promise<unknown>;
}

/** Counts in Redis, in any shape of deployment. A key lives as long as its window. Rejects with what the link rejects with. */
export function createRedisCounter(link: ScriptLink, keyPrefix: string): SharedCounter {
  const limiters = new Map<number, RateLimiterRedis>();
  const storeClient = {
    eval: (script: string, { keys, arguments: values }: ScriptCall) =>
      link.run(keys[0], ['EVAL', script, '1', keys[0], ...values]),
  };

  function limiterOf(windowSeconds: number): RateLimiterRedis {
    let limiter = limiters.get(windowSeconds);
    if (limiter === undefined) {
      limiter = new RateLimiterRedis({
        storeClient,
        useRedisPackage: true,
        keyPrefix,
        // Here it is counted; what is too much, the one who counts decides.
        points: Number.MAX_SAFE_INTEGER,
        duration: windowSeconds,
      });
      limiters.set(windowSeconds, limiter);
    }
    return limiter;
  }

  return {
    async increment(key, windowSeconds, by = 1) {
      const { consumedPoints, msBeforeNext }: RateLimiterRes = await limiterOf(windowSeconds).consume(
        key,
        by,
      );
      return { count: consumedPoints, resetsInMs: msBeforeNext };
    },
  };
}

interface ScriptCall {
  readonly keys: readonly [string];
  readonly arguments: readonly string[];
}
