import { createHash, randomBytes } from 'node:crypto';

import { Browser, type BrowserTarget } from './browser.ts';

/** A client as registration answered it, with what it needs for a flow. */
export interface TestClient {
  readonly clientId: string;
  readonly redirectUri: string;
}

export const defaultRedirectUri = 'https://client.example/callback';

export async function registerClient(
  gatehouse: BrowserTarget,
  metadata: Record<string, unknown> = {},
): Promise<TestClient> {
  const redirectUris = (metadata['redirect_uris'] as string[] | undefined) ?? [defaultRedirectUri];
  const response = await gatehouse.fetch('/register', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ client_name: 'Test Client', redirect_uris: redirectUris, ...metadata }),
  });
  const body = (await response.json()) as { client_id?: string };
  if (response.status !== 201 || body.client_id === undefined) {
    throw new Error(`registration failed: ${response.status} ${JSON.stringify(body)}`);
  }
  return { clientId: body.client_id, redirectUri: redirectUris[0] as string };
}

/** A PKCE pair (RFC 7636). */
export function createPkce(): { verifier: string; challenge: string } {
  const verifier = randomBytes(32).toString('base64url');
  return { verifier, challenge: createHash('sha256').update(verifier).digest('base64url') };
}

/** An authorization request; `undefined` leaves a parameter out. */
export function authorizeUrl(
  gatehouse: { readonly publicUrl: string; readonly resource: string },
  client: TestClient,
  overrides: Record<string, string | undefined> = {},
): string {
  const parameters: Record<string, string | undefined> = {
    response_type: 'code',
    client_id: client.clientId,
    redirect_uri: client.redirectUri,
    code_challenge: createPkce().challenge,
    code_challenge_method: 'S256',
    state: 'client-state',
    resource: gatehouse.resource,
    ...overrides,
  };
  const url = new URL('/authorize', gatehouse.publicUrl);
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined) url.searchParams.set(name, value);
  }
  return url.href;
}

/** The hidden fields of the one form on a page. */
export function readForm(html: string): Record<string, string> {
  const fields: Record<string, string> = {};
  for (const [tag] of html.matchAll(/<input\b[^>]*>/g)) {
    const name = /\bname="([^"]*)"/.exec(tag)?.[1];
    const value = /\bvalue="([^"]*)"/.exec(tag)?.[1];
    if (name !== undefined && value !== undefined) fields[name] = unescapeHtml(value);
  }
  return fields;
}

/** The permissions that are ticked on a consent page, and can be unticked. */
function readChoices(html: string): string[] {
  return [...html.matchAll(/<input\b[^>]*>/g)]
    .map(([tag]) => tag)
    .filter((tag) => tag.includes('type="checkbox"') && !/\bdisabled\b/.test(tag))
    .map((tag) => unescapeHtml(/\bvalue="([^"]*)"/.exec(tag)?.[1] ?? ''));
}

/** Where an interstitial page sends the browser. */
export function readInterstitial(html: string): string {
  const content = /<meta[^>]*http-equiv="refresh"[^>]*content="0;\s*url=([^"]*)"/i.exec(html)?.[1];
  if (content === undefined) throw new Error(`no interstitial: ${html.slice(0, 300)}`);
  return unescapeHtml(content);
}

function unescapeHtml(text: string): string {
  return text
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&#x27;', "'")
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&');
}

/** Answers the consent page, as it came but for what is unticked; returns where the browser is sent next. */
export async function decide(
  browser: Browser,
  consentPage: Response,
  action: 'approve' | 'deny' | `approve:${string}` = 'approve',
  unticked: readonly string[] = [],
): Promise<string> {
  const page = await consentPage.text();
  const form = new URLSearchParams({ consent_token: readForm(page)['consent_token'] ?? '', action });
  for (const name of readChoices(page)) if (!unticked.includes(name)) form.append('scope', name);
  const response = await browser.post('/consent', form);
  const html = await response.text();
  if (response.status !== 200) throw new Error(`consent answered ${response.status}: ${html.slice(0, 300)}`);
  return readInterstitial(html);
}

