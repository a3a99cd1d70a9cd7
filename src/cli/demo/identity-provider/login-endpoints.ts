import type { Clock } from '../../../platform/clock.ts';
import type { Random } from '../../../platform/random.ts';
import { parseAuthorizationRequest } from './authorization-request.ts';
import type { AuthorizationRequest } from './authorization-request.ts';
import { renderLoginPage, renderOnwardPage, renderProblemPage } from './login-page.ts';
import type { Once } from './once.ts';
import { parseTypedPerson, samplePeople } from './people.ts';
import type { Person, TypedPerson } from './people.ts';
import type { RegisteredClient } from './registered-client.ts';
import type { CodeTerms } from './token-endpoint.ts';

/** A login page that is open somewhere, and the browser it was shown to. */
export interface OpenLogin {
  readonly request: AuthorizationRequest;
  readonly browser: string;
}

export interface LoginDeps {
  readonly issuer: string;
  readonly clientName: string;
  readonly client: RegisteredClient;
  readonly logins: Once<OpenLogin>;
  readonly codes: Once<CodeTerms>;
  readonly clock: Clock;
  readonly random: Random;
}

/** Cookies do not know ports: the name keeps clear of the gatehouse on the same host. */
const browserCookie = 'development-login-browser';
const browserSyntax = /^[A-Za-z0-9_-]{43}$/;
const maxFormCharacters = 16_384;

/** `GET /authorize`: checks the request and shows the login page.   @see OpenID Connect Core §3.1.2 */
export function createAuthorizeEndpoint(deps: LoginDeps): (request: Request) => Promise<Response> {
  return async (request) => {
    const parsed = parseAuthorizationRequest(new URL(request.url).searchParams, deps.client);
    switch (parsed.outcome) {
      case 'untrusted':
        return renderProblemPage(400, parsed.message);
      case 'refused':
        return Response.redirect(answerUrl(deps.issuer, parsed.redirectUri, parsed.answer), 303);
      case 'accepted': {
        const browser = browserOf(request) ?? deps.random.token(32);
        const login = deps.logins.put({ request: parsed.request, browser });
        const page = { login, clientName: deps.clientName, request: parsed.request, retry: undefined };
        const response = await renderLoginPage(page);
        response.headers.set('set-cookie', `${browserCookie}=${browser}; Path=/; HttpOnly; SameSite=Lax`);
        return response;
      }
      default:
        return parsed satisfies never;
    }
  };
}

/** `POST /login`: somebody was picked, typed, or nobody at all. */
export function createLoginEndpoint(deps: LoginDeps): (request: Request) => Promise<Response> {
  return async (request) => {
    // Login CSRF: another page must not be able to sign this browser in as a person of its choice.
    if (!isOwnForm(request, deps.issuer)) return renderProblemPage(403, 'The form came from another page.');
    const body = await request.text();
    if (body.length > maxFormCharacters) return renderProblemPage(413, 'The form is too large.');
    const form = new URLSearchParams(body);
    const login = form.get('login') ?? '';
    const open = deps.logins.find(login);
    if (open === undefined || open.browser !== browserOf(request)) {
      return renderProblemPage(
        400,
        'This login page was used already, is too old, or belongs to another browser.',
      );
    }
    return form.has('cancel') ? cancel(deps, login, open) : choose(deps, login, open, form);
  };
}

function cancel(deps: LoginDeps, login: string, { request }: OpenLogin): Promise<Response> {
  deps.logins.take(login);
  const answer = { error: 'access_denied', error_description: 'the person cancelled the login' };
  return renderOnwardPage(answerUrl(deps.issuer, request.redirectUri, { ...answer, ...stateOf(request) }));
}

function choose(deps: LoginDeps, login: string, open: OpenLogin, form: URLSearchParams): Promise<Response> {
  const email = form.get('email') ?? '';
  const groups = form.get('groups') ?? '';
  const chosen = personOf(form.get('person') ?? '', email, groups);
  if (chosen.outcome === 'refused') {
    const { clientName } = deps;
    return renderLoginPage({
      login,
      clientName,
      request: open.request,
      retry: { email, groups, refusal: chosen },
    });
  }
  deps.logins.take(login);
  const code = deps.codes.put(codeTerms(deps, open.request, chosen.person));
  return renderOnwardPage(
    answerUrl(deps.issuer, open.request.redirectUri, { code, ...stateOf(open.request) }),
  );
}

function personOf(choice: string, email: string, groups: string): TypedPerson {
  const sample = samplePeople.find((person) => person.subject === choice);
  return sample === undefined ? parseTypedPerson(email, groups) : { outcome: 'person', person: sample };
}

function codeTerms(deps: LoginDeps, request: AuthorizationRequest, person: Person): CodeTerms {
  const { scope, nonce, redirectUri, codeChallenge } = request;
  const subject = { person, scope, nonce, authenticatedAt: deps.clock.nowSeconds() };
  return { subject, redirectUri, codeChallenge };
}

function stateOf({ state }: AuthorizationRequest): Record<string, string> {
  return state === undefined ? {} : { state };
}

/** The answer always names its issuer.   @see RFC 9207 §2 */
function answerUrl(issuer: string, redirectUri: string, answer: Record<string, string>): URL {
  const url = new URL(redirectUri);
  for (const [name, value] of Object.entries({ ...answer, iss: issuer })) url.searchParams.set(name, value);
  return url;
}

function isOwnForm(request: Request, issuer: string): boolean {
  const origin = request.headers.get('origin');
  const site = request.headers.get('sec-fetch-site');
  return (origin === null || origin === issuer) && (site === null || site === 'same-origin');
}

function browserOf(request: Request): string | undefined {
  const pairs = (request.headers.get('cookie') ?? '').split(';').map((pair) => pair.trim());
  const value = pairs.find((pair) => pair.startsWith(`${browserCookie}=`))?.slice(browserCookie.length + 1);
  return value !== undefined && browserSyntax.test(value) ? value : undefined;
}
