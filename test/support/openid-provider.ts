import { createHash, randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';

import type { Clock } from '../../src/platform/clock.ts';
import type { GuardedFetch } from '../../src/platform/outbound/guarded-fetch.ts';

type SigningKey = CryptoKey | Uint8Array;

export type Endpoint = 'discovery' | 'authorize' | 'token' | 'jwks';

/** What the provider does wrong. Everything is off until a test switches it on; all of it can change at any time. */
export interface Misbehaviour {
  /** How an endpoint fails as a whole. `endless`: a body that never stops; `silent`: the connection breaks. */
  transport?: Partial<
    Record<Endpoint, 'slow' | 'silent' | 'error' | 'gzip' | 'redirect' | 'endless' | 'not-json'>
  >;
  /** Members put over those of the discovery document; undefined removes one. */
  metadata?: Record<string, unknown>;
  /** Members put over those of the token response; undefined removes one. */
  tokenResponse?: Record<string, unknown>;
  /** Claims put over the right ones; undefined removes one. */
  claims?: Record<string, unknown>;
  /** Header members put over the right ones. */
  header?: Record<string, unknown>;
  /** `foreign-key`: not among the published ones. `hs256-secret`, `hs256-public-key`: symmetric, with what is known. */
  signature?: 'none' | 'foreign-key' | 'hs256-secret' | 'hs256-public-key' | 'broken';
  /** `iss` of the authorization response; null: none. */
  issParameter?: string | null;
  /** Takes the session it has, whatever `prompt` and `max_age` say. */
  ignoresReauthentication?: boolean;
  /** The key set is empty. */
  noKeys?: boolean;
  /** What is published in place of the one key. */
  publishes?: (key: JWK, foreign: JWK) => readonly unknown[];
  /** White space after each answer of an endpoint, in bytes. */
  padding?: Partial<Record<Endpoint, number>>;
  /** What a refresh is refused with. */
  refusesRefresh?: { readonly status: number; readonly error: string };
  /** A refresh answers without an ID token, as OpenID Connect Core §12.2 allows. */
  refreshesWithoutIdToken?: boolean;
}

/** How a provider differs from a plain one while nothing goes wrong. */
export interface ProviderShape {
  /** Path of the issuer, without a slash at its end. */
  readonly issuerPath?: string;
  /** Paths below the issuer's, or below the root when they begin with `//`. */
  readonly paths?: Readonly<Record<'authorize' | 'token' | 'jwks', string>>;
  /** Over the members of the discovery document; undefined removes one. */
  readonly metadata?: Readonly<Record<string, unknown>>;
  /** Whether this authorization request earns a refresh token; the default is what `refreshTokens` says. */
  readonly givesRefreshToken?: (request: URLSearchParams) => boolean;
  /** What a client is told that is not the registered one; default 400 `invalid_client`. */
  readonly refusesClient?: { readonly status: number; readonly error: string };
  /** Clients come with an assertion, which this judges; secrets are refused. */
  readonly takesAssertion?: (assertion: string) => Promise<boolean>;
  /** Clients come with a certificate, by whose SHA-256 this judges; secrets and assertions are refused. */
  readonly takesCertificate?: (fingerprint: string) => boolean;
  /** The one redirect URI; with another the token endpoint says `redirect_uri_mismatch`. */
  readonly redirectUri?: string;
  /** The error that an authorization request is answered with. */
  readonly refusesRequest?: (request: URLSearchParams) => string | undefined;
}

export interface ReceivedRequest {
  readonly endpoint: Endpoint | 'unknown';
  readonly method: string;
  readonly headers: IncomingMessage['headers'];
  readonly query: URLSearchParams;
  readonly form: URLSearchParams;
}

interface IssuedCode {
  readonly nonce: string | null;
  readonly codeChallenge: string | null;
  readonly redirectUri: string | null;
  /** Said in the ID token where `max_age` asks for it (OpenID Connect Core §2). */
  readonly authenticatedAt: number | undefined;
  readonly earnsRefreshToken?: boolean;
}

/**
 * An OpenID provider on a loopback port: discovery, authorization (logs `person` in at once), token and keys. It checks
 * what a good one checks (client, redirect URI, PKCE, single use of codes) and errs where it is told to.
 */
export class TestOpenIdProvider {
  readonly clientId = 'gatehouse';
  readonly clientSecret = 'provider-secret-Ä+%';
  /** Claims of whoever logs in next. */
  person: Record<string, unknown> = {
    sub: 'alice',
    email: 'alice@example.com',
    email_verified: true,
    name: 'Alice Example',
    groups: ['engineering'],
  };
  /** When the person logged in, seconds; undefined: no session. */
  authenticatedAt: number | undefined;
  /** Whether logins come with a refresh token, and what becomes of it when it is used. A replaced one is spent. */
  refreshTokens: 'none' | 'kept' | 'replaced' = 'none';
  /** What refresh tokens end with. */
  refreshTokenTail = '';
  misbehaviour: Misbehaviour = {};
  shape: ProviderShape = {};
  /** The way out to a directory beside it. */
  directoryFetch: GuardedFetch | undefined;
  readonly requests: ReceivedRequest[] = [];
  readonly #clock: Clock;
  readonly #server: Server;
  readonly #codes = new Map<string, IssuedCode>();
  readonly #refreshTokens = new Set<string>();
  #keys = makeKeys('key-1');
  readonly #foreignKeys = makeKeys('key-1');

  static async start(clock: Clock): Promise<TestOpenIdProvider> {
    const provider = new TestOpenIdProvider(clock);
    await new Promise<void>((resolve) => provider.#server.listen(0, '127.0.0.1', resolve));
    return provider;
  }

  private constructor(clock: Clock) {
    this.#clock = clock;
    this.#server = createServer((request, response) => {
      this.#handle(request, response).catch((error: unknown) => response.destroy(error as Error));
    });
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get issuer(): string {
    return `${this.origin}${this.shape.issuerPath ?? ''}`;
  }

  #urlOf(endpoint: 'authorize' | 'token' | 'jwks'): string {
    const path = this.shape.paths?.[endpoint] ?? `/${endpoint}`;
    return path.startsWith('//') ? `${this.origin}${path.slice(1)}` : `${this.issuer}${path}`;
  }

  #findEndpoint(pathname: string): Endpoint | 'unknown' {
    const url = `${this.origin}${pathname}`;
    if (url === `${this.issuer}/.well-known/openid-configuration`) return 'discovery';
    return (['authorize', 'token', 'jwks'] as const).find((name) => this.#urlOf(name) === url) ?? 'unknown';
  }

  /** A key to be published beside the present one before it is used. */
  async nextKey(keyId: string): Promise<{ readonly published: readonly JWK[]; readonly use: () => void }> {
    const next = makeKeys(keyId);
    const use = (): void => {
      this.#keys = next;
    };
    return { published: [await publish(await this.#keys), await publish(await next)], use };
  }

  /** Signs with a new key from now on; the old one is no longer published. */
  rotateKeys(keyId: string): void {
    this.#keys = makeKeys(keyId);
  }

  /** A logout token, signed like ID tokens are; claims and header can be overridden, undefined removes one. */
  logoutToken(claims: Record<string, unknown>, header: Record<string, unknown> = {}): Promise<string> {
    const now = this.#clock.nowSeconds();
    const events = { 'http://schemas.openid.net/event/backchannel-logout': {} };
    const jti = randomBytes(8).toString('hex');
    const registered = { iss: this.issuer, aud: this.clientId, iat: now, exp: now + 120, jti, events };
    return this.#sign({ ...registered, ...claims }, { typ: 'logout+jwt', ...header });
  }

  /** Forgets every refresh token, as when an account is closed. */
  endSessions(): void {
    this.#refreshTokens.clear();
  }

  /** Goes where a browser would be sent, logs `person` in, and returns the query of the callback. */
  async logIn(authorizationUrl: URL): Promise<URLSearchParams> {
    const response = await fetch(authorizationUrl, { redirect: 'manual' });
    await response.body?.cancel();
    return new URL(response.headers.get('location') ?? '').searchParams;
  }

  count(endpoint: Endpoint): number {
    return this.requests.filter((request) => request.endpoint === endpoint).length;
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.issuer);
    const endpoint = this.#findEndpoint(url.pathname);
    const form = new URLSearchParams(await readText(request));
    const { headers, method = '' } = request;
    this.requests.push({ endpoint, method, headers, query: url.searchParams, form });
    if (endpoint === 'unknown') return send(response, 404, {});
    switch (this.misbehaviour.transport?.[endpoint]) {
      case 'slow':
        return;
      case 'silent':
        request.socket.destroy();
        return;
      case 'error':
        return send(response, 500, { error: 'server_error', error_description: 'provider internals' });
      case 'redirect':
        response.writeHead(302, { location: `${this.issuer}/elsewhere` }).end();
        return;
      case 'endless':
        return flood(response);
      case 'not-json':
        response.writeHead(200, { 'content-type': 'text/html' }).end('<p>Welcome</p>');
        return;
      case 'gzip': {
        const packed = gzipSync(JSON.stringify(await this.#answer(endpoint, url, headers, form)));
        response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' });
        response.end(packed);
        return;
      }
      case undefined: {
        const answer = await this.#answer(endpoint, url, headers, form);
        if (answer instanceof URL) response.writeHead(302, { location: answer.href }).end();
        else send(response, statusOf(answer), answer, this.misbehaviour.padding?.[endpoint]);
      }
    }
  }

  async #answer(
    endpoint: Endpoint,
    url: URL,
    headers: IncomingMessage['headers'],
    form: URLSearchParams,
  ): Promise<URL | Record<string, unknown>> {
    const answers: Record<Endpoint, () => URL | Record<string, unknown> | Promise<Record<string, unknown>>> =
      {
        discovery: () => ({ ...this.#metadata(), ...this.misbehaviour.metadata }),
        authorize: () => this.#authorize(url.searchParams),
        token: () => this.#token(headers, form),
        jwks: () => this.#keySet(),
      };
    return answers[endpoint]();
  }

  #metadata(): Record<string, unknown> {
    return {
      issuer: this.issuer,
      authorization_endpoint: this.#urlOf('authorize'),
      token_endpoint: this.#urlOf('token'),
      jwks_uri: this.#urlOf('jwks'),
      response_types_supported: ['code'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: ['ES256', 'RS256'],
      token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post'],
      authorization_response_iss_parameter_supported: true,
      ...this.shape.metadata,
    };
  }

  async #keySet(): Promise<Record<string, unknown>> {
    const { noKeys = false, publishes } = this.misbehaviour;
    const key = await publish(await this.#keys);
    if (publishes !== undefined) return { keys: publishes(key, await publish(await this.#foreignKeys)) };
    return { keys: noKeys ? [] : [key] };
  }

  #authorize(query: URLSearchParams): URL {
    const location = new URL(query.get('redirect_uri') ?? '');
    location.searchParams.set('state', query.get('state') ?? '');
    const refusal = this.shape.refusesRequest?.(query);
    if (refusal !== undefined) {
      location.searchParams.set('error', refusal);
      return location;
    }
    const code = randomBytes(16).toString('base64url');
    const authenticatedAt = this.#authenticate(query);
    this.#codes.set(code, {
      nonce: query.get('nonce'),
      codeChallenge: query.get('code_challenge'),
      redirectUri: query.get('redirect_uri'),
      authenticatedAt: query.has('max_age') ? authenticatedAt : undefined,
      earnsRefreshToken: this.shape.givesRefreshToken?.(query) ?? true,
    });
    location.searchParams.set('code', code);
    const { issParameter = this.issuer } = this.misbehaviour;
    if (issParameter !== null) location.searchParams.set('iss', issParameter);
    return location;
  }

  #authenticate(query: URLSearchParams): number {
    const now = this.#clock.nowSeconds();
    const session = this.authenticatedAt;
    const isStale =
      query.get('prompt') === 'login' || (session ?? 0) + Number(query.get('max_age') ?? Infinity) < now;
    const isKept = session !== undefined && (!isStale || this.misbehaviour.ignoresReauthentication === true);
    this.authenticatedAt = isKept ? session : now;
    return this.authenticatedAt;
  }

  async #token(headers: IncomingMessage['headers'], form: URLSearchParams): Promise<Record<string, unknown>> {
    if (!(await this.#isClient(headers, form))) {
      return { ...(this.shape.refusesClient ?? { error: 'invalid_client' }) };
    }
    if (form.get('grant_type') === 'refresh_token') return this.#refresh(form);
    const { redirectUri: registered } = this.shape;
    if (registered !== undefined && form.get('redirect_uri') !== registered) {
      return { error: 'redirect_uri_mismatch' };
    }
    const code = form.get('code') ?? '';
    const issued = this.#codes.get(code);
    this.#codes.delete(code);
    const challenge = createHash('sha256')
      .update(form.get('code_verifier') ?? '')
      .digest('base64url');
    const isGood =
      issued !== undefined &&
      form.get('grant_type') === 'authorization_code' &&
      form.get('redirect_uri') === issued.redirectUri &&
      challenge === issued.codeChallenge;
    if (!isGood) return { error: 'invalid_grant', error_description: 'shown to nobody' };
    return {
      access_token: 'provider-access-token',
      token_type: 'Bearer',
      expires_in: 300,
      id_token: await this.#idToken(issued),
      ...(this.refreshTokens === 'none' || issued.earnsRefreshToken === false
        ? {}
        : { refresh_token: this.#issueRefreshToken() }),
      ...this.misbehaviour.tokenResponse,
    };
  }

  async #refresh(form: URLSearchParams): Promise<Record<string, unknown>> {
    const { refusesRefresh, refreshesWithoutIdToken = false, tokenResponse } = this.misbehaviour;
    if (refusesRefresh !== undefined) return refusesRefresh;
    const presented = form.get('refresh_token') ?? '';
    if (!this.#refreshTokens.has(presented)) return { error: 'invalid_grant' };
    if (this.refreshTokens === 'replaced') this.#refreshTokens.delete(presented);
    const issued = { nonce: null, codeChallenge: null, redirectUri: null, authenticatedAt: undefined };
    return {
      access_token: 'provider-access-token',
      token_type: 'Bearer',
      expires_in: 300,
      ...(refreshesWithoutIdToken ? {} : { id_token: await this.#idToken(issued) }),
      ...(this.refreshTokens === 'replaced' ? { refresh_token: this.#issueRefreshToken() } : {}),
      ...tokenResponse,
    };
  }

  #issueRefreshToken(): string {
    const token = `provider-refresh-${randomBytes(16).toString('hex')}${this.refreshTokenTail}`;
    this.#refreshTokens.add(token);
    return token;
  }

  async #isClient(headers: IncomingMessage['headers'], form: URLSearchParams): Promise<boolean> {
    const { authorization, 'x-client-certificate': fingerprint } = headers;
    if (this.shape.takesCertificate !== undefined) {
      const isAlone =
        authorization === undefined && !form.has('client_secret') && !form.has('client_assertion');
      const isNamed = form.get('client_id') === this.clientId;
      return isAlone && isNamed && this.shape.takesCertificate(String(fingerprint));
    }
    if (this.shape.takesAssertion !== undefined) {
      const isJwt =
        form.get('client_assertion_type') === 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
      const isAlone = authorization === undefined && !form.has('client_secret');
      return isJwt && isAlone && this.shape.takesAssertion(form.get('client_assertion') ?? '');
    }
    if (authorization !== undefined) {
      // RFC 6749 §2.3.1: both parts are form-encoded before they are joined.
      const pair = Buffer.from(authorization.replace(/^Basic /, ''), 'base64').toString();
      const [id, secret] = pair.split(':').map((part) => new URLSearchParams(`x=${part}`).get('x'));
      return id === this.clientId && secret === this.clientSecret;
    }
    return form.get('client_id') === this.clientId && form.get('client_secret') === this.clientSecret;
  }

  async #idToken({ nonce, authenticatedAt }: IssuedCode): Promise<string> {
    const now = this.#clock.nowSeconds();
    const { claims, header } = this.misbehaviour;
    const registered = {
      iss: this.issuer,
      aud: this.clientId,
      iat: now,
      exp: now + 300,
      nonce: nonce ?? undefined,
    };
    return this.#sign({ ...registered, auth_time: authenticatedAt, ...this.person, ...claims }, header);
  }

  async #sign(payload: Record<string, unknown>, header: Record<string, unknown> = {}): Promise<string> {
    const { signature } = this.misbehaviour;
    const keys = await (signature === 'foreign-key' ? this.#foreignKeys : this.#keys);
    if (signature === 'none') return encodeUnsigned({ alg: 'none', ...header }, payload);
    const sign = (alg: string, key: SigningKey): Promise<string> =>
      new SignJWT(payload).setProtectedHeader({ alg, kid: keys.keyId, ...header }).sign(key, {
        crit: { 'urn:test:extension': true },
      });
    if (signature === 'hs256-secret')
      return sign('HS256', new TextEncoder().encode(this.clientSecret.padEnd(32)));
    if (signature === 'hs256-public-key') {
      return sign('HS256', new TextEncoder().encode(JSON.stringify(await exportJWK(keys.publicKey))));
    }
    const token = await sign('ES256', keys.privateKey);
    return signature === 'broken' ? `${token.slice(0, -8)}AAAAAAAA` : token;
  }
}

async function makeKeys(
  keyId: string,
): Promise<{ keyId: string; publicKey: CryptoKey; privateKey: CryptoKey }> {
  return { keyId, ...(await generateKeyPair('ES256')) };
}

async function publish({ publicKey, keyId }: Awaited<ReturnType<typeof makeKeys>>): Promise<JWK> {
  return { ...(await exportJWK(publicKey)), kid: keyId, use: 'sig', alg: 'ES256' };
}

function encodeUnsigned(header: object, payload: object): string {
  const encode = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url');
  return `${encode(header)}.${encode(payload)}.`;
}

async function readText(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

/** Errors are 400 unless they name another status. */
function statusOf(answer: Record<string, unknown>): number {
  if (typeof answer['status'] === 'number') return answer['status'];
  return 'error' in answer ? 400 : 200;
}

function send(response: ServerResponse, status: number, body: object, padding = 0): void {
  const text = JSON.stringify(body) + ' '.repeat(padding);
  response.writeHead(status, { 'content-type': 'application/json' }).end(text);
}

function flood(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'application/json' });
  const pump = (): void => {
    while (!response.destroyed && response.write(' '.repeat(16_384)));
  };
  response.on('drain', pump);
  pump();
}
