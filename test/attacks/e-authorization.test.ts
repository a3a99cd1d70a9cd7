import { request as httpRequest } from 'node:http';

import { afterEach, describe, expect, it } from 'vitest';

import { createGuardedFetch } from '../../src/platform/outbound/guarded-fetch.ts';
import { createOpenIdProvider } from '../../src/services/identity/openid-provider.ts';
import { Browser } from '../support/browser.ts';
import {
  authorizeUrl,
  decide,
  defaultRedirectUri,
  obtainCode,
  postForm,
  redeem,
  registerClient,
} from '../support/flow.ts';
import { createTestGatehouse, type TestGatehouse } from '../support/gatehouse.ts';
import { TestOpenIdProvider } from '../support/openid-provider.ts';

const closers: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

async function open(metadata: Record<string, unknown> = {}) {
  const gatehouse = await createTestGatehouse();
  closers.push(() => gatehouse.close());
  const client = await registerClient(gatehouse, metadata);
  return { gatehouse, client, browser: new Browser(gatehouse) };
}

/** What the client is told, when it is told. */
async function redirectedError(response: Response): Promise<Record<string, string>> {
  expect([302, 303]).toContain(response.status);
  const location = new URL(response.headers.get('location') ?? '');
  expect(location.origin + location.pathname).toBe(defaultRedirectUri);
  return Object.fromEntries(location.searchParams);
}

function expectLocalPage(response: Response): void {
  expect(response.status).toBe(400);
  expect(response.headers.get('location')).toBeNull();
  expect(response.headers.getSetCookie()).toEqual([]);
}

function expectNothingStarted(gatehouse: TestGatehouse): void {
  expect(gatehouse.identityProvider.startedLogins).toEqual([]);
  expect(gatehouse.events.map((event) => event.type)).not.toContain('authorize_initiated');
}

/** Has logins go to a real OpenID provider, through what talks to one in production. */
async function connectOpenIdProvider(gatehouse: TestGatehouse): Promise<TestOpenIdProvider> {
  const { clock, identityProvider, publicUrl } = gatehouse;
  const remote = await TestOpenIdProvider.start(clock);
  const provider = createOpenIdProvider({
    config: {
      issuer: remote.issuer,
      clientId: remote.clientId,
      clientSecret: remote.clientSecret,
      scopes: ['openid'],
      allowInsecureHttp: true,
      groupsClaim: 'groups',
      trustUnverifiedEmail: false,
      exchangeRatePerSecond: undefined,
      exchangeBurst: 1,
    },
    allowedGroups: [],
    redirectUri: `${publicUrl}/callback`,
    fetch: createGuardedFetch({ totalTimeoutMs: 5_000, maxBytes: 64 * 1024, userAgent: 'gatehouse/test' }),
    clock,
    emit: () => undefined,
    onDiscoveryFailure: () => undefined,
  });
  identityProvider.startLogin = (request) => provider.startLogin(request);
  identityProvider.finishLogin = (answer) => provider.finishLogin(answer);
  closers.push(async () => {
    provider.close();
    await remote.close();
  });
  return remote;
}

/** A request over a real socket, with the headers exactly as given. */
async function send(
  gatehouse: TestGatehouse,
  method: string,
  path: string,
  headers: Record<string, string> = {},
): Promise<{
  readonly status: number;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly body: string;
}> {
  const { publicPort } = await gatehouse.listen();
  return await new Promise((resolve, reject) => {
    const outgoing = httpRequest(
      { host: '127.0.0.1', port: publicPort, method, path, headers },
      (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
        incoming.on('end', () => {
          const body = Buffer.concat(chunks).toString();
          resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body });
        });
      },
    );
    outgoing.on('error', reject);
    outgoing.end();
  });
}