export interface SignedIn {
  readonly client: TestClient;
  readonly browser: Browser;
  readonly code: string;
  readonly verifier: string;
  readonly redirectUri: string;
}

/** Walks authorize, consent and callback (the identity provider logs in at once); ends with an unredeemed code. */
export async function obtainCode(
  gatehouse: BrowserTarget & { readonly resource: string },
  options: {
    readonly client?: TestClient;
    readonly browser?: Browser;
    readonly overrides?: Record<string, string | undefined>;
    /** Permissions that the person takes away on the consent page. */
    readonly unticked?: readonly string[];
    /** The identity provider that is chosen on the consent page. Default: there is one alone. */
    readonly at?: string;
    /** Logs in where the browser is sent, and returns the query of the callback. Default: as the fake provider does. */
    readonly logIn?: (url: URL) => Promise<URLSearchParams>;
  } = {},
): Promise<SignedIn> {
  const client = options.client ?? (await registerClient(gatehouse));
  const browser = options.browser ?? new Browser(gatehouse);
  const { verifier, challenge } = createPkce();
  const url = authorizeUrl(gatehouse, client, { code_challenge: challenge, ...options.overrides });
  const consentPage = await browser.get(url);
  if (consentPage.status !== 200) throw new Error(`authorize answered ${consentPage.status}`);
  const action = options.at === undefined ? 'approve' : (`approve:${options.at}` as const);
  const login = new URL(await decide(browser, consentPage, action, options.unticked));
  const state = login.searchParams.get('state') ?? '';
  const query = (await options.logIn?.(login)) ?? new URLSearchParams({ code: 'idp-code', state });
  const callback = new URL(login.searchParams.get('redirect_uri') ?? '/callback', gatehouse.publicUrl);
  const answer = await browser.get(`${callback.pathname}?${query.toString()}`);
  const location = answer.headers.get('location');
  if (location === null) throw new Error(`callback answered ${answer.status}: ${await answer.text()}`);
  const code = new URL(location).searchParams.get('code');
  if (code === null) throw new Error(`callback sent no code: ${location}`);
  return { client, browser, code, verifier, redirectUri: client.redirectUri };
}

export function postForm(
  gatehouse: BrowserTarget,
  path: string,
  form: Record<string, string>,
  headers: Record<string, string> = {},
): Promise<Response> {
  return gatehouse.fetch(path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/x-www-form-urlencoded', ...headers },
    body: new URLSearchParams(form).toString(),
  });
}

export function redeem(gatehouse: BrowserTarget, signedIn: SignedIn): Promise<Response> {
  return postForm(gatehouse, '/token', {
    grant_type: 'authorization_code',
    code: signedIn.code,
    redirect_uri: signedIn.redirectUri,
    client_id: signedIn.client.clientId,
    code_verifier: signedIn.verifier,
  });
}

export function refresh(gatehouse: BrowserTarget, clientId: string, refreshToken: string): Promise<Response> {
  return postForm(gatehouse, '/token', {
    grant_type: 'refresh_token',
    refresh_token: refreshToken,
    client_id: clientId,
  });
}

export interface Tokens extends SignedIn {
  readonly accessToken: string;
  readonly refreshToken: string;
}

/** The whole way: register, authorize, consent, login, token. */
export async function signIn(
  gatehouse: BrowserTarget & { readonly resource: string },
  options: Parameters<typeof obtainCode>[1] = {},
): Promise<Tokens> {
  const signedIn = await obtainCode(gatehouse, options);
  const response = await redeem(gatehouse, signedIn);
  const body = (await response.json()) as { access_token?: string; refresh_token?: string };
  if (response.status !== 200 || body.access_token === undefined || body.refresh_token === undefined) {
    throw new Error(`token answered ${response.status}: ${JSON.stringify(body)}`);
  }
  return { ...signedIn, accessToken: body.access_token, refreshToken: body.refresh_token };
}
