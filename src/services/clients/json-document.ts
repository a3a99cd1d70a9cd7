import { OutboundError } from '../../platform/outbound/outbound-error.ts';
import type { JsonObject, JsonReading } from '../requests/strict-json.ts';

/** How documents of clients are read. */
export interface JsonDocumentDeps {
  /** Guarded: public addresses, no redirect, no decoding, a deadline and a cap. Rejects when there is no answer. */
  readonly fetch: (url: string, init: { readonly headers: Record<string, string> }) => Promise<Response>;
  readonly parseJson: (text: string) => JsonReading;
}

export type JsonDocument =
  | { readonly outcome: 'read'; readonly value: JsonObject; readonly headers: Headers }
  /** Its host has answered, and this is not it. `problem` goes after a noun, safe for strangers. */
  | { readonly outcome: 'refused'; readonly problem: string; readonly cause?: unknown }
  /** Nobody can say now. */
  | { readonly outcome: 'unavailable'; readonly cause?: unknown };

/** Fetches a JSON object that a client published. Never rejects for anything that its host could have done. */
export async function fetchJsonDocument(url: string, deps: JsonDocumentDeps): Promise<JsonDocument> {
  let response: Response;
  try {
    response = await deps.fetch(url, { headers: { accept: 'application/json' } });
  } catch (error) {
    return judgeFailure(error);
  }
  if (response.status === 429 || response.status >= 500) return { outcome: 'unavailable' };
  // Anything but 200 is no document, redirects least of all: they would be a way around the rules for the address.
  if (response.status !== 200) return refuse('is not there');
  if (!/^application\/(?:[\w.!#$&^-]+\+)?json\s*(?:;|$)/i.test(response.headers.get('content-type') ?? '')) {
    return refuse('is not of a JSON content type');
  }
  return parse(await response.bytes(), response.headers, deps);
}

function parse(bytes: Uint8Array, headers: Headers, deps: JsonDocumentDeps): JsonDocument {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    return refuse('is not UTF-8', error);
  }
  const reading = deps.parseJson(text);
  return reading.outcome === 'refused'
    ? refuse(reading.problem)
    : { outcome: 'read', value: reading.value, headers };
}

/** What the host did, as far as that says anything about its document. */
function judgeFailure(cause: unknown): JsonDocument {
  const kind = cause instanceof OutboundError ? cause.kind : undefined;
  if (kind === 'too-large') return refuse('is too long', cause);
  if (kind === 'encoding') return refuse('has a content encoding', cause);
  return { outcome: 'unavailable', cause };
}

function refuse(problem: string, cause?: unknown): JsonDocument {
  return { outcome: 'refused', problem, cause };
}
