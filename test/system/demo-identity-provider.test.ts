import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import * as oidc from 'openid-client';

import { startDevelopmentIdentityProvider } from '../../src/cli/demo/identity-provider/development-identity-provider.ts';
import type { DevelopmentIdentityProvider } from '../../src/cli/demo/identity-provider/development-identity-provider.ts';
import { systemRandom } from '../../src/platform/random.ts';
import { computeCodeChallenge } from '../../src/protocol/pkce.ts';

const redirectUri = 'http://127.0.0.1:8080/callback';
const client = { clientId: 'gatehouse', clientSecret: 'a secret: with + and %', redirectUri };
const settings = { productionMode: false, host: '127.0.0.1', port: 0, client, clientName: 'Gatehouse' };
const startSeconds = Math.floor(Date.now() / 1000);
let elapsed = 0;
const clock = {
  nowSeconds: () => startSeconds + elapsed,
  nowMilliseconds: () => (startSeconds + elapsed) * 1000,
};
const verifier = 'v'.repeat(43);
let provider: DevelopmentIdentityProvider;

beforeAll(async () => {
  provider = await startDevelopmentIdentityProvider(settings, { clock, random: systemRandom });
});
afterAll(async () => {
  await provider.close();
});
beforeEach(() => {
  elapsed = 0;
});

describe('development identity provider, start', () => {
  it('refuses production mode', async () => {
    const start = startDevelopmentIdentityProvider(
      { ...settings, productionMode: true },
      { clock, random: systemRandom },
    );
    await expect(start).rejects.toThrow(/does not start in production mode/);
  });

  it.each(['0.0.0.0', '::', '192.0.2.1', 'localhost', '127.0.0.1.example.com'])(
    'refuses to listen on %s',
    async (host) => {
      const start = startDevelopmentIdentityProvider({ ...settings, host }, { clock, random: systemRandom });
      await expect(start).rejects.toThrow(/loopback address only/);
    },
  );
});

describe('development identity provider, with an OpenID Connect client', () => {
  it.each(['client_secret_basic', 'client_secret_post'] as const)(
    'logs a sample person in, %s',
    async (method) => {
      const authentication =
        method === 'client_secret_basic'
          ? oidc.ClientSecretBasic(client.clientSecret)
          : oidc.ClientSecretPost(client.clientSecret);
      const configuration = await oidc.discovery(
        new URL(provider.issuer),
        client.clientId,
        {},
        authentication,
        {
          execute: [oidc.allowInsecureRequests],
        },
      );
      const authorizeUrl = oidc.buildAuthorizationUrl(configuration, {
        redirect_uri: redirectUri,
        scope: 'openid email profile',
        state: 'the state',
        nonce: 'the nonce',
        code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
      });
      const answer = await logIn(authorizeUrl, { person: 'sample-ada' });
      const tokens = await oidc.authorizationCodeGrant(configuration, answer, {
        pkceCodeVerifier: verifier,
        expectedState: 'the state',
        expectedNonce: 'the nonce',
      });
      expect(tokens.claims()).toMatchObject({
        sub: 'sample-ada',
        email: 'ada@example.com',
        email_verified: true,
        name: 'Ada Sample',
        groups: ['engineering', 'admins'],
        auth_time: startSeconds,
      });
    },
  );

  it('signs with ES256 when told to', async () => {
    const elliptic = await startDevelopmentIdentityProvider(
      { ...settings, algorithm: 'ES256' },
      { clock, random: systemRandom },
    );
    try {
      const answer = await logIn(authorizeUrlAt(elliptic), { person: 'sample-ben' });
      const { body } = await redeem(answer, {}, elliptic);
      const keys = createRemoteJWKSet(new URL(`${elliptic.issuer}/jwks`));
      const verified = await jwtVerify(String(body['id_token']), keys, {
        issuer: elliptic.issuer,
        audience: client.clientId,
        algorithms: ['ES256'],
      });
      expect(verified.payload.sub).toBe('sample-ben');
    } finally {
      await elliptic.close();
    }
  });
});

