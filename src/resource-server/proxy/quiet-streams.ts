import type { Exchange } from './exchange.ts';

export interface QuietStreamRules {
  /** How long nothing goes out before the client gets a comment. 0: it gets none. */
  readonly keepAliveSeconds: number;
  /** How long the upstream may say nothing, not even a comment. 0: for ever. */
  readonly idleSeconds: number;
}

/** The streams that nothing may have come through for a while. */
export interface QuietStreams {
  /** Looks after a stream whose head was sent, until it is over. */
  watch(call: Exchange): void;
  close(): void;
}

/** Of the shorter of the two times; so much later than it may say is done what is to be done. */
const looksPerTime = 4;
const longestLookMs = 1_000;

/**
 * Keeps silent streams alive, or ends them, as is wished. Nobody is asked for the time when a byte comes: one timer
 * looks at all streams and counts on each how often it looked since.
 */
export function createQuietStreams({ keepAliveSeconds, idleSeconds }: QuietStreamRules): QuietStreams {
  const shorter = Math.min(keepAliveSeconds || Infinity, idleSeconds || Infinity);
  const lookMs = Math.min(longestLookMs, (shorter * 1000) / looksPerTime);
  const keepAliveLooks = looksIn(keepAliveSeconds, lookMs);
  const idleLooks = looksIn(idleSeconds, lookMs);
  const open = new Set<Exchange>();
  let timer: NodeJS.Timeout | undefined;

  function look(): void {
    for (const call of open) lookAt(call);
    if (open.size === 0) stop();
  }

  function lookAt(call: Exchange): void {
    const { stream, flight } = call;
    if (call.isOver || stream === undefined || flight === undefined) {
      open.delete(call);
      return;
    }
    stream.silentLooks += 1;
    stream.quietLooks += 1;
    // The first look may come at once.
    if (stream.silentLooks > idleLooks) flight.onSilence();
    else if (stream.quietLooks > keepAliveLooks) flight.keepAlive();
  }

  function stop(): void {
    clearInterval(timer);
    timer = undefined;
  }

  return {
    watch(call) {
      if (shorter === Infinity) return;
      open.add(call);
      timer ??= setInterval(look, lookMs).unref();
    },
    close: stop,
  };
}

function looksIn(seconds: number, lookMs: number): number {
  return seconds === 0 ? Infinity : Math.round((seconds * 1000) / lookMs);
}
