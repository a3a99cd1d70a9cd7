import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

import { getRequestListener } from '@hono/node-server';

import type { RequestContext } from '../platform/http/handler.ts';
import type { Emit } from '../services/audit/events.ts';
import type { AccessRecord } from './access-log.ts';
import type { Dispatch } from './dispatch.ts';
import {
  judgeFraming,
  type ListenerRefusal,
  listenerRefusals,
  refuseConnection,
  refuseRequest,
} from './listener-refusal.ts';
import type { Mount } from './mount.ts';

/** Node would drop lines past a maximum of its own without a word. */
const maxHeaderLines = 100;

/** What servers log for a client that left before anything was sent; nobody is ever sent it. */
const clientGoneStatus = 499;

export interface PublicRequestsDeps {
  readonly issuer: string;
  readonly dispatch: Dispatch;
  /** The proxied path; it also judges `Host`, which on a loopback deployment must not be foreign. */
  readonly mount: Pick<Mount, 'takes' | 'handle' | 'isHostAcceptable'>;
  readonly newRequestId: () => string;
  readonly clientAddress: (request: IncomingMessage) => string;
  readonly emit: Emit;
  readonly onAccess: (record: AccessRecord) => void;
}

export interface PublicRequests {
  /** Answers one public request; with `refusal`, where the listener has found that it cannot be heard. Never throws. */
  answer(request: IncomingMessage, response: ServerResponse, refusal?: ListenerRefusal): void;
  /** Answers bytes that did not become a request, and closes their connection. */
  refuseConnection(socket: Duplex, refusal: ListenerRefusal): void;
}

/** Mount match before any router, everything else as `(Request) => Response`. */
export function createPublicRequests(deps: PublicRequestsDeps): PublicRequests {
  const { issuer } = deps;
  const contexts = new WeakMap<IncomingMessage, RequestContext>();
  const answers = new WeakMap<Duplex, Set<ServerResponse>>();
  const answeredBare = new WeakMap<ServerResponse, number>();
  const answerRequest = getRequestListener(
    (request, env) => {
      const incoming = (env as { incoming: IncomingMessage }).incoming;
      const context = contexts.get(incoming) ?? { requestId: deps.newRequestId(), clientAddress: '' };
      return deps.dispatch(request, context);
    },
    { overrideGlobalObjects: false, hostname: new URL(issuer).host },
  );

  return {
    answer(request, response, refusal) {
      const context = { requestId: deps.newRequestId(), clientAddress: deps.clientAddress(request) };
      contexts.set(request, context);
      remember(request.socket, response);
      route(request, response, context, refusal ?? judge(request));
      // After routing, so that this listener for the end comes last and finds what the others noted.
      logAccess(request, response, context);
    },
    refuseConnection(socket, refusal) {
      const requestId = deps.newRequestId();
      count(refusal, requestId);
      const underWay = [...(answers.get(socket) ?? [])];
      // Into an answer that has begun, or between several, these bytes would be taken for another's.
      const isLegible = underWay.length < 2 && underWay.every((answer) => !answer.headersSent);
      if (!socket.writable || !isLegible) {
        socket.destroy();
        return;
      }
      for (const answer of underWay) answeredBare.set(answer, refusal.status);
      refuseConnection(socket, refusal, { issuer, requestId });
    },
  };

  function judge(request: IncomingMessage): ListenerRefusal | undefined {
    const target = request.url ?? '/';
    if (request.rawHeaders.length / 2 > maxHeaderLines) return listenerRefusals.headersTooLarge;
    const misframed = judgeFraming(request);
    if (misframed !== undefined) return misframed;
    if (!deps.mount.isHostAcceptable(request)) return listenerRefusals.hostForeign;
    if (deps.mount.takes(target) || isPlainTarget(target)) return undefined;
    return listenerRefusals.targetMalformed;
  }

  function route(
    request: IncomingMessage,
    response: ServerResponse,
    context: RequestContext,
    refusal: ListenerRefusal | undefined,
  ): void {
    if (refusal !== undefined) {
      count(refusal, context.requestId);
      refuseRequest(response, refusal, { issuer, requestId: context.requestId });
    } else if (deps.mount.takes(request.url ?? '/')) {
      deps.mount.handle(request, response, context);
    } else {
      void answerRequest(request, response);
    }
  }

  function count({ reason, status }: ListenerRefusal, requestId: string): void {
    deps.emit({ type: 'request_refused', endpoint: 'other', reason, status }, requestId);
  }

  function remember(socket: Duplex, response: ServerResponse): void {
    const underWay = answers.get(socket) ?? new Set();
    answers.set(socket, underWay.add(response));
    response.once('close', () => underWay.delete(response));
  }

  /** As the client saw it. */
  function statusOf(response: ServerResponse): number {
    if (response.headersSent) return response.statusCode;
    return answeredBare.get(response) ?? clientGoneStatus;
  }

  function logAccess(request: IncomingMessage, response: ServerResponse, context: RequestContext): void {
    const startedAt = performance.now();
    response.once('close', () => {
      deps.onAccess({
        method: request.method ?? '',
        path: (request.url ?? '').split('?', 1)[0] ?? '',
        status: statusOf(response),
        durationMs: performance.now() - startedAt,
        requestId: context.requestId,
      });
    });
  }
}

/** Origin-form, and already in the form every URL parser reads alike: what is routed is what was sent. */
function isPlainTarget(target: string): boolean {
  if (!target.startsWith('/') || target.startsWith('//') || !/^[\x21-\x7e]+$/.test(target)) return false;
  const path = target.split('?', 1)[0] as string;
  return !/[\\#]/.test(path) && new URL(target, 'http://x').pathname === path;
}
