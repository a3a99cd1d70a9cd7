import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Transform } from 'node:stream';

import { Pool } from 'undici';

import type { GrantTerms } from '../../services/tokens/grant-terms.ts';
import { type Refusal, refusals } from './refusal.ts';
import { capBody, collectBody, drainBody, readFraming } from './request-body.ts';
import { buildRequestHeaders, type HeaderBuild } from './request-headers.ts';
import { type Failure, failures } from './upstream-answer.ts';
import { type FlightEnd, UpstreamFlight } from './upstream-flight.ts';
import { findRedirectTarget } from './upstream-redirect.ts';

/** An admitted call that is to reach the upstream. */
export interface ForwardedCall {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Judged by `judgeTarget`; sent as it is. */
  readonly target: string;
  readonly grant: GrantTerms;
  readonly requestId: string;
  /** Hands over the body where it was small enough to be taken in whole. */
  readonly onWholeBody: (body: Buffer) => void;
  readonly onRequestBytes: (count: number) => void;
  readonly onResponseBytes: (count: number) => void;
  /** Called once. After `refused` the response is still to be written, after all else it is not. */
  readonly onEnd: (end: ForwardEnd) => void;
}

export type ForwardEnd =
  | Exclude<FlightEnd, { outcome: 'failed' }>
  | { readonly outcome: 'refused'; readonly refusal: Refusal; readonly failure: Failure | undefined };

export interface Forwarder {
  /** Sends a call to the upstream and streams the answer back. Never throws. */
  forward(call: ForwardedCall): CallHandle;
  /** Cuts every connection to the upstream. */
  close(): Promise<void>;
}

export interface CallHandle {
  /** Ends the call where it stands. */
  abort(failure: Failure): void;
}

export interface ForwarderDeps {
  readonly upstream: {
    /** scheme, host and port */
    readonly origin: string;
    /** The mount; a redirect may not lead out of it. */
    readonly path: string;
    readonly authorization: string | undefined;
    readonly headerTimeoutSeconds: number;
    readonly maxBodyBytes: number;
  };
  /** Bodies of a known length up to this are taken in whole before the upstream hears of the call. At least what is to be peeked into. */
  readonly wholeBodyBytes?: number;
}

/** What a call brings along: nothing, all of it, or what is still coming. */
type CallBody = Buffer | Transform | null;

const defaultWholeBodyBytes = 64 * 1024;
const connectTimeoutMs = 10_000;

/**
 * The client side of the proxied path. No retry, no cache, no decoding, and no limit on how long a stream may stay silent:
 * an upstream's call is made once, and its bytes are the client's. Redirects: see `upstream-redirect.ts`.
 */
export function createForwarder(deps: ForwarderDeps): Forwarder {
  const { upstream } = deps;
  const host = new URL(upstream.origin).host;
  const scope = { origin: upstream.origin, mount: upstream.path };
  const wholeBodyBytes = Math.min(deps.wholeBodyBytes ?? defaultWholeBodyBytes, upstream.maxBodyBytes);
  const pool = new Pool(upstream.origin, {
    // Each open stream holds a connection: a limit here would make calls wait behind them.
    connections: null,
    pipelining: 1,
    allowH2: false,
    bodyTimeout: 0,
    // Ours is counted from the last byte sent; see UpstreamFlight.
    headersTimeout: 0,
    connectTimeout: Math.min(connectTimeoutMs, upstream.headerTimeoutSeconds * 1000),
    strictContentLength: true,
  });

  function forward(call: ForwardedCall): CallHandle {
    const { request } = call;
    const framing = readFraming(request);
    const built = buildHeaders(call);
    if (built.outcome === 'repeated') return refuse(call, refusals.headerRepeated);
    if (framing.kind !== 'none' && request.method !== 'POST') return refuse(call, refusals.bodyUnexpected);
    if (framing.kind === 'length' && framing.bytes > upstream.maxBodyBytes) {
      return refuse(call, refusals.bodyTooLarge);
    }
    if (framing.kind === 'length' && framing.bytes <= wholeBodyBytes) {
      return sendWhole(call, built.headers);
    }
    if (framing.kind === 'none') return launch(call, built.headers, null);
    const body = capBody(request, upstream.maxBodyBytes, call.onRequestBytes);
    if (framing.kind === 'length') built.headers.push('Content-Length', String(framing.bytes));
    return launch(call, built.headers, body);
  }

  function buildHeaders(call: ForwardedCall): HeaderBuild {
    const { requestId, grant } = call;
    const { authorization } = upstream;
    return buildRequestHeaders(call.request.rawHeaders, { host, requestId, grant, authorization });
  }

  /** The upstream hears of the call when the body is whole: a client that stops half-way costs it nothing. */
  function sendWhole(call: ForwardedCall, headers: string[]): CallHandle {
    let flight: CallHandle | undefined;
    let over = false;
    const stop = (end: ForwardEnd): void => {
      if (over || flight !== undefined) return;
      over = true;
      call.onEnd(end);
    };
    call.response.once('close', () => {
      stop({ outcome: 'client-gone' });
    });
    collectBody(call.request, (body) => {
      if (over) return;
      call.onRequestBytes(body.length);
      call.onWholeBody(body);
      flight = launch(call, headers, body);
    });
    return {
      abort(failure) {
        if (flight === undefined) stop({ outcome: 'refused', refusal: failure.refusal, failure });
        else flight.abort(failure);
      },
    };
  }

  function launch(call: ForwardedCall, headers: string[], body: CallBody): CallHandle {
    const method = call.request.method ?? 'GET';
    const visited: string[] = [];
    const send = (target: string, built: HeaderBuild): void => {
      if (built.outcome === 'repeated') return flight.abort(failures.internal);
      visited.push(target);
      pool.dispatch({ path: target, method, headers: built.headers, body }, flight);
    };
    const replayable = body === null || Buffer.isBuffer(body);
    const flight = new UpstreamFlight({
      response: call.response,
      headerTimeoutSeconds: upstream.headerTimeoutSeconds,
      onResponseBytes: call.onResponseBytes,
      followRedirect(status, rawHeaders) {
        const target = findRedirectTarget({ status, rawHeaders, visited, replayable }, scope);
        // Built anew: nothing that the upstream said gets into the next request but the target.
        return target === undefined ? undefined : () => send(target, buildHeaders(call));
      },
      onEnd(end) {
        if (!replayable) letGo(call.request, body);
        call.onEnd(describeEnd(end));
      },
    });
    send(call.target, { outcome: 'built', headers });
    return flight;
  }

  function letGo(request: IncomingMessage, body: Transform): void {
    request.unpipe(body);
    body.destroy();
    drainBody(request, 2 * upstream.maxBodyBytes);
  }

  return {
    forward,
    close: () => pool.destroy(),
  };
}

function describeEnd(end: FlightEnd): ForwardEnd {
  if (end.outcome !== 'failed') return end;
  return { outcome: 'refused', refusal: end.failure.refusal, failure: end.failure };
}

function refuse(call: ForwardedCall, refusal: Refusal): CallHandle {
  call.onEnd({ outcome: 'refused', refusal, failure: undefined });
  return { abort: () => undefined };
}
