import type { ResponseHead } from './message-head.ts';

/** Why a request came to no answer, or to half of one. */
export type ClientFailure =
  /** No connection: refused, unknown name, no TLS there. The request was not sent. */
  | 'unreachable'
  /** The certificate of whoever answers there does not hold. The request was not sent. */
  | 'untrusted'
  /** No connection in time. */
  | 'connect-timeout'
  /** Connected and sent, and no head in time. */
  | 'header-timeout'
  /** The connection ended early, before or within the answer. */
  | 'reset'
  /** What came is not an answer, or an answer that can be read in two ways. */
  | 'malformed';

/**
 * Takes one response. Calls come in this order: `onHead` once, `onData` any number of times, then `onEnd`; or `onFailure`
 * at any point, and nothing after it. Nothing comes after `abort`.
 */
export interface ResponseSink {
  /** The final head; interim ones (100, 102, 103) are passed over. May call `abort`. */
  onHead(head: ResponseHead): void;
  /** A piece of the body, without its framing: `bytes` from `from` to `to`. The buffer is used again after the call. */
  onData(bytes: Buffer, from: number, to: number): void;
  onEnd(): void;
  onFailure(failure: ClientFailure): void;
  /**
   * All that one read brought has been told; what was gathered goes out now. False: read no more until `resume`; under
   * TLS the rest of what is already here, up to 64 KiB, is told all the same. Never called before `onHead`. Also called
   * after `onEnd`, where the value does not matter.
   */
  onReadDone(): boolean;
  /** After a `write` that said false: there is room again. */
  onWritable(): void;
}

/** One request that is under way. */
export interface ClientExchange {
  /**
   * Sends a piece of the request's body, which is taken in any case. False: stop until `onWritable`; so it is for the
   * first piece when the connection is not there yet. After the end of the answer it is true, and the piece goes nowhere.
   */
  write(bytes: Buffer): boolean;
  /** The body is whole. The time for the answer's head runs from here. */
  endBody(): void;
  /** Goes on reading the response after `onReadDone` said false. */
  resume(): void;
  /** Gives the request up; its connection is closed, unless the answer is already whole. Idempotent. */
  abort(): void;
}

export interface ClientRequest {
  readonly method: string;
  /** Request line and header lines, latin1, with the empty line at the end. It names its own framing. */
  readonly head: string;
  /** All of the body, goes out with the head; `streamed`: follows by `write` and `endBody`. */
  readonly body: Buffer | 'none' | 'streamed';
}

/** Speaks HTTP/1.1 to one origin over a pool of connections, one request at a time on each. */
export interface HttpClient {
  /** Never throws; every trouble comes as `onFailure`, and never within this call. */
  send(request: ClientRequest, sink: ResponseSink): ClientExchange;
  /** Cuts every connection. Requests under way fail with `reset`. */
  close(): void;
}
