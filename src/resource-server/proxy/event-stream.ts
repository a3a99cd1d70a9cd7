import { findEventEnd, isBetweenEvents, lastBytes, startOfEvents } from './event-boundary.ts';

/**
 * What is kept of an answer that is a stream of events while it goes on: a few numbers, since there are thousands of
 * them, each open for days.
 */
export class EventStream {
  /** Looks of `QuietStreams` since the upstream's last byte. */
  silentLooks = 0;
  /** Looks since the last byte to the client. */
  quietLooks = 0;
  /** Goes out when the stream is to end, between two events; undefined until then. */
  farewell: string | undefined;
  readonly #isEncoded: boolean;
  #last = startOfEvents;

  /** @param isEncoded whether there is a content coding: nobody sees then where an event ends */
  constructor(isEncoded: boolean) {
    this.#isEncoded = isEncoded;
  }

  /** Whether something of ours may stand here. */
  get isBetweenEvents(): boolean {
    return !this.#isEncoded && isBetweenEvents(this.#last);
  }

  /** Is to end, and waits for the end of an event. */
  get isEnding(): boolean {
    return this.farewell !== undefined;
  }

  /**
   * Takes note of bytes that are about to go out.
   * @returns up to where they may: a stream that is to end goes no further than the event under way
   */
  take(bytes: Buffer, from: number, to: number): number {
    this.silentLooks = 0;
    this.quietLooks = 0;
    if (this.#isEncoded) return to;
    const eventEnd = this.isEnding ? findEventEnd(this.#last, bytes, from, to) : -1;
    const end = eventEnd < 0 ? to : eventEnd;
    this.#last = lastBytes(this.#last, bytes, from, end);
    return end;
  }

  /**
   * Is to end as soon as it can.
   * @param farewell an event of ours to end with, or nothing
   * @returns true when that is now: no event is under way, or none can be seen
   */
  end(farewell: string): boolean {
    this.farewell ??= this.#isEncoded ? '' : farewell;
    return this.#isEncoded || this.isBetweenEvents;
  }
}
