import { createHash, randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface GitHubPerson {
  id: unknown;
  login: string;
  name: string | null;
  emails: ReadonlyArray<{ email: string; primary: boolean; verified: boolean; visibility: string | null }>;
  organizations: readonly string[];
  /** `organisation/team`. */
  teams: readonly string[];
}

/** What GitHub does out of the ordinary. */
export interface GitHubMisbehaviour {
  /** The error of every token request; with status 200, as GitHub's are. */
  tokenError?: string;
  /** Members put over those of the token response; undefined removes one. */
  tokenResponse?: Record<string, unknown>;
  /** What the interface answers to every question about a person. */
  api?: 'rate-limited' | 'down' | 'silent' | 'unauthorized' | 'forbidden' | 'html' | 'endless-pages';
}

interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Record<string, string>;
}

/**
 * GitHub Enterprise Server on a loopback port, as far as logins go: authorization, token endpoint, and the interface under
 * /api/v3.
 *
 * Facts with their sources. Token errors, ends of tokens and suspension were looked up there; pages, rate limits and the check
 * of a token are from memory of the documents. Nothing was recorded from GitHub itself:
 * - errors of the token endpoint come with status 200, `error`, `error_description` and `error_uri`
 *   (docs.github.com, "Troubleshooting OAuth app access token request errors")
 * - the token of an OAuth app has no end and no refresh token; that of a GitHub App has `expires_in` 28800
 *   (docs.github.com, "Refreshing user access tokens")
 * - lists come in pages with a `Link` header (docs.github.com, "Using pagination in the REST API")
 * - a suspended account is told 403 "Sorry. Your account was suspended."
 *   (github.com/sourcegraph/sourcegraph-public-snapshot, issue 16638)
 * - beyond the rate limit the status is 403 or 429 (docs.github.com, "Rate limits for the REST API")
 * - of one person, app and set of scopes ten tokens are kept; for an eleventh the oldest ends
 *   (docs.github.com, "Authorizing OAuth apps")
 * - a token is ended with DELETE /applications/{client_id}/token: 204
 * - a token is checked with POST /applications/{client_id}/token; 404 for one that is over
 *   (docs.github.com, "REST API endpoints for OAuth authorizations")
 */
export class SimulatedGitHub {
  readonly clientId = 'Iv23-gatehouse';
  readonly clientSecret = 'github-client-secret';
  /** The "Authorization callback URL" of the app. */
  callbackUrl = 'https://gatehouse.test/callback';
  person: GitHubPerson = {
    id: 583231,
    login: 'alice',
    name: 'Alice Example',
    emails: [
      { email: 'alice@elsewhere.example', primary: false, verified: true, visibility: null },
      { email: 'alice@example.com', primary: true, verified: true, visibility: 'private' },
    ],
    organizations: ['acme'],
    teams: ['acme/engineering'],
  };
  suspended = false;
  misbehaviour: GitHubMisbehaviour = {};
  /** Path of every request, with its query for those of the interface. */
  readonly requests: string[] = [];
  readonly #server: Server;
  readonly #codes = new Map<
    string,
    { readonly challenge: string | null; readonly redirectUri: string; readonly scope: string }
  >();
  /** Each with its scopes. */
  readonly #tokens = new Map<string, string>();

