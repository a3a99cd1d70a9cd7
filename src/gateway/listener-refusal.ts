/**
 * Refusals of requests that never reach an endpoint: what is no HTTP, what could be read in two ways, what came too
 * slowly. They look like every other refusal, and are counted like every other.
 */
import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';

import { isHost } from '../platform/http1/host.ts';
import { headerValues } from '../platform/http/raw-headers.ts';
import type { OAuthErrorCode } from '../protocol/oauth-error.ts';
import type { RefusalReason } from '../protocol/refusal-reason.ts';
import { securityHeaders } from './security-headers.ts';

export interface ListenerRefusal {
  readonly status: number;
  readonly code: OAuthErrorCode;
  readonly description: string;
  readonly reason: RefusalReason;
  readonly allow?: string;
}

const malformed = { code: 'invalid_request', reason: 'request_malformed' } as const;

export const listenerRefusals = {
  malformed: { ...malformed, status: 400, description: 'The request is malformed' },
  hostMalformed: { ...malformed, status: 400, description: 'The request needs one well-formed Host' },
  codingUnknown: { ...malformed, status: 501, description: 'The only transfer coding taken here is chunked' },
  expectationUnknown: { ...malformed, status: 417, description: 'The expectation is not understood' },
  hostForeign: {
    status: 403,
    code: 'access_denied',
    description: 'This host is not served here',
    reason: 'host_foreign',
  },
  targetMalformed: {
    status: 400,
    code: 'invalid_request',
    description: 'The request target is malformed',
    reason: 'target_malformed',
  },
  headersTooLarge: {
    status: 431,
    code: 'invalid_request',
    description: 'The request has too many or too large headers',
    reason: 'headers_too_large',
  },
  pipelined: {
    status: 429,
    code: 'temporarily_unavailable',
    description: 'Too many requests of this connection wait for their answers',
    reason: 'pipelining_excessive',
  },
  timeout: {
    status: 408,
    code: 'invalid_request',
    description: 'The request took too long to arrive',
    reason: 'request_timeout',
  },
  connect: {
    status: 405,
    code: 'method_not_allowed',
    description: 'This server is no tunnel',
    reason: 'method_not_allowed',
    allow: 'GET, HEAD, POST, DELETE, OPTIONS',
  },
} as const satisfies Record<string, ListenerRefusal>;

/** Answers a parsed request and closes its connection: where the request ends is not to be relied on. */
export function refuseRequest(
  response: ServerResponse,
  refusal: ListenerRefusal,
  about: RefusalContext,
): void {
  const { headers, body } = format(refusal, about);
  response.writeHead(refusal.status, headers).end(body);
}

/** Answers on a bare connection, for what did not become a request, and closes it. */
export function refuseConnection(socket: Duplex, refusal: ListenerRefusal, about: RefusalContext): void {
  const { headers, body } = format(refusal, about);
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const statusLine = `HTTP/1.1 ${refusal.status} ${STATUS_CODES[refusal.status] ?? ''}`;
  socket.end(`${statusLine}\r\n${lines.join('')}\r\n${body}`);
}

export interface RefusalContext {
  readonly issuer: string;
  readonly requestId: string;
}

/**
 * The refusal that an error of a connection comes to; undefined when there is nobody to tell: the client is gone, or
 * has never said a word, as browsers and load balancers do with the connections they keep in store.
 */
export function refusalOfConnectionError(error: Error, receivedBytes: number): ListenerRefusal | undefined {
  const code: unknown = 'code' in error ? error.code : undefined;
  if (receivedBytes === 0 || typeof code !== 'string') return undefined;
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return listenerRefusals.timeout;
  if (code === 'HPE_HEADER_OVERFLOW') return listenerRefusals.headersTooLarge;
  // A client that left in the middle: whatever was under way says so itself.
  if (code === 'HPE_INVALID_EOF_STATE') return undefined;
  return code.startsWith('HPE_') ? listenerRefusals.malformed : undefined;
}

/**
 * Judges the framing of a request, so that nobody in front of us can have cut it differently.
 * @see RFC 9112 §2.3, §3.2, §6.1 and §11.2
 */
export function judgeFraming(request: IncomingMessage): ListenerRefusal | undefined {
  // Node also takes 0.9, for which a line without a version passes, and 2.0.
  const { httpVersion, rawHeaders } = request;
  if (httpVersion !== '1.1' && httpVersion !== '1.0') return listenerRefusals.malformed;
  const hosts = headerValues(rawHeaders, 'host');
  const [host = ''] = hosts;
  if (hosts.length > 1 || (host !== '' && !isHost(host))) return listenerRefusals.hostMalformed;
  if (hosts.length === 0 && httpVersion !== '1.0') return listenerRefusals.hostMalformed;
  const [coding, ...furtherCodings] = headerValues(rawHeaders, 'transfer-encoding');
  if (coding === undefined) return undefined;
  // A coding that we pass over is one that the upstream never hears of.
  if (coding.toLowerCase() !== 'chunked' || furtherCodings.length > 0) return listenerRefusals.codingUnknown;
  return httpVersion === '1.0' ? listenerRefusals.malformed : undefined;
}

function format(
  refusal: ListenerRefusal,
  about: RefusalContext,
): { readonly headers: Readonly<Record<string, string>>; readonly body: string } {
  const body = JSON.stringify({ error: refusal.code, error_description: refusal.description });
  return {
    headers: {
      ...securityHeaders(about.issuer),
      'Content-Type': 'application/json',
      'Cache-Control': 'no-store',
      'X-Request-Id': about.requestId,
      ...(refusal.allow === undefined ? {} : { Allow: refusal.allow }),
      'Content-Length': String(Buffer.byteLength(body)),
      Connection: 'close',
    },
    body,
  };
}
