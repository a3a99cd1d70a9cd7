import type { GatehouseConfig } from '../gateway/config/config.ts';
import type { Readiness } from '../gateway/private-listener.ts';
import type { MetricSnapshots } from '../gateway/worker-metrics.ts';
import type { SharedCount } from '../platform/store/shared-counter.ts';

/** What the primary says to a worker. */
export type OrderToWorker =
  /** The configuration as the primary read it: all workers have the same secrets, whatever became of the files. */
  | { readonly type: 'start'; readonly worker: number; readonly config: GatehouseConfig }
  | { readonly type: 'ask'; readonly id: number; readonly about: Question }
  | { readonly type: 'counted'; readonly id: number; readonly count: SharedCount }
  | { readonly type: 'feed_grown'; readonly feed: string }
  /** Goes over to this configuration, and reads certificates and keys again. */
  | { readonly type: 'reload'; readonly config: GatehouseConfig }
  | { readonly type: 'drain' };

/** What a worker says to the primary. */
export type WordOfWorker =
  /** It listens for orders. */
  | { readonly type: 'here' }
  /** It serves. */
  | { readonly type: 'ready'; readonly port: number }
  /** It cannot, and why, as the command line says it. */
  | { readonly type: 'failed'; readonly text: string }
  | { readonly type: 'answer'; readonly id: number; readonly answer: Answer }
  | {
      readonly type: 'count';
      readonly id: number;
      readonly key: string;
      readonly windowSeconds: number;
      readonly by: number;
    }
  | { readonly type: 'feed_grown'; readonly feed: string }
  /** Its last words, which need no answer. */
  | { readonly type: 'leaving'; readonly metrics: MetricSnapshots };

export type Question = 'metrics' | 'readiness';

export type Answer =
  | { readonly about: 'metrics'; readonly metrics: MetricSnapshots }
  | { readonly about: 'readiness'; readonly readiness: Readiness };

/** Both sides are this very program, and nobody else has the channel: a message is one of ours, or none. */
export function parseOrder(message: unknown): OrderToWorker | undefined {
  return isTagged(message) ? (message as OrderToWorker) : undefined;
}

/** As `parseOrder`. */
export function parseWord(message: unknown): WordOfWorker | undefined {
  return isTagged(message) ? (message as WordOfWorker) : undefined;
}

function isTagged(message: unknown): boolean {
  return typeof message === 'object' && message !== null && 'type' in message;
}
