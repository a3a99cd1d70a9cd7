import type { GuardedFetch } from '../../../platform/outbound/guarded-fetch.ts';
import { ProviderFailure, summarizeFailure } from '../provider-failure.ts';

export interface GitHubApiDeps {
  /** `https://github.com`, or that of an Enterprise Server. */
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly fetch: GuardedFetch;
}

/** The questions GitHub is asked. All reject with a ProviderFailure, which holds no token and no text of GitHub's. */
export interface GitHubApi {
  readonly authorizationEndpoint: string;
  /** Exchanges a code for the token of a person. `account`: one that says who it is will do. */
  exchangeCode(
    form: Readonly<Record<string, string>>,
    signal: AbortSignal,
    purpose?: 'account',
  ): Promise<string>;
  get(path: string, token: string, signal: AbortSignal): Promise<unknown>;
  /** The items of every page. */
  list(path: string, token: string, signal: AbortSignal): Promise<readonly unknown[]>;
  /** Whether GitHub itself says that it knows this token no more. */
  isForgotten(token: string, signal: AbortSignal): Promise<boolean>;
  /** Ends this token, and no other of the person. */
  endToken(token: string, signal: AbortSignal): Promise<void>;
}

const itemsPerPage = 50;
/** A person in more organisations or teams is refused: groups that are cut off would decide by chance. */
const maxPages = 20;

// Every one of them comes with status 200.
// https://docs.github.com/en/apps/oauth-apps/maintaining-oauth-apps/troubleshooting-oauth-app-access-token-request-errors
const tokenErrors = new Set([
  'incorrect_client_credentials',
  'redirect_uri_mismatch',
  'bad_verification_code',
  'unverified_user_email',
  'application_suspended',
]);

export function createGitHubApi(deps: GitHubApiDeps): GitHubApi {
  const { issuer, clientId, clientSecret } = deps;
  const api = findApi(issuer);

  async function ask(path: string, token: string, signal: AbortSignal): Promise<Response> {
    const headers = { ...apiHeaders, authorization: `Bearer ${token}` };
    const response = await fetchSummarized(deps.fetch, `${api}${path}`, { headers, signal });
    if (response.status !== 200) throw new ProviderFailure(await nameRefusal(response));
    return response;
  }

  /** What GitHub knows of a token, it tells and takes back for our client alone. */
  async function askAsClient(method: string, token: string, signal: AbortSignal): Promise<number> {
    const authorization = `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}`;
    const headers = { ...apiHeaders, authorization, 'content-type': 'application/json' };
    const body = JSON.stringify({ access_token: token });
    const url = `${api}/applications/${encodeURIComponent(clientId)}/token`;
    const { status } = await fetchSummarized(deps.fetch, url, { method, headers, body, signal });
    return status;
  }

  return {
    authorizationEndpoint: `${issuer}/login/oauth/authorize`,

    async exchangeCode(form, signal, purpose) {
      const body = new URLSearchParams({ ...form, client_id: clientId, client_secret: clientSecret });
      const init = { method: 'POST', headers: { accept: 'application/json' }, body, signal };
      const response = await fetchSummarized(deps.fetch, `${issuer}/login/oauth/access_token`, init);
      if (response.status !== 200) throw new ProviderFailure('http_status');
      return readToken(await readJson(response), purpose);
    },

    get: async (path, token, signal) => readJson(await ask(path, token, signal)),

    async list(path, token, signal) {
      const items: unknown[] = [];
      for (let page = 1; page <= maxPages; page += 1) {
        const response = await ask(`${path}?per_page=${itemsPerPage}&page=${page}`, token, signal);
        // Of a token that may ask less than when it was given, the lists are shorter, and no error says so.
        const scopes = response.headers.get('x-oauth-scopes');
        if (scopes !== null && !hasScopes(scopes)) throw new ProviderFailure('scope_missing');
        const answer = await readJson(response);
        if (!Array.isArray(answer)) throw new ProviderFailure('malformed');
        items.push(...(answer as readonly unknown[]));
        // Only whether there is a next page: an address from outside is not followed.
        if (!/\brel="?next"?/.test(response.headers.get('link') ?? '')) return items;
      }
      throw new ProviderFailure('too_many_groups');
    },

    isForgotten: async (token, signal) => (await askAsClient('POST', token, signal)) === 404,

    async endToken(token, signal) {
      if ((await askAsClient('DELETE', token, signal)) !== 204) throw new ProviderFailure('http_status');
    },
  };
}

const apiHeaders = { accept: 'application/vnd.github+json', 'x-github-api-version': '2022-11-28' };

/** GitHub, its cloud with data residency, and Enterprise Server keep the interface in three places. */
function findApi(issuer: string): string {
  const { protocol, host } = new URL(issuer);
  if (host === 'github.com' || host.endsWith('.ghe.com')) return `${protocol}//api.${host}`;
  return `${issuer}/api/v3`;
}

async function fetchSummarized(fetch: GuardedFetch, ...request: Parameters<GuardedFetch>): Promise<Response> {
  try {
    return await fetch(...request);
  } catch (error) {
    throw summarizeFailure(error);
  }
}

async function readJson(response: Response): Promise<unknown> {
  try {
    return await response.json();
  } catch {
    throw new ProviderFailure('not_json');
  }
}

function readToken(answer: unknown, purpose?: 'account'): string {
  const { error, access_token: token, token_type: type, expires_in: expiresIn, scope } = membersOf(answer);
  if (error !== undefined) {
    throw new ProviderFailure(typeof error === 'string' && tokenErrors.has(error) ? error : 'oauth_error');
  }
  // A token that ends by itself would make everybody look gone after eight hours.
  if (expiresIn !== undefined) throw new ProviderFailure('token_expires');
  // A token that may not ask about everything would hide groups, and with them what keeps somebody out.
  if (purpose !== 'account' && !hasScopes(scope)) throw new ProviderFailure('scope_missing');
  const isBearer = typeof type === 'string' && type.toLowerCase() === 'bearer';
  if (!isBearer || typeof token !== 'string' || token === '') throw new ProviderFailure('malformed');
  return token;
}

/**
 * What was asked for, or what includes it. GitHub says what it gave, which need not be that: nothing
 * said is nothing given.
 * @see https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/scopes-for-oauth-apps
 */
function hasScopes(scope: unknown): boolean {
  const given = typeof scope === 'string' ? scope.split(/[ ,]+/) : [];
  return [
    ['read:org', 'write:org', 'admin:org'],
    ['user:email', 'user'],
  ].every((names) => names.some((name) => given.includes(name)));
}

/** 403 is for many things: only the one about the account itself is about the person. */
async function nameRefusal(response: Response): Promise<string> {
  if (response.status === 401) return 'token_refused';
  if (response.status !== 403) return 'http_status';
  const { message } = membersOf(await readJson(response).catch(() => undefined));
  const isSuspended = typeof message === 'string' && message.startsWith('Sorry. Your account was suspended');
  return isSuspended ? 'account_suspended' : 'http_status';
}

/** The members of a JSON object; none of anything else. */
export function membersOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
}
