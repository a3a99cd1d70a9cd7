import type { ClientExchange, HttpClient, ResponseSink } from '../../platform/http1/response-sink.ts';
import type { GrantTerms } from '../../services/tokens/grant-terms.ts';
import type { Exchange } from './exchange.ts';
import { type HeaderPolicy, mayDrop } from './header-policy.ts';
import type { QuietStreams } from './quiet-streams.ts';
import { type Refusal, refusals } from './refusal.ts';
import { createRequestHeaders, type HeaderBuild } from './request-headers.ts';
import { type FlightEnd, UpstreamFlight } from './upstream-flight.ts';
import type { SessionBinding } from './session-binding.ts';
import { findRedirectTarget, type RedirectAnswer } from './upstream-redirect.ts';

/** An admitted call that is to reach the upstream. */
export interface ForwardedCall {
  readonly exchange: Exchange;
  readonly grant: GrantTerms;
  /** Judged by `judgeTarget`; sent as it is. */
  readonly target: string;
  /**
   * Handed the body where it was small enough to be taken in whole, or has to be judged, before the upstream hears of the
   * call; says why that never will.
   */
  readonly onWholeBody: (exchange: Exchange, body: Buffer) => Refusal | undefined;
  /** Called once. After `failed` the answer is still to be written, after all else it is not. */
  readonly onEnd: (exchange: Exchange, end: FlightEnd) => void;
}

export interface Forwarder {
  /** Sends a call to the upstream and streams the answer back; or says why it will not. Never throws. */
  forward(call: ForwardedCall): Refusal | undefined;
  /** Cuts every connection to the upstream. */
  close(): void;
}

export interface ForwarderDeps {
  readonly client: HttpClient;
  /** Absent: the ids of sessions pass as they are. */
  readonly sessions?: Pick<SessionBinding, 'bind'>;
  /** Absent: nobody minds how long a stream is silent. */
  readonly quietStreams?: QuietStreams;
  readonly upstream: {
    /** scheme, host and port */
    readonly origin: string;
    /** Of the MCP server; a redirect may not lead out of it. */
    readonly path: string;
    readonly authorization: string | undefined;
    readonly maxBodyBytes: number;
  };
  /** Absent: the usual ones. */
  readonly headers?: HeaderPolicy;
  /** Bodies of a known length up to this are taken in whole before the upstream hears of the call. At least what is to be peeked into. */
  readonly wholeBodyBytes?: number;
}

export interface UpstreamRequest {
  readonly call: ForwardedCall;
  /** Within the mount. */
  readonly target: string;
  /** Header lines as `createRequestHeaders` has them made. */
  readonly headers: string;
  readonly body: Buffer | 'none' | 'streamed';
}

/** What carries the calls of one mount: what a flight needs to know of it. */
export interface Route {
  readonly maxBodyBytes: number;
  /** Names of response headers that the client does not get, in lower case. */
  readonly dropped: ReadonlySet<string>;
  findRedirect(answer: RedirectAnswer): string | undefined;
  /** The id that the client gets for one that the upstream gave out. */
  showSession(exchange: Exchange, grant: GrantTerms, id: string): string;
  /** The answer is a stream of events, and its head is on its way. */
  watchStream(exchange: Exchange): void;
  send(request: UpstreamRequest, sink: ResponseSink): ClientExchange;
}

const defaultWholeBodyBytes = 64 * 1024;

/**
 * The client side of the proxied path. No retry, no cache, no decoding: an upstream's call is made once, and its bytes are
 * the client's. How long a stream may be silent: see `quiet-streams.ts`. Redirects: see `upstream-redirect.ts`.
 */
export function createForwarder(deps: ForwarderDeps): Forwarder {
  const { upstream, client } = deps;
  const { maxBodyBytes, authorization } = upstream;
  const host = new URL(upstream.origin).host;
  const buildHeaders = createRequestHeaders(deps.headers);
  const dropped = new Set(deps.headers?.drop.filter(mayDrop));
  const scope = { origin: upstream.origin, mount: upstream.path };
  const wholeBodyBytes = Math.min(deps.wholeBodyBytes ?? defaultWholeBodyBytes, maxBodyBytes);

  function build({ exchange, grant }: ForwardedCall): HeaderBuild {
    const { requestId } = exchange.context;
    const sessionId = exchange.session?.id;
    return buildHeaders(exchange.caller.rawHeaders, {
      host,
      requestId,
      grant,
      authorization: exchange.admitted?.passedOn ?? authorization,
      sessionId,
    });
  }

  const route: Route = {
    maxBodyBytes,
    dropped,
    findRedirect: (answer) => findRedirectTarget(answer, scope),
    showSession: ({ session }, grant, id) => deps.sessions?.bind(id, grant, session) ?? id,
    watchStream: (exchange) => deps.quietStreams?.watch(exchange),
    send({ call, target, headers, body }, sink) {
      const { method, bodyBytes } = call.exchange.caller;
      const framing = framingOf(body, bodyBytes);
      const head = [method, ' ', target, ' HTTP/1.1\r\n', headers, framing, '\r\n'].join('');
      return client.send({ method, head, body }, sink);
    },
  };

  return {
    forward(call) {
      const { caller } = call.exchange;
      const { bodyBytes } = caller;
      const built = build(call);
      if (built.outcome === 'repeated') return refusals.headerRepeated;
      if (bodyBytes !== 0 && caller.method !== 'POST') return refusals.bodyUnexpected;
      if (bodyBytes !== undefined && bodyBytes > maxBodyBytes) return refusals.bodyTooLarge;
      const { judged } = call.exchange;
      // What is compressed cannot be judged.
      const lines = judged === undefined ? built.lines : askForIdentity(built.lines);
      const flight = new UpstreamFlight(call, lines, route);
      call.exchange.flight = flight;
      if (judged !== undefined && caller.method === 'POST') flight.startWhole();
      else flight.start(wholeBodyBytes);
      return undefined;
    },
    close() {
      client.close();
    },
  };
}

/** In place of what the client's header says, where the mount lets that pass. */
function askForIdentity(lines: string): string {
  return `${lines.replaceAll(/^accept-encoding:.*\r\n/gim, '')}Accept-Encoding: identity\r\n`;
}

/** Our own framing, whatever the client's was. */
function framingOf(body: Buffer | 'none' | 'streamed', bodyBytes: number | undefined): string {
  if (body === 'none') return '';
  if (body !== 'streamed') return `Content-Length: ${body.length}\r\n`;
  return bodyBytes === undefined ? 'Transfer-Encoding: chunked\r\n' : `Content-Length: ${bodyBytes}\r\n`;
}
