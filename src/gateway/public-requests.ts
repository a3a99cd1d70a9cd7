import type { IncomingMessage, ServerResponse } from 'node:http';

import { getRequestListener } from '@hono/node-server';

import type { RequestContext } from '../platform/http/handler.ts';
import type { AccessRecord } from './access-log.ts';
import type { Dispatch } from './dispatch.ts';
import type { Mount } from './mount.ts';

/** Node would drop lines past a maximum of its own without a word. */
const maxHeaderLines = 100;

export interface PublicRequestsDeps {
  readonly issuer: string;
  readonly dispatch: Dispatch;
  /** The proxied path; it also judges `Host`, which on a loopback deployment must not be foreign. */
  readonly mount: Pick<Mount, 'takes' | 'handle' | 'isHostAcceptable'>;
  readonly newRequestId: () => string;
  readonly clientAddress: (request: IncomingMessage) => string;
  readonly onAccess: (record: AccessRecord) => void;
}

/** Answers one public request. Never throws. */
export type AnswerRequest = (request: IncomingMessage, response: ServerResponse) => void;

/** Mount match before any router, everything else as `(Request) => Response`. */
export function createPublicRequests(deps: PublicRequestsDeps): AnswerRequest {
  const contexts = new WeakMap<IncomingMessage, RequestContext>();
  const answerRequest = getRequestListener(
    (request, env) => {
      const incoming = (env as { incoming: IncomingMessage }).incoming;
      const context = contexts.get(incoming) ?? { requestId: deps.newRequestId(), clientAddress: '' };
      return deps.dispatch(request, context);
    },
    { overrideGlobalObjects: false, hostname: new URL(deps.issuer).host },
  );

  return (request, response) => {
    const context: RequestContext = {
      requestId: deps.newRequestId(),
      clientAddress: deps.clientAddress(request),
    };
    contexts.set(request, context);
    route(request, response, context);
    // After routing, so that this listener for the end comes last and finds what the others noted.
    logAccess(request, response, context);
  };

  function route(request: IncomingMessage, response: ServerResponse, context: RequestContext): void {
    const target = request.url ?? '/';
    if (request.rawHeaders.length / 2 > maxHeaderLines) {
      refuse(response, context, 431, 'invalid_request', 'Too many header lines');
    } else if (countHeader(request, 'host') > 1 || !deps.mount.isHostAcceptable(request)) {
      refuse(response, context, 403, 'access_denied', 'This host is not served here');
    } else if (deps.mount.takes(target)) {
      deps.mount.handle(request, response, context);
    } else if (!isPlainTarget(target)) {
      refuse(response, context, 400, 'invalid_request', 'The request target is malformed');
    } else {
      void answerRequest(request, response);
    }
  }

  function logAccess(request: IncomingMessage, response: ServerResponse, context: RequestContext): void {
    const startedAt = performance.now();
    response.once('close', () => {
      deps.onAccess({
        method: request.method ?? '',
        path: (request.url ?? '').split('?', 1)[0] ?? '',
        status: response.statusCode,
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

function countHeader(request: IncomingMessage, name: string): number {
  return request.rawHeaders.filter((value, index) => index % 2 === 0 && value.toLowerCase() === name).length;
}

function refuse(
  response: ServerResponse,
  context: RequestContext,
  status: number,
  error: string,
  description: string,
): void {
  response.writeHead(status, {
    'Content-Type': 'application/json',
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    'X-Request-Id': context.requestId,
    Connection: 'close',
  });
  response.end(JSON.stringify({ error, error_description: description }));
}
