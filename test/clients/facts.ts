import type { TappedRequest } from './tap.ts';

/** What a run showed of a client. Everything but `seconds` is the same each time, or the client has changed. */
export interface ClientFacts {
  /** The protocol revision that it spoke after signing in. */
  readonly revision: string;
  readonly registration: Registration;
  /** Its port is PORT. */
  readonly redirectUri: string;
  readonly codeChallengeMethod: string;
  readonly sendsState: boolean;
  /** The requests that named the resource, out of `authorize`, `token` and `refresh`. */
  readonly resource: readonly string[];
  /** What it asked for; null: nothing. */
  readonly scope: string | null;
  readonly refresh: Refresh;
  /** What it did when a call needed more scope. */
  readonly stepUp: StepUp;
  /** Whether it went on after a restart without the person. */
  readonly survivesRestart: boolean;
}

export type Registration = 'dynamic' | 'metadata document';

/** `before a call`: it knew that the token is over. `after a 401`: it was told. */
export type Refresh = 'before a call' | 'after a 401' | 'never';

/** `scope`: what it asked the person for. `loses its session`: it came back as another client than the session's. */
export type StepUp =
  | { readonly outcome: 'gives up' }
  | { readonly outcome: 'goes on' | 'loses its session'; readonly scope: string };

/** @param afterSignIn how many of the requests belong to the first call */
export function readFacts(
  requests: readonly TappedRequest[],
  afterSignIn: number,
): Omit<ClientFacts, 'stepUp' | 'survivesRestart'> {
  const authorize = findAuthorization(requests);
  if (authorize === undefined) throw new Error('the client sent nobody to the authorization endpoint');
  return {
    revision: readRevision(requests),
    registration: authorize.get('client_id')?.startsWith('https:') === true ? 'metadata document' : 'dynamic',
    redirectUri: (authorize.get('redirect_uri') ?? '').replace(/:\d+(?=\/|$)/, ':PORT'),
    codeChallengeMethod: authorize.get('code_challenge_method') ?? 'none',
    sendsState: authorize.has('state'),
    resource: readResource(requests, authorize),
    scope: authorize.get('scope'),
    refresh: readRefresh(requests.slice(afterSignIn)),
  };
}

/**
 * @param requests those of the call
 * @param succeeded whether it had its result in the end
 * @throws Error when that was in vain although the person granted it
 */
export function readStepUp(requests: readonly TappedRequest[], succeeded: boolean): StepUp {
  const authorize = findAuthorization(requests);
  if (authorize === undefined) return { outcome: 'gives up' };
  // Some name them in no order.
  const scope = (authorize.get('scope') ?? '').split(' ').sort().join(' ');
  if (succeeded) return { outcome: 'goes on', scope };
  if (requests.findLast(isCall)?.status === 404) return { outcome: 'loses its session', scope };
  throw new Error('the client asked for more scope, and did not go on');
}

/** What the first of the authorization requests asks for. */
function findAuthorization(requests: readonly TappedRequest[]): URLSearchParams | undefined {
  return requests.find(({ url }) => url.pathname === '/authorize')?.url.searchParams;
}

function isCall({ method, url }: TappedRequest): boolean {
  return method === 'POST' && url.pathname === '/mcp';
}

/** The last one: before it is agreed on, clients name the newest they know, or none. */
function readRevision(requests: readonly TappedRequest[]): string {
  const last = requests.findLast((request) => isCall(request) && request.status === 200);
  return String(last?.headers['mcp-protocol-version'] ?? 'none');
}

function tokenRequests(requests: readonly TappedRequest[], grantType: string): readonly URLSearchParams[] {
  return requests
    .filter(({ url, status }) => url.pathname === '/token' && status === 200)
    .map(({ body }) => new URLSearchParams(body))
    .filter((form) => form.get('grant_type') === grantType);
}

function readResource(requests: readonly TappedRequest[], authorize: URLSearchParams): readonly string[] {
  const kinds: readonly [string, readonly URLSearchParams[]][] = [
    ['authorize', [authorize]],
    ['token', tokenRequests(requests, 'authorization_code')],
    ['refresh', tokenRequests(requests, 'refresh_token')],
  ];
  const names = (forms: readonly URLSearchParams[]): boolean =>
    forms.length > 0 && forms.every((form) => form.has('resource'));
  return kinds.filter(([, forms]) => names(forms)).map(([kind]) => kind);
}

function readRefresh(requests: readonly TappedRequest[]): Refresh {
  const refreshed = requests.findIndex((request) => tokenRequests([request], 'refresh_token').length > 0);
  if (refreshed === -1) return 'never';
  return requests.slice(0, refreshed).some(({ status }) => status === 401) ? 'after a 401' : 'before a call';
}
