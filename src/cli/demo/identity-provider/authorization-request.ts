import type { RegisteredClient } from './registered-client.ts';

/** A login the registered client asked for, checked. */
export interface AuthorizationRequest {
  readonly redirectUri: string;
  readonly state: string | undefined;
  readonly nonce: string | undefined;
  readonly codeChallenge: string;
  readonly scope: readonly string[];
  readonly loginHint: string | undefined;
}

export type ParsedAuthorizationRequest =
  | { readonly outcome: 'accepted'; readonly request: AuthorizationRequest }
  /** Told to the client: the redirect URI is known to be its own. */
  | { readonly outcome: 'refused'; readonly redirectUri: string; readonly answer: Record<string, string> }
  /** Shown to the person and not redirected: RFC 6749 §4.1.2.1. */
  | { readonly outcome: 'untrusted'; readonly message: string };

/** Reads the query of the authorization endpoint.   @see OpenID Connect Core §3.1.2.1, RFC 7636 §4.3 */
export function parseAuthorizationRequest(
  query: URLSearchParams,
  client: RegisteredClient,
): ParsedAuthorizationRequest {
  if (new Set(query.keys()).size !== query.size) {
    return { outcome: 'untrusted', message: 'A parameter was sent twice.' };
  }
  if (query.get('client_id') !== client.clientId) {
    return { outcome: 'untrusted', message: 'The client is not registered here.' };
  }
  if (query.get('redirect_uri') !== client.redirectUri) {
    return { outcome: 'untrusted', message: 'The redirect URI is not the registered one.' };
  }
  const refusal = findRefusal(query);
  const state = query.get('state') ?? undefined;
  if (refusal !== undefined) {
    const answer = { ...refusal, ...(state !== undefined && { state }) };
    return { outcome: 'refused', redirectUri: client.redirectUri, answer };
  }
  return { outcome: 'accepted', request: acceptedRequest(query, client) };
}

function acceptedRequest(query: URLSearchParams, client: RegisteredClient): AuthorizationRequest {
  return {
    redirectUri: client.redirectUri,
    state: query.get('state') ?? undefined,
    nonce: query.get('nonce') ?? undefined,
    codeChallenge: query.get('code_challenge') ?? '',
    scope: scopeOf(query),
    loginHint: query.get('login_hint') ?? undefined,
  };
}

const challengeSyntax = /^[A-Za-z0-9_-]{43}$/;

/** In this order; the first that fails is the answer. */
const rules: readonly (readonly [
  broken: (query: URLSearchParams) => boolean,
  error: string,
  description: string,
])[] = [
  [(q) => q.has('request'), 'request_not_supported', 'request objects are not supported'],
  [(q) => q.has('request_uri'), 'request_uri_not_supported', 'request_uri is not supported'],
  [(q) => q.get('response_type') !== 'code', 'unsupported_response_type', 'response_type must be code'],
  [(q) => (q.get('response_mode') ?? 'query') !== 'query', 'invalid_request', 'response_mode must be query'],
  [(q) => !scopeOf(q).includes('openid'), 'invalid_scope', 'scope must contain openid'],
  [(q) => q.get('code_challenge_method') !== 'S256', 'invalid_request', 'PKCE with S256 is required'],
  [
    (q) => !challengeSyntax.test(q.get('code_challenge') ?? ''),
    'invalid_request',
    'code_challenge is malformed',
  ],
  // Nobody stays signed in here, so there is never an answer without a page.
  [(q) => q.get('prompt') === 'none', 'login_required', 'a login page is needed'],
];

function findRefusal(query: URLSearchParams): { error: string; error_description: string } | undefined {
  const broken = rules.find(([isBroken]) => isBroken(query));
  return broken && { error: broken[1], error_description: broken[2] };
}

function scopeOf(query: URLSearchParams): string[] {
  return (query.get('scope') ?? '').split(' ').filter((value) => value !== '');
}
