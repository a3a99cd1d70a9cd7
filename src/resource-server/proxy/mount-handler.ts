/**
 * The proxied path: every request whose target is the mount's.
 *
 * 1. origin: a browser's page of a foreign origin stops here (DNS rebinding)
 * 2. target and method: what could be read as another path stops here
 * 3. preflight: answered before authentication, to allowed origins
 * 4. admission: the bearer token; where somebody has to be asked about it, the call waits, and its body unread
 * 5. rate of the address: calls with a good token apart from those that name nobody, so that a flood of bad tokens is
 *    limited and stops nobody who shares its address
 * 6. scope: what every call of the mount needs
 * 7. session: whose it is
 * 8. where the mount has rules: the policy on the head of the call, and on its body before the upstream hears of it
 * 9. a place among the person's calls, or event streams, in flight
 * 10. forward: see `forwarder.ts`
 *
 * It owns the answers that are ours and the record of the call. Not here: what a token is worth (`admission/`), the
 * listener and its limits, and the `Host` check, which every public route shares (`origin-check.ts`).
 * @see MCP 2026-07-28 and 2025-11-25, Streamable HTTP
 */
import type { RequestContext } from '../../platform/http/handler.ts';
import { headerValues } from '../../platform/http/raw-headers.ts';
import type { RefusalReason } from '../../protocol/refusal-reason.ts';
import type { Emit } from '../../services/audit/events.ts';
import type { RateLimitOutcome } from '../../services/limits/rate-limits.ts';
import type { SubjectConcurrency } from '../../services/limits/subject-concurrency.ts';
import type { GrantTerms } from '../../services/tokens/grant-terms.ts';
import type { Admission, AdmissionControl, AdmittedCall, PendingAdmission } from '../admission/admit.ts';
import type { PresentedCall } from '../admission/proven-admission.ts';
import type { RefusedCall } from '../admission/refused-calls.ts';
import type { CallJudge, JudgedCall } from '../policy/call-judge.ts';
import type { Caller, CallerListener } from './caller.ts';
import { formatCorsHeaders, formatPreflightHeaders, mountMethods } from './cors.ts';
import { Exchange, type MountAccess } from './exchange.ts';
import { createHeaderBlock } from './header-block.ts';
import type { Forwarder } from './forwarder.ts';
import type { LiveCalls } from './live-calls.ts';
import type { OriginCheck } from './origin-check.ts';
import { type Refusal, refusals, refuseAdmission, refuseRate } from './refusal.ts';
import { judgeTarget, type TargetVerdict } from './request-target.ts';
import { describeRpc, isPeekable, peekRpc } from './rpc-peek.ts';
import type { ScopeCheck } from './scope-check.ts';
import type { SessionBinding } from './session-binding.ts';
import type { FailureKind as UpstreamFailureKind } from './upstream-answer.ts';
import type { FlightEnd } from './upstream-flight.ts';

export interface MountHandlerDeps {
  /** Public path of the mount: `/mcp`. */
  readonly mount: string;
  /** The target of a call, as the upstream knows it. Absent: the same. */
  readonly toUpstream?: (target: string) => string;
  readonly maxBodyBytes: number;
  /** Bodies up to this are looked into for the record. 0: none. */
  readonly rpcPeekMaxBytes: number;
  /** Headers of every public response, name and value alternating. */
  readonly commonHeaders: readonly string[];
  readonly originCheck: OriginCheck;
  readonly admission: MountAdmission;
  readonly scopeCheck: Pick<ScopeCheck, 'judge'>;
  /** The rules in force. Absent, or undefined at the moment: there are none, and no body is read to judge it. */
  readonly findJudge?: () => CallJudge | undefined;
  readonly subjectConcurrency: SubjectConcurrency;
  /** Apart from the calls: streams that are held open for days must not leave a person without calls. */
  readonly subjectStreams: SubjectConcurrency;
  /** Undefined: no limit. */
  readonly rates: CallRates | undefined;
  /** Absent: sessions of the upstream are anybody's who knows their id. */
  readonly sessions?: Pick<SessionBinding, 'find'>;
  readonly forwarder: Forwarder;
  readonly liveCalls: LiveCalls;
  /** The name of the mount, where there are several. */
  readonly nameAmongMany?: () => string | undefined;
  readonly emit: Emit;
  /** Called once for each request, when its response is closed. */
  readonly report: (access: MountAccess, context: RequestContext) => void;
  /** Told of every error that is ours to mend. */
  readonly onInternalError: (error: unknown, requestId: string) => void;
}

type PlainTarget = Extract<TargetVerdict, { readonly outcome: 'accepted' }>;