describe('development identity provider, authorize', () => {
  it.each([
    { what: 'an unknown client', change: { client_id: 'other' } },
    { what: 'another redirect URI', change: { redirect_uri: `${redirectUri}/` } },
  ])('shows a page and redirects nowhere for $what', async ({ change }) => {
    const response = await fetch(authorizeUrlAt(provider, change), { redirect: 'manual' });
    expect(response.status).toBe(400);
    expect(response.headers.get('location')).toBeNull();
    expect(await response.text()).not.toContain('<form');
  });

  it.each([
    { what: 'without PKCE', change: { code_challenge: '' }, error: 'invalid_request' },
    { what: 'with plain PKCE', change: { code_challenge_method: 'plain' }, error: 'invalid_request' },
    { what: 'for a token', change: { response_type: 'token' }, error: 'unsupported_response_type' },
    { what: 'without openid', change: { scope: 'email' }, error: 'invalid_scope' },
    { what: 'for silence', change: { prompt: 'none' }, error: 'login_required' },
  ])('sends a request $what back with $error', async ({ change, error }) => {
    const response = await fetch(authorizeUrlAt(provider, change), { redirect: 'manual' });
    const answer = new URL(response.headers.get('location') ?? '').searchParams;
    expect(Object.fromEntries(answer)).toMatchObject({ error, state: 'the state', iss: provider.issuer });
    expect(answer.has('code')).toBe(false);
  });

  it('locks the page: no script, no frame, own forms only', async () => {
    const response = await fetch(authorizeUrlAt(provider));
    expect(response.headers.get('content-security-policy')).toMatch(
      /^default-src 'none'; style-src 'sha256-[^']+'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'$/,
    );
    expect(response.headers.get('x-frame-options')).toBe('DENY');
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(await response.text()).toContain('Development only');
  });

  it('escapes a login hint', async () => {
    const page = await (await fetch(authorizeUrlAt(provider, { login_hint: '"><script>x</script>' }))).text();
    expect(page).not.toContain('<script');
  });
});

describe('development identity provider, login', () => {
  it('makes a person of a typed e-mail address and groups, the same one each time', async () => {
    const typed = { person: 'typed', email: ' Dana@Example.com ', groups: 'a, b' };
    const claims = [];
    for (const email of [typed.email, 'dana@example.com']) {
      const { body } = await redeem(await logIn(authorizeUrlAt(provider), { ...typed, email }));
      claims.push(claimsOf(body));
    }
    expect(claims[0]).toMatchObject({ email: 'dana@example.com', email_verified: true, groups: ['a', 'b'] });
    expect(claims[1]?.['sub']).toBe(claims[0]?.['sub']);
  });

  it('shows the form again when the e-mail address is none, and takes a better one', async () => {
    const page = await openPage(authorizeUrlAt(provider));
    const refused = await submit(page, { person: 'typed', email: 'nobody', groups: '' });
    expect(refused.status).toBe(400);
    expect(await refused.text()).toContain('role="alert"');
    const taken = await submit(page, { person: 'typed', email: 'some@example.com', groups: '' });
    expect(onwardUrl(await taken.text()).searchParams.has('code')).toBe(true);
  });

  it('says access_denied when the person cancels', async () => {
    const answer = await logIn(authorizeUrlAt(provider), { cancel: 'yes' });
    const query = Object.fromEntries(answer.searchParams);
    expect(query).toMatchObject({ error: 'access_denied', state: 'the state', iss: provider.issuer });
  });

  it.each([
    { what: 'another site', status: 403, headers: { origin: 'https://evil.example' } },
    { what: 'no origin', status: 403, headers: { origin: 'null' } },
    { what: 'another port of this host', status: 403, headers: { 'sec-fetch-site': 'same-site' } },
    {
      what: 'another browser',
      status: 400,
      headers: { cookie: `development-login-browser=${'A'.repeat(43)}` },
    },
    { what: 'a browser without the cookie', status: 400, headers: { cookie: '' } },
  ])('refuses a form from $what', async ({ status, headers }) => {
    const response = await submit(
      await openPage(authorizeUrlAt(provider)),
      { person: 'sample-ada' },
      headers,
    );
    expect(response.status).toBe(status);
    expect(await response.text()).not.toContain('code=');
  });

  it('takes each login page once, and for ten minutes', async () => {
    const page = await openPage(authorizeUrlAt(provider));
    await submit(page, { person: 'sample-ada' });
    expect((await submit(page, { person: 'sample-ada' })).status).toBe(400);
    const late = await openPage(authorizeUrlAt(provider));
    elapsed = 600;
    expect((await submit(late, { person: 'sample-ada' })).status).toBe(400);
  });
});

