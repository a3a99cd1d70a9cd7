import { renderEntryRefusedPage } from '../authorization-server/authorization/entry-refused-page.ts';
import { renderInterstitialPage } from '../authorization-server/authorization/interstitial-page.ts';
import { renderErrorPage } from '../platform/html/page.ts';
import { formatAuthorizationResponse } from '../protocol/authorization-response.ts';
import { AuthorizationError, OAuthError } from '../protocol/oauth-error.ts';
import { describeRedirectUri } from '../protocol/redirect-uri.ts';
import { findErrorCode } from '../protocol/refusal-reason.ts';

/** How a route answers a refusal: `json` always as JSON, `page` as a page for browsers and JSON for scripts. */
export type ErrorStyle = 'json' | 'page';

export interface ErrorContext {
  readonly issuer: string;
  readonly style: ErrorStyle;
  readonly requestId: string;
  readonly request: Request;
}

/** The one place where a refusal becomes a response. */
export function renderError(error: OAuthError, context: ErrorContext): Response {
  if (error instanceof AuthorizationError) return renderAuthorizationError(error, context);
  if (context.style === 'page' && isNavigation(context.request)) return renderPage(error, context);
  return renderJson(error);
}

/** An error that is our bug or trouble: 500 with a request id and nothing else. */
export function internalError(cause: unknown): OAuthError {
  return new OAuthError('server_error', 'Something went wrong here', { reason: 'internal', cause });
}

function renderJson(error: OAuthError): Response {
  const errorCode = findErrorCode(error.reason);
  const body = {
    error: error.code,
    error_description: error.description,
    ...(errorCode === undefined ? {} : { error_code: errorCode }),
  };
  const headers = headersOf(error);
  headers.set('Content-Type', 'application/json');
  return new Response(JSON.stringify(body), { status: error.status, headers });
}

function renderAuthorizationError(error: AuthorizationError, context: ErrorContext): Response {
  const location = formatAuthorizationResponse(error.redirectUri, {
    error: error.code,
    errorDescription: error.description,
    state: error.state,
    iss: context.issuer,
  });
  const target = describeRedirectUri(error.redirectUri);
  if (error.notice !== undefined && isNavigation(context.request)) {
    return renderEntryRefusedPage({
      ...error.notice,
      requestId: context.requestId,
      location,
      linkText: `Return to ${target.origin}`,
      cookie: error.headers['set-cookie'],
    });
  }
  // RFC 9700 §4.11.2: anybody can register a client, so an error redirect to a web address that no person asked for
  // would make this an open redirector. A browser gets a page with a link; scripts and loopback clients the redirect.
  if (!error.afterHumanStep && target.kind !== 'loopback' && isNavigation(context.request)) {
    return renderErrorPage({
      title: 'This sign-in request is not valid',
      message: `${error.description}. The application that sent you here has to fix it.`,
      requestId: context.requestId,
      status: 400,
      link: { href: location, text: `Return to ${target.origin}` },
    });
  }
  // Browsers hold the redirects that answer a form against that page's form-action: a 303 would go nowhere.
  if (error.afterHumanStep && context.request.method === 'POST') {
    return renderInterstitialPage({
      title: 'Returning to the application',
      message: `${error.description}. The application is told so.`,
      location,
      linkText: `Return to ${target.origin}`,
    });
  }
  const headers = headersOf(error);
  // Browsers carry the fragment of the present URL over to a location that has none.
  headers.set('Location', error.afterHumanStep ? location : `${location}#`);
  return new Response(null, { status: context.request.method === 'POST' ? 303 : 302, headers });
}

function renderPage(error: OAuthError, context: ErrorContext): Response {
  const response = renderErrorPage({
    title: titleOf(error),
    message: `${error.description}.`,
    requestId: context.requestId,
    status: error.status,
    startAt: error.startAt,
    // A form would be sent a second time.
    waitSeconds: context.request.method === 'GET' ? error.retryAfterSeconds : undefined,
  });
  for (const [name, value] of headersOf(error)) response.headers.set(name, value);
  return response;
}

function titleOf(error: OAuthError): string {
  if (error.status === 503) return 'Not available right now';
  if (error.status >= 500) return 'Something went wrong';
  if (error.status === 403) return 'Not allowed';
  return 'This request cannot be completed';
}

function headersOf(error: OAuthError): Headers {
  const headers = new Headers({ 'Cache-Control': 'no-store', Pragma: 'no-cache' });
  for (const [name, value] of Object.entries(error.headers)) headers.set(name, value);
  if (error.retryAfterSeconds !== undefined) headers.set('Retry-After', String(error.retryAfterSeconds));
  return headers;
}

/** Whether a person's browser is going there. Scripts that do not ask for HTML get JSON and plain redirects. */
function isNavigation(request: Request): boolean {
  if (request.headers.get('sec-fetch-mode') === 'navigate') return true;
  return (request.headers.get('accept') ?? '').includes('text/html');
}