  static async start(): Promise<SimulatedGitHub> {
    const github = new SimulatedGitHub();
    await new Promise<void>((resolve) => github.#server.listen(0, '127.0.0.1', resolve));
    return github;
  }

  private constructor() {
    this.#server = createServer((request, response) => {
      this.#handle(request, response).catch((error: unknown) => response.destroy(error as Error));
    });
  }

  get issuer(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Goes where a browser would be sent, as somebody who is logged in and authorizes the app. */
  async logIn(authorizationUrl: URL): Promise<URLSearchParams> {
    const response = await fetch(authorizationUrl, { redirect: 'manual' });
    await response.body?.cancel();
    return new URL(response.headers.get('location') ?? '').searchParams;
  }

  /** How many tokens work. */
  get tokens(): number {
    return this.#tokens.size;
  }

  /** The person disconnects the app, or their account is closed. */
  revokeTokens(): void {
    this.#tokens.clear();
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.issuer);
    this.requests.push(`${url.pathname}${url.pathname.startsWith('/api/') ? url.search : ''}`);
    const body = await readText(request);
    const authorization = request.headers.authorization ?? '';
    if (url.pathname === '/login/oauth/authorize') return this.#authorize(url.searchParams, response);
    if (url.pathname === '/login/oauth/access_token') {
      return send(response, { status: 200, body: this.#token(new URLSearchParams(body)) });
    }
    if (url.pathname === `/api/v3/applications/${this.clientId}/token`) {
      return send(response, this.#checkToken(request.method, authorization, body));
    }
    if (this.misbehaviour.api === 'silent') return;
    return send(response, this.#api(url, authorization.replace(/^Bearer /, '')));
  }

  #authorize(query: URLSearchParams, response: ServerResponse): void {
    const code = randomBytes(10).toString('hex');
    const redirectUri = query.get('redirect_uri') ?? '';
    const scope = (query.get('scope') ?? '').split(' ').join(',');
    this.#codes.set(code, { challenge: query.get('code_challenge'), redirectUri, scope });
    const location = new URL(redirectUri);
    location.searchParams.set('code', code);
    location.searchParams.set('state', query.get('state') ?? '');
    response.writeHead(302, { location: location.href }).end();
  }

  #token(form: URLSearchParams): Record<string, unknown> {
    if (this.misbehaviour.tokenError !== undefined) return failure(this.misbehaviour.tokenError);
    const isClient =
      form.get('client_id') === this.clientId && form.get('client_secret') === this.clientSecret;
    if (!isClient) return failure('incorrect_client_credentials');
    if (form.get('redirect_uri') !== this.callbackUrl) return failure('redirect_uri_mismatch');
    const code = form.get('code') ?? '';
    const issued = this.#codes.get(code);
    this.#codes.delete(code);
    const verifier = form.get('code_verifier') ?? '';
    const challenge = createHash('sha256').update(verifier).digest('base64url');
    if (issued === undefined || issued.challenge !== challenge) return failure('bad_verification_code');
    const token = `gho_${randomBytes(18).toString('hex')}`;
    const alike = [...this.#tokens].filter(([, scope]) => scope === issued.scope);
    for (const [oldest] of alike.slice(0, Math.max(0, alike.length - 9))) this.#tokens.delete(oldest);
    this.#tokens.set(token, issued.scope);
    return {
      access_token: token,
      token_type: 'bearer',
      scope: issued.scope,
      ...this.misbehaviour.tokenResponse,
    };
  }

  #checkToken(method: string | undefined, authorization: string, body: string): Answer {
    const expected = Buffer.from(`${this.clientId}:${this.clientSecret}`).toString('base64');
    if (authorization !== `Basic ${expected}`) return { status: 401, body: { message: 'Bad credentials' } };
    const { access_token: token } = JSON.parse(body) as { access_token?: string };
    if (method === 'DELETE') {
      const isKnown = this.#tokens.delete(token ?? '');
      return { status: isKnown ? 204 : 404, body: isKnown ? '' : { message: 'Not Found' } };
    }
    return this.#tokens.has(token ?? '')
      ? { status: 200, body: { id: 1, token } }
      : { status: 404, body: { message: 'Not Found' } };
  }

  #api(url: URL, token: string): Answer {
    const trouble = this.misbehaviour.api;
    if (trouble !== undefined && trouble !== 'endless-pages') return troubles[trouble] as Answer;
    if (!this.#tokens.has(token)) return troubles['unauthorized'] as Answer;
    if (this.suspended) {
      return { status: 403, body: { message: 'Sorry. Your account was suspended.' } };
    }
    const { id, login, name, emails, organizations, teams } = this.person;
    switch (url.pathname) {
      case '/api/v3/user':
        return { status: 200, body: { login, id, name, email: 'shown@elsewhere.example', type: 'User' } };
      case '/api/v3/user/emails':
        return this.#page(url, emails);
      case '/api/v3/user/orgs':
        return this.#page(
          url,
          organizations.map((organization, index) => ({ login: organization, id: index + 1 })),
        );
      case '/api/v3/user/teams':
        return this.#page(
          url,
          teams.map((team) => {
            const [organization, slug] = team.split('/');
            return { name: 'A team', slug, organization: { login: organization } };
          }),
        );
      default:
        return { status: 404, body: { message: 'Not Found' } };
    }
  }

  #page(url: URL, items: readonly unknown[]): Answer {
    const size = Number(url.searchParams.get('per_page') ?? 30);
    const page = Number(url.searchParams.get('page') ?? 1);
    const isLast = page * size >= items.length && this.misbehaviour.api !== 'endless-pages';
    const next = new URL(url);
    next.searchParams.set('page', String(page + 1));
    // To another host: whoever follows the address instead of counting sends the token there.
    const link = `<https://elsewhere.example${next.pathname}${next.search}>; rel="next", <${url.href}>; rel="last"`;
    const body = items.slice((page - 1) * size, page * size);
    return { status: 200, body, headers: isLast ? {} : { link } };
  }
}

const troubles: Readonly<Record<string, Answer>> = {
  'rate-limited': {
    status: 403,
    body: { message: 'API rate limit exceeded for user ID 583231.' },
    headers: { 'x-ratelimit-remaining': '0' },
  },
  down: { status: 502, body: { message: 'Server Error' } },
  unauthorized: { status: 401, body: { message: 'Bad credentials' } },
  forbidden: { status: 403, body: { message: 'Resource not accessible by integration' } },
  html: { status: 200, body: undefined },
};

function failure(error: string): Record<string, unknown> {
  return { error, error_description: 'shown to nobody', error_uri: 'https://docs.github.com/' };
}

function send(response: ServerResponse, { status, body, headers }: Answer): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', ...headers });
  response.end(body === undefined ? '<!DOCTYPE html><title>Unicorn!</title>' : JSON.stringify(body));
}

async function readText(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
