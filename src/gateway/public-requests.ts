import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

import { getRequestListener } from '@hono/node-server';

import type { FindClientAddress } from '../platform/http/client-address.ts';
import type { RequestContext } from '../platform/http/handler.ts';
import { headerValues } from '../platform/http/raw-headers.ts';
import type { Caller, CallerListener } from '../resource-server/proxy/caller.ts';
import { NodeCaller } from '../resource-server/proxy/node-caller.ts';
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
import type { Site } from './site.ts';

/** Node would drop lines past a maximum of its own without a word. */
const maxHeaderLines = 100;

/** Requests of one connection that wait for their answers; no client has need of more than a few. */
const maxUnanswered = 32;

export interface PublicRequestsDeps {
  readonly issuer: string;
  readonly dispatch: Dispatch;
  /** What a `Host` serves, mounts above all. Undefined: nobody is served under it. */
  readonly findSite: (hosts: readonly string[]) => Pick<Site, 'findMount'> | undefined;
  readonly newRequestId: () => string;
  readonly findAddress: FindClientAddress;
  /** Whether connections end with their answers from now on. */
  readonly isDraining: () => boolean;
  readonly emit: Emit;
  /** Told of every answered request but those of the mount, which tells of them itself. */
  readonly onAccess: (record: AccessRecord) => void;
}

export interface PublicRequests {
  /** Answers one public request; with `refusal`, where the listener has found that it cannot be heard. Never throws. */
  answer(request: IncomingMessage, response: ServerResponse, refusal?: ListenerRefusal): void;
  /**
   * Answers a call whose framing the fast lane has judged; undefined when it is not one that the mount takes without
   * a question.
   */
  answerCall(caller: Caller, peer: string): CallerListener | undefined;
  /** Cuts a connection on which too much waits for its answer. */
  cutPipelined(socket: Duplex): void;
  /** Answers bytes that did not become a request, and closes their connection. */
  refuseConnection(socket: Duplex, refusal: ListenerRefusal): void;
}

/** Mount match before any router, everything else as `(Request) => Response`. */
export function createPublicRequests(deps: PublicRequestsDeps): PublicRequests {
  const { issuer } = deps;
  const contexts = new WeakMap<IncomingMessage, RequestContext>();
  const answers = new WeakMap<Duplex, Set<NodeCaller>>();
  /** Connections whose last answer is a refusal: nothing that comes behind it is heard. */
  const closing = new WeakSet<Duplex>();
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
      const { socket } = request;
      if (socket.destroyed) return;
      const caller = new NodeCaller(request, response, deps.isDraining);
      if (remember(socket, response, caller).size > maxUnanswered) {
        cutPipelined(socket);
        return;
      }
      // Where a refused request ends is not to be relied on: what follows may be its inside to whoever sent it.
      if (closing.has(socket)) return;
      const context = contextOf(request.rawHeaders, socket.remoteAddress ?? '');
      const site = deps.findSite(headerValues(request.rawHeaders, 'host'));
      const mount = site?.findMount(caller.target);
      const verdict =
        refusal ?? judge(request, { isHostServed: site !== undefined, isMount: mount !== undefined });
      if (verdict === undefined && mount !== undefined) {
        caller.listen(mount.handle(caller, context));
        return;
      }
      contexts.set(request, context);
      if (verdict === undefined) {
        if (deps.isDraining()) response.setHeader('Connection', 'close');
        void answerRequest(request, response);
      } else {
        closing.add(socket);
        count(verdict, context.requestId);
        refuseRequest(response, verdict, { issuer, requestId: context.requestId });
      }
      logAccess(caller, response, context);
    },
    answerCall(caller, peer) {
      const site = deps.findSite(headerValues(caller.rawHeaders, 'host'));
      return site?.findMount(caller.target)?.handle(caller, contextOf(caller.rawHeaders, peer));
    },
    cutPipelined,
    refuseConnection(socket, refusal) {
      // Refused already; this is what followed.
      if (closing.has(socket)) {
        socket.end(() => socket.destroy());
        return;
      }
      // Node tells of each piece of such a connection that comes.
      closing.add(socket);
      const requestId = deps.newRequestId();
      count(refusal, requestId);
      const underWay = [...(answers.get(socket) ?? [])];
      // Into an answer that has begun, or between several, these bytes would be taken for another's.
      const isLegible =
        underWay.length < 2 && underWay.every((answer) => !answer.isHeadSent || answer.isEnded);
      if (!socket.writable || !isLegible) {
        socket.destroy();
        return;
      }
      for (const answer of underWay) answer.bareStatus = refusal.status;
      refuseConnection(socket, refusal, { issuer, requestId });
    },
  };

  function cutPipelined(socket: Duplex): void {
    count(listenerRefusals.pipelined, deps.newRequestId());
    socket.destroy();
  }

  function contextOf(rawHeaders: readonly string[], peer: string): RequestContext {
    return { requestId: deps.newRequestId(), clientAddress: deps.findAddress(rawHeaders, peer) };
  }

  function judge(
    request: IncomingMessage,
    { isHostServed, isMount }: { readonly isHostServed: boolean; readonly isMount: boolean },
  ): ListenerRefusal | undefined {
    const target = request.url ?? '/';
    if (request.rawHeaders.length / 2 > maxHeaderLines) return listenerRefusals.headersTooLarge;
    const misframed = judgeFraming(request);
    if (misframed !== undefined) return misframed;
    if (!isHostServed) return listenerRefusals.hostForeign;
    if (isMount || isPlainTarget(target)) return undefined;
    return listenerRefusals.targetMalformed;
  }

  function count({ reason, status }: ListenerRefusal, requestId: string): void {
    deps.emit({ type: 'request_refused', endpoint: 'other', reason, status }, requestId);
  }

  function remember(socket: Duplex, response: ServerResponse, caller: NodeCaller): ReadonlySet<NodeCaller> {
    const underWay = answers.get(socket) ?? new Set();
    answers.set(socket, underWay.add(caller));
    response.on('close', () => underWay.delete(caller));
    return underWay;
  }

  function logAccess(caller: NodeCaller, response: ServerResponse, { requestId }: RequestContext): void {
    const startedAt = performance.now();
    response.once('close', () => {
      const { method, target, status } = caller;
      deps.onAccess({
        method,
        path: target.split('?', 1)[0] ?? '',
        status,
        durationMs: performance.now() - startedAt,
        requestId,
      });
    });
  }
}

/**
 * Origin-form, and already in the form every URL parser reads alike: what is routed is what was sent. No route of ours
 * has an escape, a parameter or an empty segment in its path.
 */
function isPlainTarget(target: string): boolean {
  if (!target.startsWith('/') || target.startsWith('//') || !/^[\x21-\x7e]+$/.test(target)) return false;
  const path = target.split('?', 1)[0] as string;
  return !/[\\#%;]|\/\//.test(path) && new URL(target, 'http://x').pathname === path;
}
