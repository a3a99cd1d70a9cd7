import { createNameTable } from './name-table.ts';

/** Headers of a response to the client, name and value alternating. */
export interface ResponseHead {
  readonly headers: readonly string[];
  /** Whether the body is a stream of events: flushed one by one, never given a length. */
  readonly eventStream: boolean;
  /** Whether a content coding hides the events from us. */
  readonly isEncoded: boolean;
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
const none: ReadonlySet<string> = new Set();
const printable = /^[\t\x20-\x7e\x80-\xff]*$/;

/**
 * Builds the headers for the client out of the upstream's answer; undefined for an answer that says two things about
 * its own form. The upstream shares our origin in the eyes of a browser: it must not set cookies there, open it to other
 * origins, or have a document of its own rendered with our privileges.
 * @param rawHeaders name and value alternating, as received
 * @param dropped names that end here although they would pass, in lower case
 */
export function buildResponseHead(
  rawHeaders: readonly string[],
  dropped: ReadonlySet<string> = none,
): ResponseHead | undefined {
  const headers: string[] = [];
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = passingName(rawHeaders[index] as string);
    const value = rawHeaders[index + 1] as string;
    if (name === '' || !printable.test(value) || (dropped.size > 0 && dropped.has(name))) continue;
    const position = findName(headers, name);
    if (position === -1) headers.push(name, value);
    else if (name === 'content-type' || name === 'mcp-session-id') return undefined;
    else headers[position + 1] += `, ${value}`;
  }
  const typeAt = findName(headers, 'content-type');
  const mediaType = typeAt === -1 ? '' : mediaTypeOf(headers[typeAt + 1] as string);
  const eventStream = mediaType === 'text/event-stream';
  if (eventStream) keepUnbuffered(headers);
  else if (!isInert(mediaType)) headers.push('content-security-policy', sandbox);
  return { headers, eventStream, isEncoded: eventStream && findName(headers, 'content-encoding') !== -1 };
}

/** The name in lower case, or nothing for one that does not pass. */
const passingName = createNameTable(
  (spelled) => {
    const name = spelled.toLowerCase();
    return passing.has(name) || passingPatterns.test(name) ? name : '';
  },
  [...passing, 'mcp-*', 'ratelimit-*', 'x-ratelimit-*'],
  '',
);

/** @param headers name and value alternating; there are few of them */
export function findName(headers: readonly string[], name: string): number {
  for (let index = 0; index < headers.length; index += 2) if (headers[index] === name) return index;
  return -1;
}

/** Nothing runs, nothing is loaded, and the document has no origin, were a browser to show it. */
const sandbox = "default-src 'none'; frame-ancestors 'none'; sandbox";

/** Types that no browser renders as a document. */
function isInert(mediaType: string): boolean {
  return mediaType === '' || mediaType === 'application/json' || mediaType.endsWith('+json');
}

function mediaTypeOf(contentType: string): string {
  if (contentType === 'application/json' || contentType === 'text/event-stream') return contentType;
  return contentType.split(';', 1)[0]?.trim().toLowerCase() ?? '';
}

/** An event that waits in some proxy's buffer is a hanging client. */
function keepUnbuffered(headers: string[]): void {
  headers.push('x-accel-buffering', 'no');
  const at = findName(headers, 'cache-control');
  if (at === -1) headers.push('cache-control', 'no-cache, no-transform');
  else if (!/\bno-transform\b/i.test(headers[at + 1] as string)) headers[at + 1] += ', no-transform';
}
