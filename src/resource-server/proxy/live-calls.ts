import type { Random } from '../../platform/random.ts';
import type { AdmissionControl } from '../admission/admit.ts';
import type { RefusedCall } from '../admission/refused-calls.ts';
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
  /**
   * Ends streams that clients hold open to listen, each as soon as no event is under way in it: they come back
   * elsewhere, after a pause that is another for each.
   * @param part how many of those that are left, 0 to 1; a handful in any case
   */
  endListeningStreams(part: number): void;
  close(): void;
}

export interface LiveCallsDeps {
  readonly recheck: AdmissionControl['recheck'];
  readonly nowSeconds: () => number;
  readonly random: Random;
  readonly sweepMilliseconds?: number;
  /** Told of each call that a cut-off ended, when its last byte is out: the moment the cut-off was made. */
  readonly onCutCall?: (madeAtMs: number) => void;
}

const defaultSweepMilliseconds = 5_000;
/** Long enough for the entries of one push to come together. */
const sweepSoonMilliseconds = 20;
/** What there is left for the end of an event, and for a client that does not read to take its last bytes. */
const lastBytesMilliseconds = 500;
/** A call that began in time may finish this long after its token expired; a stream that only listens may not. */
const expiryGraceSeconds = 300;
/** Who ends a few streams need not take time over it. */
const leastEnded = 25;
/** Between these a client waits before it comes back, so that not all do in the same moment. */
const soonestRetryMilliseconds = 1_000;
const retrySpreadMilliseconds = 4_000;

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

  function isInGrace({ listens, admitted }: Exchange, refused: RefusedCall): boolean {
    if (refused.reason !== 'token_expired' || listens) return false;
    return deps.nowSeconds() < (admitted?.expiresAt ?? 0) + expiryGraceSeconds;
  }

  function sweep(madeAtMs?: number): void {
    for (const call of calls) judge(call, madeAtMs);
  }

  /** Only to streams of GET: whoever reads the answer to a POST has nothing to come back for. */
  function comeBackLater({ caller }: Exchange): string {
    if (caller.method !== 'GET') return '';
    const spread = deps.random.bytes(4).readUInt32BE() % (retrySpreadMilliseconds + 1);
    return `retry: ${soonestRetryMilliseconds + spread}\n\n`;
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
    endListeningStreams(part) {
      const left = [...calls].filter((call) => isOpenStream(call) && call.stream?.isEnding === false);
      const count = Math.max(leastEnded, Math.ceil(left.length * part));
      for (const call of left.slice(0, count)) call.flight?.finish(comeBackLater(call));
    },
    close() {
      clearInterval(timer);
      clearTimeout(soon);
    },
  };
}

function isOpenStream({ caller, listens, stream }: Exchange): boolean {
  return listens && caller.isHeadSent && stream !== undefined;
}

function end(call: Exchange, refused: RefusedCall): void {
  const { caller, flight } = call;
  if (!isOpenStream(call)) {
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
