/**
 * `timeout`: the deadline passed. `too-large`: more bytes than allowed. `encoding`: a content encoding, which would have
 * to be decoded. `address`: the name leads to a place that may not be asked. `certificate-refused`: the peer does not take
 * the one that we showed. `network`: no connection, or one that broke.
 */
export type OutboundFailure =
  'timeout' | 'too-large' | 'encoding' | 'address' | 'certificate-refused' | 'network';

/** A request of ours got no usable answer. The message names neither URL nor header. */
export class OutboundError extends Error {
  readonly kind: OutboundFailure;

  constructor(kind: OutboundFailure, message: string, cause?: unknown) {
    super(`outbound request: ${message}`, cause === undefined ? undefined : { cause });
    this.name = 'OutboundError';
    this.kind = kind;
  }
}
