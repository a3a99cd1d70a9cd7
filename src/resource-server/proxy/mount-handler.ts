/**
 * The proxied path: every request whose target is the mount's.
 *
 * 1. origin: a browser's page of a foreign origin stops here (DNS rebinding)
 * 2. target and method: what could be read as another path stops here
 * 3. preflight: answered before authentication, to allowed origins
 * 4. admission: the bearer token
 * 5. rate of the address: calls with a good token apart from those that name nobody, so that a flood of bad tokens is
 *    limited and stops nobody who shares its address
 * 6. a place among the person's calls, or event streams, in flight
 * 7. forward: see `forwarder.ts`
 *
 * It owns the answers that are ours and the record of the call. Not here: what a token is worth (`admission/`), the
 * listener and its limits, and the `Host` check, which every public route shares (`origin-check.ts`).
 * @see MCP 2026-07-28 and 2025-11-25, Streamable HTTP
 */
import type { IncomingMessage, ServerResponse } from 'node:http';

import type { RequestContext } from '../../platform/http/handler.ts';
import type { Emit } from '../../services/audit/events.ts';
import type { RateLimitOutcome } from '../../services/limits/rate-limits.ts';
import type { SubjectConcurrency } from '../../services/limits/subject-concurrency.ts';
import type { GrantTerms } from '../../services/tokens/grant-terms.ts';
import type { Admission, AdmissionControl, AdmittedCall, RefusedCall } from '../admission/admit.ts';
import { formatCorsHeaders, formatPreflightHeaders, mountMethods } from './cors.ts';
import { Exchange, type MountAccess } from './exchange.ts';
import type { Forwarder, ForwardEnd } from './forwarder.ts';
import type { LiveCalls } from './live-calls.ts';
import type { OriginCheck } from './origin-check.ts';
import { type Refusal, refusals, refuseAdmission, refuseRate } from './refusal.ts';
import { headerValues } from './request-headers.ts';
import { judgeTarget } from './request-target.ts';
import { isPeekable, peekRpc } from './rpc-peek.ts';

export interface MountHandlerDeps {
  /** Path of the mount, here and upstream: `/mcp`. */
  readonly mount: string;
  readonly maxBodyBytes: number;
  /** Bodies up to this are looked into for the record. 0: none. */
  readonly rpcPeekMaxBytes: number;
  /** Headers of every public response, name and value alternating. */
  readonly commonHeaders: readonly string[];
  readonly originCheck: OriginCheck;
  readonly admission: AdmissionControl;
  readonly subjectConcurrency: SubjectConcurrency;
  /** Apart from the calls: streams that are held open for days must not leave a person without calls. */
  readonly subjectStreams: SubjectConcurrency;
  /** Undefined: no limit. */
  readonly rates: CallRates | undefined;
  readonly forwarder: Forwarder;
  readonly liveCalls: LiveCalls;
  readonly emit: Emit;
  /** Called once for each request, when its response is closed. */
  readonly report: (access: MountAccess, context: RequestContext) => void;
  /** Told of every error that is ours to mend. */
  readonly onInternalError: (error: unknown, requestId: string) => void;
}

/** Counts a call of an address on the budget that it belongs to. */
export interface CallRates {
  checkCall(clientAddress: string): RateLimitOutcome;
  checkStranger(clientAddress: string): RateLimitOutcome;
}

/** Answers one request to the mount. Never throws. */
export type MountHandler = (
  request: IncomingMessage,
  response: ServerResponse,
  context: RequestContext,
) => void;

