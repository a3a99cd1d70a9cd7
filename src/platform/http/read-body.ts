/** What reading a request body within a cap came to. */
export type BodyReading =
  | { readonly outcome: 'read'; readonly text: string }
  | { readonly outcome: 'too-large' }
  | { readonly outcome: 'malformed' };

/**
 * Reads a body as UTF-8, counting bytes as they come: Content-Length is a claim, not a limit. Never decodes a content
 * encoding.
 */
export async function readBody(request: Request, maxBytes: number): Promise<BodyReading> {
  if (request.headers.get('content-encoding') !== null) return { outcome: 'malformed' };
  if (request.body === null) return { outcome: 'read', text: '' };
  const chunks: Uint8Array[] = [];
  let received = 0;
  try {
    for await (const chunk of request.body as ReadableStream<Uint8Array>) {
      received += chunk.byteLength;
      if (received > maxBytes) return { outcome: 'too-large' };
      chunks.push(chunk);
    }
    return { outcome: 'read', text: new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks)) };
  } catch {
    // No UTF-8, or the sender hung up or broke its framing half-way: whoever does that must not look like our fault.
    return { outcome: 'malformed' };
  }
}
