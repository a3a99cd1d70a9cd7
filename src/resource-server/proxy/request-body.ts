import type { IncomingMessage } from 'node:http';
import { Transform } from 'node:stream';

/** How a request announces its body. Node has refused contradictory framing by the time we look. */
export type BodyFraming =
  | { readonly kind: 'none' }
  | { readonly kind: 'length'; readonly bytes: number }
  | { readonly kind: 'chunked' };

/** More arrived than a body may have. */
export class BodyTooLargeError extends Error {
  override readonly name = 'BodyTooLargeError';
}

export function readFraming(request: IncomingMessage): BodyFraming {
  if (request.headers['transfer-encoding'] !== undefined) return { kind: 'chunked' };
  const bytes = Number(request.headers['content-length'] ?? '0');
  return bytes > 0 ? { kind: 'length', bytes } : { kind: 'none' };
}

/** Collects a body of known, small length. Nothing is called when the client goes away first. */
export function collectBody(request: IncomingMessage, onWhole: (body: Buffer) => void): void {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.once('end', () => {
    onWhole(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks));
  });
}

/** The body as a stream that fails with `BodyTooLargeError` once it passes the cap: bytes as they come are counted. */
export function capBody(
  request: IncomingMessage,
  maxBytes: number,
  onBytes: (count: number) => void,
): Transform {
  let received = 0;
  const capped = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      received += chunk.length;
      onBytes(chunk.length);
      if (received > maxBytes) done(new BodyTooLargeError());
      else done(null, chunk);
    },
  });
  return request.pipe(capped);
}

/**
 * Takes in what is left of a body that nobody reads, so that the connection can carry the next request and the client
 * gets to see the answer; a client that sends more than `maxBytes` is cut off.
 */
export function drainBody(request: IncomingMessage, maxBytes: number): void {
  if (request.readableEnded || request.destroyed) return;
  let drained = 0;
  request.on('data', (chunk: Buffer) => {
    drained += chunk.length;
    if (drained > maxBytes) request.destroy();
  });
  request.resume();
}
