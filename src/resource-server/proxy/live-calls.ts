import type { ServerResponse } from 'node:http';

import type { AdmissionControl, AdmittedCall } from '../admission/admit.ts';
import type { CallHandle } from './forwarder.ts';
import { refuseAdmission } from './refusal.ts';

/** A call that is in the upstream's hands. */
export interface LiveCall {
  readonly call: AdmittedCall;
  readonly method: string;
  readonly response: ServerResponse;
  readonly handle: CallHandle;
}

/** The calls in flight, so that none outlives the right to make it. */
export interface LiveCalls {
  /** Watches a call; returns what ends the watch. */
  watch(live: LiveCall): () => void;
  /** Judges every call in flight again and ends those that would be refused now. */
  sweep(): void;
  close(): void;
}

export interface LiveCallsDeps {
  readonly recheck: AdmissionControl['recheck'];
  readonly nowSeconds: () => number;
  readonly sweepMilliseconds?: number;
}

const defaultSweepMilliseconds = 5_000;
/** A call that began in time may finish this long after its token expired; a stream that only listens may not. */
const expiryGraceSeconds = 300;

/**
 * Access is judged per request, and a stream is one request that may last for days: it ends soon after its token was
 * revoked or has expired.   @see OAuth 2.1 §5.2
 */
export function createLiveCalls(deps: LiveCallsDeps): LiveCalls {
  const calls = new Set<LiveCall>();

  function judge(live: LiveCall): void {
    const refused = deps.recheck(live.call);
    if (refused === undefined) return;
    const inGrace =
      refused.reason === 'token_expired' &&
      live.method !== 'GET' &&
      deps.nowSeconds() < live.call.expiresAt + expiryGraceSeconds;
    if (inGrace) return;
    calls.delete(live);
    // A stream that only listens ends cleanly, and its client comes back with a new token; nothing else may look whole.
    if (live.method === 'GET' && live.response.headersSent) live.response.end();
    else live.handle.abort({ refusal: refuseAdmission(refused), kind: undefined });
  }

  function sweep(): void {
    for (const live of calls) judge(live);
  }

  const timer = setInterval(sweep, deps.sweepMilliseconds ?? defaultSweepMilliseconds);
  timer.unref();

  return {
    watch(live) {
      calls.add(live);
      return () => {
        calls.delete(live);
      };
    },
    sweep,
    close() {
      clearInterval(timer);
    },
  };
}
