/** Headers of a response to the client, name and value alternating. */
export interface ResponseHead {
  readonly headers: readonly string[];
  /** Whether the body is a stream of events: flushed one by one, never given a length. */
  readonly eventStream: boolean;
}

/** Every response header that may pass. The rest (cookies, challenges, CORS, policies, server names) ends here. */
const passing = new Set([
  'allow',
  'cache-control',
  'content-encoding',
  'content-language',
  'content-type',
  'etag',
  'expires',
  'last-modified',
  'ratelimit',
  'retry-after',
  'vary',
]);
const passingPatterns = /^(?:mcp|ratelimit|x-ratelimit)-[a-z0-9]+(?:-[a-z0-9]+)*$/;
const printable = /^[\t\x20-\x7e\x80-\xff]*$/;

/**
 * Builds the headers for the client out of the upstream's answer; undefined for an answer that says two things about
 * its own form. The upstream shares our origin in the eyes of a browser: it must not set cookies there, open it to other
 * origins, or have a document of its own rendered with our privileges.
 * @param rawHeaders name and value alternating, as received
 */
export function buildResponseHead(rawHeaders: readonly string[]): ResponseHead | undefined {
  const fields = new Map<string, string>();
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = (rawHeaders[index] as string).toLowerCase();
    const value = rawHeaders[index + 1] as string;
    if ((passing.has(name) || passingPatterns.test(name)) && printable.test(value)) {
      const present = fields.get(name);
      if (present !== undefined && (name === 'content-type' || name === 'mcp-session-id')) return undefined;
      fields.set(name, present === undefined ? value : `${present}, ${value}`);
    }
  }
  const mediaType = mediaTypeOf(fields.get('content-type'));
  const eventStream = mediaType === 'text/event-stream';
  if (eventStream) keepUnbuffered(fields);
  else if (!isInert(mediaType)) fields.set('content-security-policy', sandbox);
  return { headers: [...fields].flat(), eventStream };
}

/** Nothing runs, nothing is loaded, and the document has no origin, were a browser to show it. */
const sandbox = "default-src 'none'; frame-ancestors 'none'; sandbox";

/** Types that no browser renders as a document. */
function isInert(mediaType: string): boolean {
  return mediaType === '' || mediaType === 'application/json' || mediaType.endsWith('+json');
}

function mediaTypeOf(contentType: string | undefined): string {
  return (contentType ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
}

/** An event that waits in some proxy's buffer is a hanging client. */
function keepUnbuffered(fields: Map<string, string>): void {
  fields.set('x-accel-buffering', 'no');
  const cacheControl = fields.get('cache-control');
  if (cacheControl === undefined) fields.set('cache-control', 'no-cache, no-transform');
  else if (!/\bno-transform\b/i.test(cacheControl))
    fields.set('cache-control', `${cacheControl}, no-transform`);
}