describe('development identity provider, token', () => {
  it.each([
    {
      what: 'another verifier',
      change: { code_verifier: 'w'.repeat(43) },
      status: 400,
      error: 'invalid_grant',
    },
    { what: 'another redirect URI', change: { redirect_uri: 'x' }, status: 400, error: 'invalid_grant' },
    {
      what: 'another grant type',
      change: { grant_type: 'password' },
      status: 400,
      error: 'unsupported_grant_type',
    },
    { what: 'a wrong secret', change: { client_secret: 'x' }, status: 401, error: 'invalid_client' },
    { what: 'another client', change: { client_id: 'x' }, status: 401, error: 'invalid_client' },
  ])('refuses $what', async ({ change, status, error }) => {
    const refused = await redeem(await logIn(authorizeUrlAt(provider), { person: 'sample-ada' }), change);
    expect(refused).toEqual({ status, body: { error } });
  });

  it('redeems a code once', async () => {
    const answer = await logIn(authorizeUrlAt(provider), { person: 'sample-ada' });
    expect((await redeem(answer)).status).toBe(200);
    expect(await redeem(answer)).toEqual({ status: 400, body: { error: 'invalid_grant' } });
  });

  it('forgets a code after sixty seconds', async () => {
    const answer = await logIn(authorizeUrlAt(provider), { person: 'sample-ada' });
    elapsed = 60;
    expect(await redeem(answer)).toEqual({ status: 400, body: { error: 'invalid_grant' } });
  });

  it('refuses two ways of authenticating at once', async () => {
    const answer = await logIn(authorizeUrlAt(provider), { person: 'sample-ada' });
    const basic = Buffer.from('gatehouse:x').toString('base64');
    const refused = await redeem(answer, {}, provider, { authorization: `Basic ${basic}` });
    expect(refused).toEqual({ status: 401, body: { error: 'invalid_client' } });
  });
});

function authorizeUrlAt({ issuer }: DevelopmentIdentityProvider, change: Record<string, string> = {}): URL {
  const url = new URL(`${issuer}/authorize`);
  const parameters = {
    response_type: 'code',
    client_id: client.clientId,
    redirect_uri: redirectUri,
    scope: 'openid email profile',
    state: 'the state',
    nonce: 'the nonce',
    code_challenge: computeCodeChallenge(verifier),
    code_challenge_method: 'S256',
  };
  for (const [name, value] of Object.entries({ ...parameters, ...change })) url.searchParams.set(name, value);
  return url;
}

interface OpenPage {
  readonly issuer: string;
  readonly login: string;
  readonly cookie: string;
}

async function openPage(url: URL): Promise<OpenPage> {
  const response = await fetch(url);
  const login = /name="login" value="([^"]+)"/.exec(await response.text())?.[1] ?? '';
  return { issuer: url.origin, login, cookie: response.headers.getSetCookie()[0]?.split(';')[0] ?? '' };
}

function submit(page: OpenPage, fields: Record<string, string>, headers: Record<string, string> = {}) {
  return fetch(`${page.issuer}/login`, {
    method: 'POST',
    body: new URLSearchParams({ login: page.login, ...fields }),
    headers: { cookie: page.cookie, origin: page.issuer, 'sec-fetch-site': 'same-origin', ...headers },
    redirect: 'manual',
  });
}

async function logIn(url: URL, fields: Record<string, string>): Promise<URL> {
  const response = await submit(await openPage(url), fields);
  expect(response.status).toBe(200);
  return onwardUrl(await response.text());
}

function onwardUrl(page: string): URL {
  return new URL(/content="0; url=([^"]+)"/.exec(page)?.[1]?.replaceAll('&amp;', '&') ?? '');
}

async function redeem(
  answer: URL,
  change: Record<string, string> = {},
  { issuer } = provider,
  headers: Record<string, string> = {},
): Promise<{ status: number; body: Record<string, unknown> }> {
  const form = {
    grant_type: 'authorization_code',
    code: answer.searchParams.get('code') ?? '',
    redirect_uri: redirectUri,
    code_verifier: verifier,
    client_id: client.clientId,
    client_secret: client.clientSecret,
  };
  const body = new URLSearchParams({ ...form, ...change });
  const response = await fetch(`${issuer}/token`, { method: 'POST', body, headers });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

function claimsOf(body: Record<string, unknown>): Record<string, unknown> {
  const payload = String(body['id_token']).split('.')[1] ?? '';
  return JSON.parse(Buffer.from(payload, 'base64url').toString()) as Record<string, unknown>;
}
