import type { AdmissionControl, RefusedCall } from '../admission/admit.ts';
import type { Exchange } from './exchange.ts';
import { refuseAdmission } from './refusal.ts';

/** The calls in flight, so that none outlives the right to make it. */
export interface LiveCalls {
  /** Watches an admitted call, until it is forgotten. */
  watch(call: Exchange): void;
  forget(call: Exchange): void;
  /** Judges every call in flight again and ends those that would be refused now. */
  sweep(): void;
  /** Sweeps in a moment, after a cut-off that was made at `madeAtMs`; many in a row share one sweep. */
  sweepSoon(madeAtMs: number): void;
  /** Ends the streams that clients hold open to listen (GET): they come back elsewhere; nothing is lost in them. */
  endListeningStreams(): void;
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
  const calls = new Set<Exchange>();
  /** Calls that a cut-off has ended and that are not closed yet. */
  const cut = new Map<Exchange, number>();

  function judge(call: Exchange, madeAtMs: number | undefined): void {
    const refused = call.admitted === undefined ? undefined : deps.recheck(call.admitted);
    if (refused === undefined || isInGrace(call, refused)) return;
    calls.delete(call);
    if (madeAtMs !== undefined && refused.reason === 'token_revoked') cut.set(call, madeAtMs);
    end(call, refused);
  }

  function isInGrace({ caller, admitted }: Exchange, refused: RefusedCall): boolean {
    if (refused.reason !== 'token_expired' || caller.method === 'GET') return false;
    return deps.nowSeconds() < (admitted?.expiresAt ?? 0) + expiryGraceSeconds;
  }

  function sweep(madeAtMs?: number): void {
    for (const call of calls) judge(call, madeAtMs);
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
    watch(call) {
      calls.add(call);
    },
    forget(call) {
      calls.delete(call);
      const madeAtMs = cut.get(call);
      if (madeAtMs === undefined) return;
      cut.delete(call);
      deps.onCutCall?.(madeAtMs);
    },
    sweep: () => sweep(),
    sweepSoon,
    endListeningStreams() {
      for (const call of calls) if (isOpenStream(call)) call.flight?.finish();
    },
    close() {
      clearInterval(timer);
      clearTimeout(soon);
    },
  };
}

function isOpenStream({ caller, isEventStream }: Exchange): boolean {
  return caller.method === 'GET' && caller.isHeadSent && isEventStream;
}

function end(call: Exchange, refused: RefusedCall): void {
  const { caller, flight } = call;
  if (caller.method !== 'GET' || !caller.isHeadSent) {
    flight?.abort({ refusal: refuseAdmission(refused), kind: undefined });
    return;
  }
  // A stream that only listens ends cleanly, and its client comes back with a new token; nothing else may look whole.
  flight?.finish();
  const giveUp = setTimeout(() => {
    if (!call.isOver) caller.destroy();
  }, lastBytesMilliseconds);
  giveUp.unref();
}