export function createMountHandler(deps: MountHandlerDeps): MountHandler {
  return (request, response, context) => {
    const exchange = new Exchange(request, response, context);
    response.once('close', () => {
      deps.report(exchange.summarise(), context);
    });
    try {
      answer(exchange);
    } catch (error) {
      deps.onInternalError(error, context.requestId);
      refuse(exchange, refusals.internal);
    }
  };

  function answer(exchange: Exchange): void {
    const { request, context } = exchange;
    exchange.addHeaders([...deps.commonHeaders, 'X-Request-Id', context.requestId, 'Vary', 'Origin']);
    const origin = deps.originCheck.judgeOrigin(headerValues(request.rawHeaders, 'origin'));
    if (origin.outcome === 'foreign') return refuse(exchange, refusals.originForeign);
    if (origin.outcome === 'allowed') exchange.addHeaders(formatCorsHeaders(origin.origin));

    const target = judgeTarget(request.url ?? '', deps.mount);
    if (target.outcome === 'refused') {
      return refuse(exchange, target.status === 414 ? refusals.targetTooLong : refusals.targetMalformed);
    }
    if (origin.outcome === 'allowed' && isPreflight(request)) return answerPreflight(exchange);
    if (!isMountMethod(request.method)) return refuse(exchange, refusals.methodNotAllowed);

    const admission = deps.admission.admit(headerValues(request.rawHeaders, 'authorization'));
    const rate = checkRate(admission, context.clientAddress);
    if (rate?.outcome === 'limited') return refuse(exchange, refuseRate(rate.retryAfterSeconds));
    if (admission.outcome === 'refused') return refuse(exchange, refuseAdmission(admission));
    exchange.grant = admission.grant;
    if (target.carriesToken) return refuse(exchange, refusals.tokenInQuery);
    return forward(exchange, admission, target.target);
  }

  function checkRate(admission: Admission, clientAddress: string): RateLimitOutcome | undefined {
    if (admission.outcome === 'admitted') return deps.rates?.checkCall(clientAddress);
    // A token of ours that is over hears so, whoever else is at its address: its client has to learn to refresh it.
    return namesNobody(admission) ? deps.rates?.checkStranger(clientAddress) : undefined;
  }

  function forward(exchange: Exchange, call: AdmittedCall, target: string): void {
    const { request, response, context } = exchange;
    const person = personOf(call.grant);
    const isStream = request.method === 'GET';
    let release = (isStream ? deps.subjectStreams : deps.subjectConcurrency).acquire(person);
    if (release === undefined)
      return refuse(exchange, isStream ? refusals.tooManyStreams : refusals.tooManyCalls);
    // Held until the last byte is out: a client that reads slowly keeps its place.
    response.once('close', () => release?.());
    const handle = deps.forwarder.forward({
      request,
      response,
      target,
      grant: call.grant,
      requestId: context.requestId,
      onWholeBody: (body) => {
        if (isPeekable(request.headers['content-type'], body.length, deps.rpcPeekMaxBytes)) {
          exchange.rpc = peekRpc(body);
          if (exchange.rpc?.method === listenMethod) release = moveToStreams(person, release);
        }
      },
      onRequestBytes: (count) => {
        exchange.requestBytes += count;
      },
      onResponseBytes: (count) => {
        exchange.responseBytes += count;
      },
      onEnd: (end) => {
        settle(exchange, end);
      },
    });
    const unwatch = deps.liveCalls.watch({ call, method: request.method ?? '', response, handle });
    response.once('close', unwatch);
  }

  /** A POST that asks for a stream takes a stream's place where one is free; else it stays the call that it came as. */
  function moveToStreams(person: string, release: (() => void) | undefined): (() => void) | undefined {
    const place = deps.subjectStreams.acquire(person);
    if (place === undefined) return release;
    release?.();
    return place;
  }

  function settle(exchange: Exchange, end: ForwardEnd): void {
    const failure = end.outcome === 'refused' || end.outcome === 'broken' ? end.failure : undefined;
    if (failure?.kind !== undefined) {
      deps.emit({ type: 'upstream_failed', kind: failure.kind }, exchange.context.requestId);
    }
    if (end.outcome === 'refused') refuse(exchange, end.refusal);
  }

  function refuse(exchange: Exchange, refusal: Refusal): void {
    const { reason, status } = refusal;
    // Twice the cap: a client just above it gets to read its refusal.
    exchange.refuse(refusal, 2 * deps.maxBodyBytes);
    deps.emit({ type: 'request_refused', endpoint: 'mcp', reason, status }, exchange.context.requestId);
  }
}

/** The request that stays open for notifications, in the era without GET.   @see MCP 2026-07-28, subscriptions */
const listenMethod = 'subscriptions/listen';

function namesNobody(refused: RefusedCall): boolean {
  return refused.reason === 'token_missing' || refused.reason === 'invalid_token';
}

/** Issuer and subject: two identity providers may both know a "1". */
function personOf(grant: GrantTerms): string {
  return `${grant.identityIssuer}\n${grant.subject}`;
}

function answerPreflight(exchange: Exchange): void {
  const requested = headerValues(exchange.request.rawHeaders, 'access-control-request-headers').join(',');
  exchange.addHeaders(formatPreflightHeaders(requested));
  exchange.addHeaders(['Vary', 'Origin, Access-Control-Request-Headers']);
  exchange.response.writeHead(204);
  exchange.response.end();
}

function isPreflight(request: IncomingMessage): boolean {
  return request.method === 'OPTIONS' && request.headers['access-control-request-method'] !== undefined;
}

function isMountMethod(method: string | undefined): boolean {
  return mountMethods.some((allowed) => allowed === method);
}
