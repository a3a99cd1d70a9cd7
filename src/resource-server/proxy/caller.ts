import type { HeaderBlock } from './header-block.ts';

/**
 * The client's half of one call, whichever lane it came in by. The rules of the proxied path speak to this and to
 * nothing of a connection, so that each exists once.
 */
export interface Caller {
  readonly method: string;
  /** The request target, byte for byte as sent. */
  readonly target: string;
  /** Name and value alternating, as received; trailers are no part of it. Empty after `forgetRequest`. */
  readonly rawHeaders: readonly string[];
  /** What the body's framing says: 0 for none, undefined when only its end will tell. */
  readonly bodyBytes: number | undefined;

  /** Hands over the body as it comes, from now on and perhaps within this call. */
  takeBody(sink: BodySink): void;
  pauseBody(): void;
  resumeBody(): void;
  /**
   * Takes in what is left of the body and throws it away, so that the connection can carry the next request and the
   * client gets to see its answer; a client that sends more than `maxBytes` is cut off.
   */
  discardBody(maxBytes: number): void;
  /** Lets go of what only the beginning of a call needs: its answer may take days. */
  forgetRequest(): void;

  /** What the client was sent; 499 as long as nothing was. */
  readonly status: number;
  readonly isHeadSent: boolean;
  /** The answer is complete, or there is nobody left to take it. */
  readonly isEnded: boolean;
  /**
   * Begins the answer. It may wait for the first bytes of the body, until `flush` at most.
   * @param headers name and value alternating, without any of the framing; they come behind those of `common`
   * @param bodyBytes how long the body will be; undefined: until `end`
   */
  writeHead(
    status: number,
    common: HeaderBlock,
    headers: readonly string[],
    bodyBytes: number | undefined,
  ): void;
  /** Sends a piece of the body, copied before this returns. */
  write(bytes: Buffer, from: number, to: number): void;
  /** The answer is complete. */
  end(): void;
  /** Sends what was gathered. False: the client is slow, wait for `onDrain`. */
  flush(): boolean;
  /** Cuts the connection, so that nobody takes what was sent for complete. */
  destroy(): void;
}

/** Takes the body of a request. */
export interface BodySink {
  /** The buffer is the sink's to keep. */
  onBody(bytes: Buffer): void;
  onBodyEnd(): void;
}

/** Who answers a caller. */
export interface CallerListener {
  /** Room again after a `flush` that said false. */
  onDrain(): void;
  /** Once, at the very end: the last byte is out, or the client is gone. */
  onClose(): void;
}
