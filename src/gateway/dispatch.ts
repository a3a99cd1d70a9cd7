import { StoreError } from '../platform/store/store.ts';
import type { RequestContext } from '../platform/http/handler.ts';
import { OAuthError, storeUnavailable } from '../protocol/oauth-error.ts';
import type { EndpointName, Emit } from '../services/audit/events.ts';
import { addCors, answerPreflight } from './cors.ts';
import { type ErrorStyle, internalError, renderError } from './error-response.ts';
import type { Route } from './routes.ts';
import type { Site } from './site.ts';
import { addSecurityHeaders } from './security-headers.ts';

export interface DispatchDeps {
  readonly issuer: string;
  /** What the host of a URL serves. */
  readonly findSite: (url: URL) => Pick<Site, 'origin' | 'routes'>;
  readonly checkRate: (
    endpoint: EndpointName,
    address: string,
  ) => Promise<
    { readonly outcome: 'allowed' } | { readonly outcome: 'limited'; readonly retryAfterSeconds: number }
  >;
  readonly emit: Emit;
  /** Told of every error that is ours to mend. */
  readonly onInternalError: (error: unknown, requestId: string) => void;
}

/** Answers every public request but the proxied path. Never rejects. */
export type Dispatch = (request: Request, context: RequestContext) => Promise<Response>;

export function createDispatch(deps: DispatchDeps): Dispatch {
  return async (request, context) => {
    const url = new URL(request.url);
    const site = deps.findSite(url);
    const route = site.routes.get(url.pathname);
    let response: Response;
    try {
      response = await answer(route, request, context);
    } catch (error) {
      response = refuse(error, route, request, context);
    }
    if (route?.cors ?? isWellKnownPath(url.pathname)) addCors(response.headers);
    addSecurityHeaders(response.headers, site.origin);
    response.headers.set('X-Request-Id', context.requestId);
    return response;
  };

  async function answer(
    route: Route | undefined,
    request: Request,
    context: RequestContext,
  ): Promise<Response> {
    if (route === undefined) {
      if (request.method === 'OPTIONS' && isWellKnownPath(new URL(request.url).pathname)) {
        return answerPreflight(['GET', 'HEAD']);
      }
      throw new OAuthError('not_found', 'There is nothing here', { reason: 'not_found' });
    }
    if (request.method === 'OPTIONS' && route.cors) return answerPreflight(route.methods);
    checkMethod(route, request.method);
    route.checkUncounted?.(request);
    if (route.limited) await checkRate(route.endpoint, context.clientAddress);
    const response = await route.handler(request, context);
    return request.method === 'HEAD' ? new Response(null, response) : response;
  }

  async function checkRate(endpoint: EndpointName, address: string): Promise<void> {
    const verdict = await deps.checkRate(endpoint, address);
    if (verdict.outcome === 'allowed') return;
    throw new OAuthError('temporarily_unavailable', 'Too many requests; slow down', {
      reason: 'rate_limited',
      status: 429,
      retryAfterSeconds: verdict.retryAfterSeconds,
    });
  }

  function refuse(
    thrown: unknown,
    route: Route | undefined,
    request: Request,
    context: RequestContext,
  ): Response {
    const error = asOAuthError(thrown);
    if (error.reason === 'internal') deps.onInternalError(thrown, context.requestId);
    const storeError = thrown instanceof StoreError ? thrown : error.cause;
    if (storeError instanceof StoreError) {
      deps.emit({ type: 'store_failed', operation: storeError.operation }, context.requestId);
    }
    deps.emit(
      {
        type: 'request_refused',
        endpoint: route?.endpoint ?? 'other',
        reason: error.reason,
        status: error.status,
        ...(error.cause instanceof Error ? { cause: error.cause.name } : {}),
      },
      context.requestId,
    );
    const style: ErrorStyle = route?.errors ?? 'json';
    return renderError(error, { issuer: deps.issuer, style, requestId: context.requestId, request });
  }
}

/** A script that looks for metadata has to see that there is none, or it takes the network for broken. */
function isWellKnownPath(path: string): boolean {
  return path.startsWith('/.well-known/');
}

function asOAuthError(thrown: unknown): OAuthError {
  if (thrown instanceof OAuthError) return thrown;
  return thrown instanceof StoreError ? storeUnavailable(thrown) : internalError(thrown);
}

function checkMethod(route: Route, method: string): void {
  if ((route.methods as readonly string[]).includes(method)) return;
  const allow = [...route.methods, ...(route.cors ? ['OPTIONS'] : [])].join(', ');
  throw new OAuthError('method_not_allowed', `This endpoint takes ${route.methods.join(', ')}`, {
    reason: 'method_not_allowed',
    headers: { Allow: allow },
  });
}