/** Admission that may have to ask somebody first. */
export interface MountAdmission {
  /** @param answer takes the headers of the answer that come of it, name and value alternating */
  admit(
    authorization: readonly string[],
    call: PresentedCall,
    answer: string[],
  ): Admission | PendingAdmission;
  readonly recheck: AdmissionControl['recheck'];
}

/** Counts a call of an address on the budget that it belongs to. */
export interface CallRates {
  checkCall(clientAddress: string): RateLimitOutcome;
  checkStranger(clientAddress: string): RateLimitOutcome;
  /** What that would say, without counting anything. */
  judgeStranger(clientAddress: string): RateLimitOutcome;
}

/** Answers one request to the mount; whoever brought the caller tells the listener of it. Never throws. */
export type MountHandler = (caller: Caller, context: RequestContext) => CallerListener;

export function createMountHandler(deps: MountHandlerDeps): MountHandler {
  const common = createHeaderBlock([...deps.commonHeaders, 'Vary', 'Origin']);

  return (caller, context) => {
    const exchange = new Exchange(caller, context, common, finish);
    orInternal(exchange, answer);
    return exchange;
  };

  function orInternal(exchange: Exchange, proceed: (exchange: Exchange) => void): void {
    try {
      proceed(exchange);
    } catch (error) {
      deps.onInternalError(error, exchange.context.requestId);
      refuse(exchange, refusals.internal);
    }
  }

  function answer(exchange: Exchange): void {
    const { caller } = exchange;
    const origin = deps.originCheck.judgeOrigin(headerValues(caller.rawHeaders, 'origin'));
    if (origin.outcome === 'foreign') return refuse(exchange, refusals.originForeign);
    if (origin.outcome === 'allowed') exchange.headers.push(...formatCorsHeaders(origin.origin));

    const target = judgeTarget(caller.target, deps.mount);
    if (target.outcome === 'refused') {
      return refuse(exchange, target.status === 414 ? refusals.targetTooLong : refusals.targetMalformed);
    }
    if (origin.outcome === 'allowed' && isPreflight(caller)) return answerPreflight(exchange);
    if (!isMountMethod(caller.method)) return refuse(exchange, refusals.methodNotAllowed);

    const authorization = headerValues(caller.rawHeaders, 'authorization');
    const admission = deps.admission.admit(authorization, caller, exchange.headers);
    if (admission.outcome === 'pending') awaitAdmission(exchange, admission, target);
    else enter(exchange, admission, target);
  }

  /** Meanwhile nothing is taken from the client but what it sends by itself. */
  function awaitAdmission(exchange: Exchange, { check }: PendingAdmission, target: PlainTarget): void {
    // Somebody else may have to be asked: not for an address that sends one bad token after the other.
    const rate = deps.rates?.judgeStranger(exchange.context.clientAddress);
    if (rate?.outcome === 'limited') return refuse(exchange, refuseRate(rate.retryAfterSeconds));
    void check().then((admission) => {
      if (!exchange.isOver && !exchange.caller.isEnded) {
        orInternal(exchange, () => enter(exchange, admission, target));
      }
    });
  }

  function enter(exchange: Exchange, admission: Admission, target: PlainTarget): void {
    const { caller, context } = exchange;
    const rate = checkRate(admission, context.clientAddress);
    if (rate?.outcome === 'limited') return refuse(exchange, refuseRate(rate.retryAfterSeconds));
    if (admission.outcome === 'refused') {
      return refuse(exchange, refuseAdmission(admission), admission.grant);
    }
    exchange.admitted = admission;
    if (target.carriesToken) return refuse(exchange, refusals.tokenInQuery);
    const tooNarrow = deps.scopeCheck.judge(admission.grant);
    if (tooNarrow !== undefined) return refuse(exchange, tooNarrow);
    const session = deps.sessions?.find(caller.rawHeaders, admission.grant);
    if (session?.outcome === 'foreign') return refuse(exchange, refusals.sessionForeign);
    if (session?.outcome === 'own') exchange.session = session.session;
    return forward(exchange, admission, deps.toUpstream?.(target.target) ?? target.target);
  }

  function checkRate(admission: Admission, clientAddress: string): RateLimitOutcome | undefined {
    if (admission.outcome === 'admitted') return deps.rates?.checkCall(clientAddress);
    // A token of ours that is over hears so, whoever else is at its address: its client has to learn to refresh it.
    return namesNobody(admission) ? deps.rates?.checkStranger(clientAddress) : undefined;
  }

  function forward(exchange: Exchange, { grant, person }: AdmittedCall, target: string): void {
    const judged = judge(exchange, grant);
    if (judged !== undefined && 'reason' in judged) return refuse(exchange, judged);
    exchange.judged = judged;
    const isStream = exchange.caller.method === 'GET';
    exchange.listens = isStream;
    const places = isStream ? deps.subjectStreams : deps.subjectConcurrency;
    // Held until the last byte is out: a client that reads slowly keeps its place.
    exchange.release = places.acquire(person);
    if (exchange.release === undefined)
      return refuse(exchange, isStream ? refusals.tooManyStreams : refusals.tooManyCalls);
    deps.liveCalls.watch(exchange);
    const refusal = deps.forwarder.forward({ exchange, grant, target, onWholeBody, onEnd: settle });
    if (refusal !== undefined) refuse(exchange, refusal);
  }

  function judge({ caller, context }: Exchange, grant: GrantTerms): JudgedCall | Refusal | undefined {
    const { method, target, rawHeaders } = caller;
    return deps.findJudge?.()?.begin({ method, target, rawHeaders, grant, requestId: context.requestId });
  }

  function onWholeBody(exchange: Exchange, body: Buffer): Refusal | undefined {
    const [contentType] = headerValues(exchange.caller.rawHeaders, 'content-type');
    const isWanted = isPeekable(contentType, body.length, deps.rpcPeekMaxBytes);
    const verdict = exchange.judged?.judgeBody(body);
    if (isWanted) exchange.rpc = verdict === undefined ? peekRpc(body) : describeRpc(verdict.value);
    if (verdict?.refusal !== undefined || exchange.rpc?.method !== listenMethod) return verdict?.refusal;
    exchange.listens = true;
    moveToStreams(exchange);
    return undefined;
  }

  /** A POST that asks for a stream takes a stream's place where one is free; else it stays the call that it came as. */
  function moveToStreams(exchange: Exchange): void {
    if (exchange.admitted === undefined) return;
    const place = deps.subjectStreams.acquire(exchange.admitted.person);
    if (place === undefined) return;
    exchange.release?.();
    exchange.release = place;
  }

  function settle(exchange: Exchange, end: FlightEnd): void {
    if (end.outcome !== 'failed' && end.outcome !== 'broken') return;
    const { kind, refusal } = end.failure;
    if (kind !== undefined) tellOfUpstream(kind, exchange.context.requestId);
    if (end.outcome === 'failed') refuse(exchange, refusal);
  }

  function tellOfUpstream(kind: UpstreamFailureKind, requestId: string): void {
    const mount = deps.nameAmongMany?.();
    deps.emit({ type: 'upstream_failed', kind, ...(mount === undefined ? {} : { mount }) }, requestId);
  }

  function refuse(exchange: Exchange, refusal: Refusal, grant = exchange.admitted?.grant): void {
    const { reason, status } = refusal;
    // Twice the cap: a client just above it gets to read its refusal.
    exchange.refuse(refusal, 2 * deps.maxBodyBytes);
    const who = grant && { subject: grant.subject, client: grant.client.slice(0, 16) };
    const event = { endpoint: 'mcp', reason, status, ...who } as const;
    deps.emit({ type: 'request_refused', ...event }, exchange.context.requestId);
  }

  function finish(exchange: Exchange): void {
    exchange.release?.();
    deps.liveCalls.forget(exchange);
    deps.report(exchange.summarise(), exchange.context);
  }
}

/** The request that stays open for notifications, in the era without GET.   @see MCP 2026-07-28, subscriptions */
const listenMethod = 'subscriptions/listen';

function namesNobody(refused: RefusedCall): boolean {
  return strangers.has(refused.reason);
}

const strangers: ReadonlySet<RefusalReason> = new Set<RefusalReason>([
  'token_missing',
  'invalid_token',
  // Of whom nothing was verified.
  'token_type_refused',
  'token_issuer_foreign',
  // A proof with a bad signature is as dear to look at as a good one.
  'dpop_proof_invalid',
]);

function answerPreflight({ caller, common, headers }: Exchange): void {
  const requested = headerValues(caller.rawHeaders, 'access-control-request-headers').join(',');
  headers.push(...formatPreflightHeaders(requested), 'Vary', 'Access-Control-Request-Headers');
  caller.writeHead(204, common, headers, 0);
  caller.end();
  caller.flush();
}

function isPreflight(caller: Caller): boolean {
  return (
    caller.method === 'OPTIONS' && headerValues(caller.rawHeaders, 'access-control-request-method').length > 0
  );
}

function isMountMethod(method: string): boolean {
  return mountMethods.some((allowed) => allowed === method);
}
