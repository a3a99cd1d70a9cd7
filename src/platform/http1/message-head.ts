/**
 * Heads of HTTP/1.1 messages, as text. All text here is latin1: one character is one byte, so that what is written is
 * what was read.
 */

/** The head of a request out of the plain subset that `parseRequestHead` knows. */
export interface RequestHead {
  readonly method: string;
  /** Origin-form, byte for byte as sent. */
  readonly target: string;
  /** Name and value alternating, names as spelled, values without the blanks around them. */
  readonly rawHeaders: string[];
  /** 0: no body. */
  readonly bodyBytes: number;
  /** False when the sender asked to close the connection after the answer. */
  readonly keepAlive: boolean;
}

/** How far the body of a response reaches. `close`: to the end of the connection. */
export type ResponseFraming =
  | { readonly kind: 'none' }
  | { readonly kind: 'length'; readonly bytes: number }
  | { readonly kind: 'chunked' }
  | { readonly kind: 'close' };

export interface ResponseHead {
  readonly status: number;
  /** Name and value alternating, names as spelled, values without the blanks around them. */
  readonly rawHeaders: string[];
  readonly framing: ResponseFraming;
  /** Whether the connection may carry another request when the body is over. */
  readonly keepAlive: boolean;
}
