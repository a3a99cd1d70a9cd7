import type { ServerResponse } from 'node:http';

import type { AdmissionControl, AdmittedCall, RefusedCall } from '../admission/admit.ts';
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
  /** Sweeps in a moment, after a cut-off that was made at `madeAtMs`; many in a row share one sweep. */
  sweepSoon(madeAtMs: number): void;
  close(): void;
}

export interface LiveCallsDeps {
  readonly recheck: AdmissionControl['recheck'];
  readonly nowSeconds: () => number;
  readonly sweepMilliseconds?: number;
  /** Told of each call that a cut-off ended, when its last byte is out: the moment the cut-off was made. */
  readonly onCutCall?: (madeAtMs: number) => void;
}

const defaultSweepMilliseconds = 5_000;
/** Long enough for the entries of one push to come together. */
const sweepSoonMilliseconds = 20;
/** What a client that does not read has left to take its last bytes. */
const lastBytesMilliseconds = 500;
/** A call that began in time may finish this long after its token expired; a stream that only listens may not. */
const expiryGraceSeconds = 300;

/**
 * Access is judged per request, and a stream is one request that may last for days: it ends soon after its token was
 * revoked or has expired.   @see OAuth 2.1 §5.2
 */
export function createLiveCalls(deps: LiveCallsDeps): LiveCalls {
  const calls = new Set<LiveCall>();

  function judge(live: LiveCall, madeAtMs: number | undefined): void {
    const refused = deps.recheck(live.call);
    if (refused === undefined) return;
    const inGrace =
      refused.reason === 'token_expired' &&
      live.method !== 'GET' &&
      deps.nowSeconds() < live.call.expiresAt + expiryGraceSeconds;
    if (inGrace) return;
    calls.delete(live);
    if (madeAtMs !== undefined && refused.reason === 'token_revoked') {
      live.response.once('close', () => deps.onCutCall?.(madeAtMs));
    }
    end(live, refused);
  }

  function sweep(madeAtMs?: number): void {
    for (const live of calls) judge(live, madeAtMs);
  }

  let soon: NodeJS.Timeout | undefined;
  let oldestMs = Infinity;

  function sweepSoon(madeAtMs: number): void {
    oldestMs = Math.min(oldestMs, madeAtMs);
    soon ??= setTimeout(() => {
      const since = oldestMs;
      soon = undefined;
      oldestMs = Infinity;
      sweep(since);
    }, sweepSoonMilliseconds);
  }

  const timer = setInterval(() => sweep(), deps.sweepMilliseconds ?? defaultSweepMilliseconds);
  timer.unref();

  return {
    watch(live) {
      calls.add(live);
      return () => {
        calls.delete(live);
      };
    },
    sweep: () => sweep(),
    sweepSoon,
    close() {
      clearInterval(timer);
      clearTimeout(soon);
    },
  };
}

function end({ method, response, handle }: LiveCall, refused: RefusedCall): void {
  if (method !== 'GET' || !response.headersSent) {
    handle.abort({ refusal: refuseAdmission(refused), kind: undefined });
    return;
  }
  // A stream that only listens ends cleanly, and its client comes back with a new token; nothing else may look whole.
  response.end();
  const giveUp = setTimeout(() => {
    response.destroy();
  }, lastBytesMilliseconds);
  giveUp.unref();
  response.once('close', () => {
    clearTimeout(giveUp);
  });
}
