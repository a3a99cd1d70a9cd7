import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Transform } from 'node:stream';

import { Pool } from 'undici';

import type { GrantTerms } from '../../services/tokens/grant-terms.ts';
import { type Refusal, refusals } from './refusal.ts';
import { capBody, collectBody, drainBody, readFraming } from './request-body.ts';
import { buildRequestHeaders } from './request-headers.ts';
import type { Failure } from './upstream-answer.ts';
import { type FlightEnd, UpstreamFlight } from './upstream-flight.ts';

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
    readonly authorization: string | undefined;
    readonly headerTimeoutSeconds: number;
    readonly maxBodyBytes: number;
  };
  /** Bodies of a known length up to this are taken in whole before the upstream hears of the call. At least what is to be peeked into. */
  readonly wholeBodyBytes?: number;
}

const defaultWholeBodyBytes = 64 * 1024;
const connectTimeoutMs = 10_000;

/**
 * The client side of the proxied path. No retry, no redirect, no cache, no decoding, and no limit on how long a stream
 * may stay silent: an upstream's call is made once, and its bytes are the client's.
 */
export function createForwarder(deps: ForwarderDeps): Forwarder {
  const { upstream } = deps;
  const host = new URL(upstream.origin).host;
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
    const built = buildRequestHeaders(request.rawHeaders, {
      host,
      requestId: call.requestId,
      grant: call.grant,
      authorization: upstream.authorization,
    });
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

  function launch(call: ForwardedCall, headers: string[], body: Buffer | Transform | null): CallHandle {
    const { request, response } = call;
    const flight = new UpstreamFlight({
      response,
      headerTimeoutSeconds: upstream.headerTimeoutSeconds,
      onResponseBytes: call.onResponseBytes,
      onEnd(end) {
        if (body !== null && !Buffer.isBuffer(body)) {
          request.unpipe(body);
          body.destroy();
          drainBody(request, 2 * upstream.maxBodyBytes);
        }
        call.onEnd(
          end.outcome === 'failed'
            ? { outcome: 'refused', refusal: end.failure.refusal, failure: end.failure }
            : end,
        );
      },
    });
    const method = request.method ?? 'GET';
    pool.dispatch({ path: call.target, method, headers, body }, flight);
    return flight;
  }

  return {
    forward,
    close: () => pool.destroy(),
  };
}

function refuse(call: ForwardedCall, refusal: Refusal): CallHandle {
  call.onEnd({ outcome: 'refused', refusal, failure: undefined });
  return { abort: () => undefined };
}
