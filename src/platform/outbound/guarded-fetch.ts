import { type Dispatcher, request } from 'undici';

import { createDirectDispatcher } from './direct-dispatcher.ts';
import { OutboundError } from './outbound-error.ts';

export interface GuardedFetchOptions {
  /** One deadline over connecting, headers and body together, in milliseconds. */
  readonly totalTimeoutMs: number;
  /** Cap on the body. */
  readonly maxBytes: number;
  readonly userAgent: string;
  /** From the same `undici` package. Default: a connection of its own per request, HTTP/1.1, no proxy. */
  readonly dispatcher?: Dispatcher;
  /** For requests with `showsCertificate`, and for no other. Default: there are none. */
  readonly certified?: (() => Dispatcher) | undefined;
}

/** The part of fetch's `init` that is honoured. Redirect, cache and credential modes have no meaning here. */
export interface GuardedFetchInit {
  readonly method?: string;
  readonly headers?: Headers | Readonly<Record<string, string>>;
  /** Streams are refused. */
  readonly body?: string | Uint8Array | ArrayBuffer | URLSearchParams | ReadableStream | null | undefined;
  readonly signal?: AbortSignal | null;
  /** Shows the peer the certificate of this server, over https alone. Default: no. */
  readonly showsCertificate?: boolean;
}

/**
 * Fetches from a peer that is not trusted with our time or memory: nothing is followed (a redirect is returned as it
 * is), nothing is decoded, and the body is complete, within the cap, before the promise resolves.
 * @throws OutboundError with its `kind`; the reason of `init.signal` when the caller aborted
 */
export type GuardedFetch = (url: string | URL, init?: GuardedFetchInit) => Promise<Response>;

/** Statuses that the Fetch standard forbids a body. */
const bodilessStatuses = new Set([204, 205, 304]);

export function createGuardedFetch(options: GuardedFetchOptions): GuardedFetch {
  // Not the global dispatcher: it is anybody's to replace, for one by a proxy taken from the environment.
  const dispatcher = options.dispatcher ?? createDirectDispatcher(options);
  return async (url, init = {}) => {
    const through = init.showsCertificate === true ? certifiedFor(url, options) : dispatcher;
    const deadline = AbortSignal.timeout(options.totalTimeoutMs);
    const signal = init.signal ? AbortSignal.any([deadline, init.signal]) : deadline;
    try {
      const answer = await request(url, {
        dispatcher: through,
        signal,
        method: init.method ?? 'GET',
        headers: makeHeaders(init, options.userAgent),
        body: makeBody(init.body),
      });
      return await readResponse(answer, options.maxBytes);
    } catch (error) {
      if (error instanceof OutboundError) throw error;
      if (init.signal?.aborted === true) throw init.signal.reason;
      if (deadline.aborted) throw new OutboundError('timeout', 'the deadline passed', error);
      if (init.showsCertificate === true && isAlert(error)) {
        throw new OutboundError('certificate-refused', 'the peer refuses our certificate', error);
      }
      throw new OutboundError('network', 'no answer', error);
    }
  };
}

/** Whether the peer ended TLS with an alert, which it sends for a certificate that it does not take. */
function isAlert(error: unknown): boolean {
  const code: unknown = error instanceof Error ? Reflect.get(error, 'code') : undefined;
  return typeof code === 'string' && /^ERR_SSL_.*_ALERT_/.test(code);
}

/** @throws OutboundError `network`: a certificate over plain http would prove nothing, and send what belongs behind it */
function certifiedFor(url: string | URL, { certified }: GuardedFetchOptions): Dispatcher {
  if (certified === undefined) throw new TypeError('guarded fetch: there is no certificate to show');
  if (new URL(url).protocol !== 'https:') throw new OutboundError('network', 'a certificate needs https');
  return certified();
}

function makeHeaders(init: GuardedFetchInit, userAgent: string): Record<string, string> {
  const headers = new Headers(init.headers);
  if (init.body instanceof URLSearchParams && !headers.has('content-type')) {
    headers.set('content-type', 'application/x-www-form-urlencoded;charset=UTF-8');
  }
  // What is not encoded needs no decoder: a small body cannot become a large one.
  headers.set('accept-encoding', 'identity');
  headers.set('user-agent', userAgent);
  return Object.fromEntries(headers);
}

function makeBody(body: GuardedFetchInit['body']): string | Uint8Array | null {
  if (body === undefined || body === null) return null;
  if (typeof body === 'string' || body instanceof Uint8Array) return body;
  if (body instanceof URLSearchParams) return body.toString();
  if (body instanceof ArrayBuffer) return new Uint8Array(body);
  throw new TypeError('guarded fetch: the body is of a kind that is not supported');
}

async function readResponse(answer: Dispatcher.ResponseData, maxBytes: number): Promise<Response> {
  const { body, statusCode: status } = answer;
  // Leaving the loop or destroying the body is how a refusal ends the connection; the error it raises is expected.
  body.on('error', () => undefined);
  try {
    checkEncoding(answer.headers['content-encoding']);
    const bytes = await readCapped(body, maxBytes);
    const headers = copyHeaders(answer.headers);
    return new Response(bodilessStatuses.has(status) ? null : bytes, { status, headers });
  } finally {
    body.destroy();
  }
}

function checkEncoding(value: string | string[] | undefined): void {
  const codings = [value ?? []].flat().flatMap((line) => line.split(','));
  if (codings.every((coding) => ['', 'identity'].includes(coding.trim().toLowerCase()))) return;
  throw new OutboundError('encoding', 'the answer has a content encoding');
}

async function readCapped(
  body: AsyncIterable<Uint8Array>,
  maxBytes: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  let received = 0;
  for await (const chunk of body) {
    received += chunk.byteLength;
    // Counted as they come: Content-Length is a claim, not a limit.
    if (received > maxBytes)
      throw new OutboundError('too-large', `the answer is longer than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function copyHeaders(source: Dispatcher.ResponseData['headers']): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(source)) {
    for (const line of [value ?? []].flat()) headers.append(name, line);
  }
  return headers;
}