describe('E. authorization endpoint', () => {
  it('66: a parameter that comes twice is refused on a page, wherever it comes', async () => {
    const { gatehouse, client, browser } = await open();
    const url = authorizeUrl(gatehouse, client, { scope: 'a' });
    const query = new URL(url).search.slice(1);
    for (const name of [
      'client_id',
      'redirect_uri',
      'state',
      'scope',
      'code_challenge',
      'response_type',
      'prompt=x&prompt',
    ]) {
      const twice = `${query}&${name}=https%3A%2F%2Fattacker.example%2F`;

      expectLocalPage(await browser.get(`/authorize?${twice}`));
      expectLocalPage(await browser.post('/authorize', new URLSearchParams(twice)));
    }
    expectLocalPage(await browser.get(`${url}&%63lient_id=x`));
    expectLocalPage(await browser.get(`${url}&resource=a%26b&%73tate=x`));
    const form = new URLSearchParams(query);
    expectLocalPage(await browser.post('/authorize?state=x', form));
    expectLocalPage(await browser.post(`/authorize?${query}`, {}));
    expectNothingStarted(gatehouse);
    // Unchanged, each of the two ways works.
    expect((await browser.get(url)).status).toBe(200);
    const byQuery = await browser.post('/authorize', form);
    expect(byQuery.status).toBe(303);
    expect((await browser.get(byQuery.headers.get('location') ?? '')).status).toBe(200);
  });

  it.each([
    [{ code_challenge: undefined, code_challenge_method: undefined }],
    [{ code_challenge: undefined }],
    [{ code_challenge: '' }],
    [{ code_challenge_method: undefined }],
    [{ code_challenge_method: '' }],
    [{ code_challenge_method: 'plain' }],
    [{ code_challenge_method: 's256' }],
    [{ code_challenge_method: 'S512' }],
    [{ code_challenge: 'a'.repeat(42) }],
    [{ code_challenge: 'a'.repeat(44) }],
    [{ code_challenge: 'a'.repeat(129) }],
    [{ code_challenge: `${'a'.repeat(42)}=` }],
    [{ code_challenge: `${'a'.repeat(41)}+/` }],
  ])('67: PKCE with %o is refused', async (overrides) => {
    const { gatehouse, client } = await open();

    const refusal = await redirectedError(await gatehouse.fetch(authorizeUrl(gatehouse, client, overrides)));

    expect(refusal).toMatchObject({
      error: 'invalid_request',
      state: 'client-state',
      iss: gatehouse.publicUrl,
    });
    expectNothingStarted(gatehouse);
  });

  it.each([
    ['response_type', 'token', 'unsupported_response_type'],
    ['response_type', 'code token', 'unsupported_response_type'],
    ['response_type', 'id_token', 'unsupported_response_type'],
    ['response_type', 'none', 'unsupported_response_type'],
    ['response_type', undefined, 'invalid_request'],
    ['response_mode', 'fragment', 'invalid_request'],
    ['response_mode', 'form_post', 'invalid_request'],
    ['response_mode', 'web_message', 'invalid_request'],
    ['response_mode', 'query.jwt', 'invalid_request'],
  ])('68: %s=%s is refused', async (name, value, error) => {
    const { gatehouse, client } = await open();

    const refusal = await redirectedError(
      await gatehouse.fetch(authorizeUrl(gatehouse, client, { [name]: value })),
    );

    expect(refusal).toMatchObject({ error, state: 'client-state' });
    expect(refusal).not.toHaveProperty('code');
    expectNothingStarted(gatehouse);
  });

  // Pushed authorization requests are not offered. In its place: a request_uri pushes nothing in.
  it('70: a request_uri or request object adds nothing to the request', async () => {
    const { gatehouse, client, browser } = await open();
    const url = new URL('/authorize', gatehouse.publicUrl);
    url.searchParams.set('client_id', client.clientId);
    url.searchParams.set('request_uri', 'urn:ietf:params:oauth:request_uri:x');

    expectLocalPage(await browser.get(url.href));
    const object = `e30.${Buffer.from('{"redirect_uri":"https://attacker.example/"}').toString('base64url')}.`;
    const page = await browser.get(authorizeUrl(gatehouse, client, { request: object }));
    expect(await page.text()).not.toContain('attacker.example');
  });

  it('71: prompt=none never issues, and no prompt skips the question', async () => {
    const { gatehouse, client, browser } = await open();
    await obtainCode(gatehouse, { client, browser });
    const before = gatehouse.identityProvider.startedLogins.length;
    for (const [prompt, error] of [
      ['none', 'consent_required'],
      ['none login', 'invalid_request'],
      ['login none', 'invalid_request'],
    ]) {
      const url = authorizeUrl(gatehouse, client, { prompt });

      const answer = await gatehouse.fetch(url, { headers: { Cookie: browser.cookieHeader() } });

      expect(await redirectedError(answer)).toMatchObject({
        error,
        state: 'client-state',
      });
      expect(answer.headers.getSetCookie()).toEqual([]);
    }
    for (const overrides of [
      { prompt: 'login' },
      { prompt: 'consent' },
      { max_age: '0' },
      { login_hint: 'bob' },
    ]) {
      const page = await browser.get(authorizeUrl(gatehouse, client, overrides));

      expect(page.status).toBe(200);
      expect(await page.text()).toContain('consent_token');
    }
    expect(gatehouse.identityProvider.startedLogins).toHaveLength(before);
  });

  it.each([
    [{ prompt: 'login' }, { prompt: 'login', max_age: '0' }],
    [
      { prompt: 'login consent', max_age: '3600' },
      { prompt: 'login', max_age: '0' },
    ],
    [{ max_age: '0' }, { max_age: '0' }],
    [{ max_age: '300' }, { max_age: '300' }],
  ])('71: %o reaches the identity provider, and its answer is held to it', async (overrides, expected) => {
    const { gatehouse, client, browser } = await open();
    const remote = await connectOpenIdProvider(gatehouse);
    const hourAgo = gatehouse.clock.nowSeconds() - 3_600;
    const logIn = async (change: (login: URL) => void = () => undefined) => {
      const page = await browser.get(authorizeUrl(gatehouse, client, overrides));
      const login = new URL(await decide(browser, page));
      const { prompt, max_age } = Object.fromEntries(login.searchParams);
      expect({ prompt, max_age }).toEqual({ prompt: undefined, ...expected });
      change(login);
      remote.authenticatedAt = hourAgo;
      return await browser.get(`/callback?${(await remote.logIn(login)).toString()}`);
    };
    const strip = (login: URL) => {
      for (const name of ['prompt', 'max_age']) login.searchParams.delete(name);
    };

    // Whoever sits at an unlocked machine can take the demand out of the address.
    const stripped = await redirectedError(await logIn(strip));
    expect(remote.authenticatedAt).toBe(hourAgo);
    // A provider that does not heed it.
    remote.misbehaviour = { ignoresReauthentication: true };
    const unheeded = await redirectedError(await logIn());
    remote.misbehaviour = { claims: { auth_time: undefined } };
    const unsaid = await redirectedError(await logIn());
    for (const refusal of [stripped, unheeded, unsaid]) {
      expect(refusal).toMatchObject({ error: 'access_denied', state: 'client-state' });
      expect(refusal).not.toHaveProperty('code');
    }
    expect(gatehouse.events.map((event) => event.type)).not.toContain('login_succeeded');
    expect(gatehouse.events.filter((event) => event.type === 'request_refused')).toMatchObject(
      ['login_time_unsaid', 'login_too_old', 'login_time_unsaid'].map((reason) => ({ reason })),
    );

    remote.misbehaviour = {};
    expect(await redirectedError(await logIn())).toHaveProperty('code');
    expect(remote.authenticatedAt).toBe(gatehouse.clock.nowSeconds());
  });

  it('71: a demand that is not understood or said twice is refused, not dropped', async () => {
    const { gatehouse, client } = await open();
    for (const max_age of ['-1', '1.5', 'now', '12345678901']) {
      const answer = await gatehouse.fetch(authorizeUrl(gatehouse, client, { max_age }));

      expect(await redirectedError(answer)).toMatchObject({ error: 'invalid_request' });
    }
    for (const twice of ['prompt=login&prompt=login', 'prompt=login&prompt=', 'max_age=0&max_age=9']) {
      expectLocalPage(await gatehouse.fetch(`${authorizeUrl(gatehouse, client)}&${twice}`));
    }
    expectNothingStarted(gatehouse);
  });

  // One mount per gatehouse, so there is no other to carry a token to: what is asked for elsewhere is refused.
  it('72: a resource is ours, in any spelling of it, or the target is invalid', async () => {
    const { gatehouse, client, browser } = await open();
    for (const resource of [
      'https://other.test/mcp',
      `${gatehouse.publicUrl}/other`,
      `${gatehouse.resource}x`,
      `${gatehouse.resource}/../x`,
      `${gatehouse.resource}?a=1`,
      `${gatehouse.resource}#x`,
      gatehouse.resource.replace('https:', 'http:'),
      gatehouse.resource.replace('gatehouse.test', 'gatehouse.test:8443'),
      gatehouse.resource.replace('https://', 'https://user@'),
      '/mcp',
      'urn:x',
    ]) {
      const answer = await gatehouse.fetch(authorizeUrl(gatehouse, client, { resource }));

      expect(await redirectedError(answer), resource).toMatchObject({ error: 'invalid_target' });
    }
    const mixed = `${authorizeUrl(gatehouse, client)}&resource=https%3A%2F%2Fother.test`;
    expect(await redirectedError(await gatehouse.fetch(mixed))).toMatchObject({ error: 'invalid_target' });
    expectNothingStarted(gatehouse);
    for (const resource of [
      undefined,
      gatehouse.resource,
      `${gatehouse.resource}/`,
      gatehouse.publicUrl,
      'HTTPS://GATEHOUSE.TEST/mcp',
      'https://gatehouse.test:443/mcp',
    ]) {
      const page = await browser.get(authorizeUrl(gatehouse, client, { resource }));

      expect(await page.text(), resource).toContain(`<code>${gatehouse.resource}</code>`);
    }
  });

  it('73: no scope can be asked into being', async () => {
    const { gatehouse, client, browser } = await open();
    for (const scope of ['a\tb', 'a\u0000b', 'a"b', 'a\\b', 'ä', 's '.repeat(10_000)]) {
      const answer = await gatehouse.fetch(authorizeUrl(gatehouse, client, { scope }));

      expect(await redirectedError(answer)).toMatchObject({ error: 'invalid_scope' });
    }
    expectNothingStarted(gatehouse);
    const asked = { scope: 'admin offline_access openid' };
    const page = await browser.get(authorizeUrl(gatehouse, client, asked));
    const text = await page.text();
    expect(text).toContain('No scopes');
    expect(text).not.toContain('admin');
    const signedIn = await obtainCode(gatehouse, { client, browser, overrides: asked });
    const tokens = (await (await redeem(gatehouse, signedIn)).json()) as { scope?: string };
    // What is left asks for a refresh token, which is given anyway, and opens nothing.
    expect(tokens.scope).toBe('offline_access');
  });

  it.each([
    ['8 kB', 'x'.repeat(8192)],
    ['line breaks', 'a\r\nSet-Cookie: stolen=1'],
    ['a NUL', 'a\0b'],
    ['control characters', '\u0001\u007f\u009f'],
  ])('74: a state of %s is refused and returned nowhere', async (_what, state) => {
    const { gatehouse, client } = await open();

    const answer = await gatehouse.fetch(authorizeUrl(gatehouse, client, { state }));

    const refusal = await redirectedError(answer);
    expect(refusal).toMatchObject({ error: 'invalid_request' });
    expect(refusal).not.toHaveProperty('state');
    expect(answer.headers.getSetCookie()).toEqual([]);
    expect(gatehouse.logged()).not.toContain('stolen=1');
    expectNothingStarted(gatehouse);
  });

  it.each(['x'.repeat(1024), '🙂'.repeat(256), ' a+b%20&c=d#e?"<>\\;', 'é\u202eü'])(
    '74: the state %j comes back as it was, by a provider URL below 4 kB',
    async (state) => {
      const { gatehouse, client, browser } = await open();

      const login = new URL(
        await decide(browser, await browser.get(authorizeUrl(gatehouse, client, { state }))),
      );
      const query = new URLSearchParams({
        code: 'c',
        state: login.searchParams.get('state') ?? '',
      }).toString();
      const answer = await browser.get(`/callback?${query}`);

      expect(login.href.length).toBeLessThan(4096);
      const location = answer.headers.get('location') ?? '';
      expect(location).toMatch(/^[\x21-\x7e]+$/);
      expect(new URL(location).searchParams.getAll('state')).toEqual([state]);
    },
  );

  it('76: pages are not readable from other origins', async () => {
    const { gatehouse, client } = await open();
    const headers = { Origin: 'https://attacker.example' };
    const answers = [
      await gatehouse.fetch(authorizeUrl(gatehouse, client), { headers }),
      await gatehouse.fetch('/authorize', { headers }),
      await gatehouse.fetch('/callback?code=a&state=b', { headers }),
      await postForm(gatehouse, '/consent', { consent_token: 'x', action: 'approve' }, headers),
      await gatehouse.fetch('/authorize', { method: 'OPTIONS', headers }),
      await gatehouse.fetch('/consent', { method: 'OPTIONS', headers }),
      await gatehouse.fetch('/callback', { method: 'OPTIONS', headers }),
    ];

    for (const answer of answers) {
      const names = [...answer.headers.keys()];
      expect(names.filter((name) => name.startsWith('access-control-'))).toEqual([]);
    }
  });

  it('77: methods that an endpoint does not take are refused by name', async () => {
    const { gatehouse, client } = await open();
    const authorize = new URL(authorizeUrl(gatehouse, client));
    const endpoints: readonly (readonly [string, string, readonly string[]])[] = [
      [
        authorize.pathname + authorize.search,
        'GET, POST',
        ['HEAD', 'OPTIONS', 'PUT', 'DELETE', 'PATCH', 'QUERY', 'TRACE'],
      ],
      ['/consent', 'POST', ['GET', 'HEAD', 'OPTIONS', 'PUT', 'TRACE']],
      ['/callback?code=a&state=b', 'GET', ['POST', 'HEAD', 'OPTIONS', 'PUT', 'TRACE']],
    ];
    for (const [path, allow, methods] of endpoints) {
      for (const method of methods) {
        const answer = await send(gatehouse, method, path, { Host: 'gatehouse.test' });

        expect([method, path, answer.status, answer.headers['allow']]).toEqual([method, path, 405, allow]);
        expect(answer.headers['set-cookie']).toBeUndefined();
      }
    }
    expectNothingStarted(gatehouse);
  });

  it('78: every answer to the client names the issuer once, as the metadata does', async () => {
    const { gatehouse, client, browser } = await open();
    const metadata = await gatehouse.fetch('/.well-known/oauth-authorization-server');
    const { issuer } = (await metadata.json()) as { issuer: string };
    const locations: (string | null)[] = [];
    for (const overrides of [
      { response_type: 'x' },
      { code_challenge: 'x' },
      { prompt: 'none' },
      { resource: 'x' },
    ]) {
      const answer = await gatehouse.fetch(authorizeUrl(gatehouse, client, overrides));
      locations.push(answer.headers.get('location'));
    }
    locations.push(await decide(browser, await browser.get(authorizeUrl(gatehouse, client)), 'deny'));
    for (const query of ['code=c', 'error=access_denied']) {
      const login = new URL(await decide(browser, await browser.get(authorizeUrl(gatehouse, client))));
      const state = encodeURIComponent(login.searchParams.get('state') ?? '');
      const answer = await browser.get(`/callback?${query}&state=${state}`);
      locations.push(answer.headers.get('location'));
    }

    expect(locations).toHaveLength(7);
    for (const location of locations) {
      expect(new URL(location ?? '').searchParams.getAll('iss')).toEqual([issuer]);
    }
  });

  it.each(['iss', 'code', 'state', 'error'])(
    '78: a redirect URI that carries its own %s does not register',
    async (name) => {
      const { gatehouse } = await open();
      const attempt = registerClient(gatehouse, { redirect_uris: [`${defaultRedirectUri}?${name}=x`] });

      await expect(attempt).rejects.toThrow('invalid_redirect_uri');
    },
  );

  it('79: metadata comes from the configured URL, whatever the request claims', async () => {
    const { gatehouse } = await open();
    const path = '/.well-known/oauth-authorization-server';
    const expected = await (await gatehouse.fetch(path)).text();
    for (const headers of [
      { Host: 'attacker.example' },
      { Host: 'gatehouse.test', 'X-Forwarded-Host': 'attacker.example' },
      { Host: 'gatehouse.test', 'X-Forwarded-Proto': 'http', 'X-Forwarded-Port': '8080' },
      { Host: 'gatehouse.test', Forwarded: 'host=attacker.example;proto=http' },
    ]) {
      const answer = await send(gatehouse, 'GET', path, headers);

      if (answer.status === 200) expect(answer.body).toBe(expected);
      expect(answer.body).not.toContain('attacker.example');
    }
    for (const suffix of ['/x', '/mcp/x', '/../x', '/%6dcp', '//mcp']) {
      const answer = await send(gatehouse, 'GET', `${path}${suffix}`, { Host: 'gatehouse.test' });

      expect([400, 404], suffix).toContain(answer.status);
      expect(answer.body).not.toContain('authorization_endpoint');
    }
  });
});
