import { afterEach, describe, expect, it } from 'vitest';

import { ConfigError } from '../../src/gateway/config/setting.ts';
import { Browser } from '../support/browser.ts';
import {
  authorizeUrl,
  decide,
  obtainCode,
  postForm,
  readForm,
  readInterstitial,
  redeem,
  refresh,
  registerClient,
  signIn,
} from '../support/flow.ts';
import { createTestGatehouse, type TestGatehouse, type TestGatehouseOptions } from '../support/gatehouse.ts';

const open: TestGatehouse[] = [];

afterEach(async () => {
  for (const gatehouse of open.splice(0)) await gatehouse.close();
});

async function createGatehouse(options: TestGatehouseOptions = {}): Promise<TestGatehouse> {
  const gatehouse = await createTestGatehouse(options);
  open.push(gatehouse);
  return gatehouse;
}

function register(gatehouse: TestGatehouse, metadata: Record<string, unknown>): Promise<Response> {
  return gatehouse.fetch('/register', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(metadata),
  });
}

/** Registration refuses each of the URIs, alone and beside a good one, and makes no client of any. */
async function expectUnregistrable(gatehouse: TestGatehouse, uris: readonly string[]): Promise<void> {
  for (const uri of uris) {
    for (const redirectUris of [[uri], ['https://client.example/callback', uri]]) {
      const response = await register(gatehouse, { redirect_uris: redirectUris });
      expect([uri, response.status]).toEqual([uri, 400]);
      expect(await response.json()).toMatchObject({ error: 'invalid_redirect_uri' });
    }
  }
  expect(gatehouse.events.filter(({ type }) => type === 'client_registered')).toEqual([]);
}

/** The authorization endpoint keeps the error to itself, for a script and for a browser, and starts nothing. */
async function expectOwnErrorPage(gatehouse: TestGatehouse, url: string): Promise<void> {
  const browser = new Browser(gatehouse);
  for (const response of [await gatehouse.fetch(url), await browser.get(url)]) {
    expect([url, response.status]).toEqual([url, 400]);
    expect(response.headers.get('location')).toBeNull();
    expect(response.headers.get('refresh')).toBeNull();
    expect(await response.text()).not.toMatch(/evil|href|http-equiv="refresh"/);
  }
  expect(browser.cookies.size).toBe(0);
  expect(gatehouse.identityProvider.startedLogins).toEqual([]);
  expect(gatehouse.events.filter(({ type }) => type === 'authorize_initiated')).toEqual([]);
}

const registered = 'https://client.example/callback';

describe('redirect URIs and open redirects', () => {
  it('22: a redirect URI that is not registered gets an error page, never a redirect', async () => {
    const gatehouse = await createGatehouse();
    const client = await registerClient(gatehouse, { redirect_uris: [registered] });
    const strangers = [
      'https://evil.example/callback',
      'http://localhost/evil',
      'cursor://evil/callback',
      '',
      undefined,
    ];
    for (const redirectUri of strangers) {
      await expectOwnErrorPage(gatehouse, authorizeUrl(gatehouse, client, { redirect_uri: redirectUri }));
    }
    const good = await gatehouse.fetch(authorizeUrl(gatehouse, client));
    expect(good.status).toBe(200);
  });

  it('22: a redirect URI of another client gets an error page', async () => {
    const gatehouse = await createGatehouse();
    const client = await registerClient(gatehouse, { redirect_uris: [registered] });
    await registerClient(gatehouse, { redirect_uris: ['https://evil.example/callback'] });
    const url = authorizeUrl(gatehouse, client, { redirect_uri: 'https://evil.example/callback' });
    await expectOwnErrorPage(gatehouse, url);
  });

  it('23: the list of app schemes is enforced at registration and at authorization', async () => {
    const gatehouse = await createGatehouse({ env: { ALLOWED_REDIRECT_SCHEMES: 'com.example.app' } });
    await expectRefusedAlone(gatehouse, ['cursor://x/callback', 'com.example.app2:/cb', 'com.example:/cb']);
    const client = await registerClient(gatehouse, {
      redirect_uris: ['com.example.app:/cb', 'cursor://evil/cb'],
    });
    await expectOwnErrorPage(
      gatehouse,
      authorizeUrl(gatehouse, client, { redirect_uri: 'cursor://evil/cb' }),
    );
    expect((await gatehouse.fetch(authorizeUrl(gatehouse, client))).status).toBe(200);
  });

  it('23: an app scheme that is disabled later reaches the registrations made before', async () => {
    const before = await createGatehouse({ env: { ALLOWED_REDIRECT_SCHEMES: 'com.example.app' } });
    const web = await registerClient(before, { redirect_uris: [registered, 'com.example.app:/cb'] });
    const signedIn = await signIn(before, {
      client: await registerClient(before, { redirect_uris: ['com.example.app:/cb'] }),
    });
    const after = await createGatehouse({ env: { ALLOWED_REDIRECT_SCHEMES: 'none' } });

    await expectOwnErrorPage(after, authorizeUrl(after, web, { redirect_uri: 'com.example.app:/cb' }));
    await expectOwnErrorPage(after, authorizeUrl(after, signedIn.client));
    const refreshed = await refresh(after, signedIn.client.clientId, signedIn.refreshToken);
    expect([refreshed.status, await refreshed.json()]).toMatchObject([401, { error: 'invalid_client' }]);
    expect((await after.fetch(authorizeUrl(after, web))).status).toBe(200);
  });

  it('24: near misses of a registered URI are refused: equality of bytes, nothing less', async () => {
    const gatehouse = await createGatehouse();
    const client = await registerClient(gatehouse, {
      redirect_uris: [registered, 'http://127.0.0.1/callback'],
    });
    const nearMisses = [
      'https://client.example',
      'https://client.example/',
      'https://client.example/callbac',
      'https://client.example/callback/',
      'https://client.example/callback/evil',
      'https://client.example/callbackevil',
      'https://client.example/callback?',
      'https://client.example/callback?evil',
      'https://client.example/callback;evil',
      'https://client.example/callback#',
      'https://client.example/callback#evil',
      'https://client.example/callback%00',
      'https://client.example/callback%2f',
      'https://client.example/callback/../evil',
      'https://client.example//callback',
      'https://client.example.evil/callback',
      'https://client.example-evil/callback',
      'https://client.example.evil.example/callback',
      'https://evilclient.example/callback',
      'https://evil.client.example/callback',
      'https://client.example:8443/callback',
      'https://client.example:443/callback',
      'https://client.example./callback',
      'https://client.example@evil.example/callback',
      'https://evil.example/callback?https://client.example/callback',
      'https://evil.example/https://client.example/callback',
      'https://evil.example#https://client.example/callback',
      'http://client.example/callback',
      'http://127.0.0.1/callback/',
      'http://127.0.0.1/callback?evil',
      'http://127.0.0.1.evil.example/callback',
      'http://127.0.0.1:80@evil.example/callback',
      'http://127.0.0.2/callback',
      'http://localhost/callback',
      'https://127.0.0.1/callback',
    ];
    for (const redirectUri of nearMisses) {
      await expectOwnErrorPage(gatehouse, authorizeUrl(gatehouse, client, { redirect_uri: redirectUri }));
    }
  });

  it('25: another case of scheme, host, path or escape is another URI', async () => {
    const gatehouse = await createGatehouse();
    const uri = 'https://client.example/call%2Fback';
    const client = await registerClient(gatehouse, { redirect_uris: [uri] });
    const variants = [
      'HTTPS://client.example/call%2Fback',
      'https://Client.example/call%2Fback',
      'https://client.example/Call%2Fback',
      'https://client.example/call%2fback',
      'https://client.example/call/back',
      'https://client.example/call%252Fback',
      'https://client.example/%63all%2Fback',
      'https://cl%69ent.example/call%2Fback',
    ];
    for (const redirectUri of variants) {
      await expectOwnErrorPage(gatehouse, authorizeUrl(gatehouse, client, { redirect_uri: redirectUri }));
    }
    expect((await gatehouse.fetch(authorizeUrl(gatehouse, client))).status).toBe(200);
  });

  it('26: only URIs that every parser reads the same can be registered', async () => {
    await expectUnregistrable(await createGatehouse(), [
      'https://client.example@evil.example/',
      'https://user:password@evil.example/',
      'https://@evil.example/',
      String.raw`https://client.example\@evil.example/`,
      String.raw`https:\\evil.example/`,
      String.raw`https://evil.example\callback`,
      'https:evil.example/callback',
      'https:/evil.example/callback',
      'https:///evil.example/callback',
      '//evil.example/callback',
      '/callback',
      'evil.example/callback',
      ' https://evil.example/callback',
      'https://evil.example/callback ',
      '\thttps://evil.example/callback',
      'https://evil\t.example/callback',
      'ht\ntps://evil.example/callback',
      'https://evil.example/call\r\nback',
      'https://evil.example/\0',
      'https://ev\u00adil.example/callback',
      'https://evil\uff0eexample/callback',
      'https://evil\u3002example/callback',
      'https://\u24d4vil.example/callback',
      'https://b\u00fccher.example/callback',
      'HTTPS://evil.example/callback',
      'https://EVIL.example/callback',
      'https://evil.example:443/callback',
      'https://evil.example:/callback',
      'https://evil.example/a/../callback',
      'https://evil.example/%2e%2e/callback',
      'https://evil%2eexample/callback',
      'https://0xc0.0.2.1/callback',
      'https://3221225985/callback',
      'https://evil.example/%zz',
      'https://evil.example:99999/callback',
      'https://[::1/callback',
      '',
    ]);
  });

  it('28: a registered query may not hold a name of the response, and is matched and kept byte for byte', async () => {
    const gatehouse = await createGatehouse();
    await expectUnregistrable(
      gatehouse,
      ['code=x', 'a=1&state=x', 'iss', 'error=x', 'error_description=x', '%63ode=x', 'response=x'].map(
        (query) => `${registered}?${query}`,
      ),
    );
    const uri = 'https://client.example/callback?tenant=%2fa&x';
    const client = await registerClient(gatehouse, { redirect_uris: [uri] });
    for (const redirectUri of [
      `${uri}&code=evil`,
      `${uri}&`,
      registered,
      `${uri}=`,
      uri.replace('%2f', '%2F'),
    ]) {
      await expectOwnErrorPage(gatehouse, authorizeUrl(gatehouse, client, { redirect_uri: redirectUri }));
    }
    const state = 'x&code=evil&iss=https://evil.example&state=evil';
    const browser = new Browser(gatehouse);
    const page = await browser.get(authorizeUrl(gatehouse, client, { state }));
    const denial = await decide(browser, page, 'deny');
    for (const location of [denial, await locationOfCode(gatehouse, client, state)]) {
      expect(location.startsWith(`${uri}&`)).toBe(true);
      const names = [...new URL(location).searchParams.keys()];
      expect(new Set(names).size).toBe(names.length);
      expect(new URL(location).searchParams.get('state')).toBe(state);
      expect(new URL(location).searchParams.get('iss')).toBe(gatehouse.publicUrl);
    }
  });

  it('29: a URI with a fragment, even an empty one, cannot be registered; an escaped # is no fragment', async () => {
    const gatehouse = await createGatehouse();
    await expectUnregistrable(gatehouse, [
      `${registered}#`,
      `${registered}#x`,
      'http://localhost/#',
      'cursor://x/cb#x',
    ]);
    const client = await registerClient(gatehouse, { redirect_uris: ['https://client.example/%23'] });
    const location = await locationOfCode(gatehouse, client, 's');
    expect(location.startsWith('https://client.example/%23?code=')).toBe(true);
  });

  it('30: schemes that run code or leave the browser are refused, also when the operator lists them', async () => {
    const dangerous = [
      'javascript:alert(1)',
      'javascript://client.example/%0aalert(1)',
      'JavaScript:alert(1)',
      ' javascript:alert(1)',
      'java\nscript:alert(1)',
      'data:text/html,<script>alert(1)</script>',
      'data:text/html;base64,PHNjcmlwdD4=',
      'vbscript:x',
      'file:///etc/passwd',
      'blob:https://client.example/x',
      'filesystem:https://client.example/x',
      'view-source:https://client.example/',
      'about:blank',
      'intent://x/callback',
      'ws://client.example/',
      'wss://client.example/',
      'ftp://client.example/',
      'mailto:x@client.example',
      'tel:1',
      'chrome-extension://x/callback',
      'urn:ietf:wg:oauth:2.0:oob',
    ];
    await expectUnregistrable(await createGatehouse(), dangerous);
    for (const scheme of [
      'javascript',
      'data',
      'vbscript',
      'file',
      'blob',
      'view-source',
      'intent',
      'http',
      'https',
    ]) {
      await expect(
        createGatehouse({ env: { ALLOWED_REDIRECT_SCHEMES: `cursor,${scheme}` } }),
      ).rejects.toThrow(ConfigError);
    }
  });

  it('31: an app scheme is refused unless it is enabled, and then shown as an app on this device', async () => {
    const gatehouse = await createGatehouse({ env: { ALLOWED_REDIRECT_SCHEMES: 'com.example.app' } });
    await expectRefusedAlone(gatehouse, [
      'myapp:/cb',
      'com.example:/cb',
      'cursor://x/cb',
      'com.example.app.evil:/cb',
    ]);
    const client = await registerClient(gatehouse, { redirect_uris: ['com.example.app:/cb'] });
    const page = await new Browser(gatehouse).get(authorizeUrl(gatehouse, client));
    expect(page.status).toBe(200);
    expect(await page.text()).toMatch(/application on this device opens <strong>com\.example\.app:/);
  });

  it('32: plain http is for 127.0.0.1, [::1] and localhost, in that one spelling', async () => {
    const gatehouse = await createGatehouse();
    const hosts = [
      'client.example',
      '127.1',
      '127.0.0.2',
      '127.0.0.1.',
      '127.0.0.01',
      '0177.0.0.1',
      '2130706433',
      '0x7f.1',
      '0x7f000001',
      '[::ffff:127.0.0.1]',
      '[::ffff:7f00:1]',
      '[0:0:0:0:0:0:0:1]',
      '[::]',
      '0.0.0.0',
      'localhost.',
      'LOCALHOST',
      'x.localhost',
      'localhost.localdomain',
      'localtest.me',
      'localhost.evil.example',
      'ⓛocalhost',
      '127。0。0。1',
      '192.168.0.1',
    ];
    await expectUnregistrable(
      gatehouse,
      hosts.map((host) => `http://${host}/callback`),
    );
    for (const host of ['127.0.0.1', '[::1]', 'localhost']) {
      expect((await register(gatehouse, { redirect_uris: [`http://${host}/callback`] })).status).toBe(201);
    }
  });

  it('34: a web client cannot register a loopback or app URI; a native one may register https', async () => {
    const gatehouse = await createGatehouse();
    for (const uri of ['http://localhost/cb', 'http://127.0.0.1:1/cb', 'http://[::1]/cb', 'cursor://x/cb']) {
      const refused = await register(gatehouse, {
        redirect_uris: [registered, uri],
        application_type: 'web',
      });
      expect(refused.status).toBe(400);
      expect(await refused.json()).toMatchObject({ error: 'invalid_redirect_uri' });
      const native = await register(gatehouse, {
        redirect_uris: [registered, uri],
        application_type: 'native',
      });
      expect(native.status).toBe(201);
    }
  });

  it('35: a code is bound to its redirect URI, byte for byte, port and all', async () => {
    const gatehouse = await createGatehouse();
    const uri = 'http://localhost:8787/callback';
    const client = await registerClient(gatehouse, { redirect_uris: [uri] });
    const changes = [
      'http://localhost:8788/callback',
      'http://localhost/callback',
      'http://LOCALHOST:8787/callback',
    ];
    for (const redirectUri of [...changes, `${uri}/`, `${uri}?`, 'https://evil.example/', '']) {
      const signedIn = await obtainCode(gatehouse, { client });
      const refused = await redeem(gatehouse, { ...signedIn, redirectUri });
      const body = (await refused.json()) as Record<string, unknown>;
      expect([redirectUri, refused.status]).toEqual([redirectUri, 400]);
      expect(body['error']).toBe(redirectUri === '' ? 'invalid_request' : 'invalid_grant');
      expect(body['access_token']).toBeUndefined();
    }
    expect(gatehouse.events.filter(({ type }) => type === 'tokens_issued')).toEqual([]);
  });

  it('36: an error sends a browser to a web address only after a person has acted', async () => {
    const gatehouse = await createGatehouse();
    const web = await registerClient(gatehouse, { redirect_uris: ['https://evil.example/callback'] });
    const native = await registerClient(gatehouse, { redirect_uris: ['http://localhost:1234/callback'] });
    const mistakes: ReadonlyArray<readonly [string, Record<string, string | undefined>]> = [
      ['unsupported_response_type', { response_type: 'token' }],
      ['invalid_request', { code_challenge: undefined }],
      ['invalid_request', { code_challenge_method: 'plain' }],
      ['invalid_target', { resource: 'https://other.example/mcp' }],
      ['invalid_scope', { scope: 'a"b' }],
    ];
    for (const [error, overrides] of mistakes) {
      const page = await new Browser(gatehouse).get(authorizeUrl(gatehouse, web, overrides));
      expect([error, page.status, page.headers.get('location')]).toEqual([error, 400, null]);
      const text = await page.text();
      expect(text).not.toMatch(/http-equiv="refresh"|<script/i);
      expect(text).toContain('href="https://evil.example/callback?');

      const script = await gatehouse.fetch(authorizeUrl(gatehouse, web, overrides));
      const loopback = await new Browser(gatehouse).get(authorizeUrl(gatehouse, native, overrides));
      for (const response of [script, loopback]) {
        expect(response.status).toBe(302);
        const location = new URL(response.headers.get('location') ?? '');
        expect(location.searchParams.get('error')).toBe(error);
        expect(location.searchParams.get('iss')).toBe(gatehouse.publicUrl);
        expect(location.searchParams.get('state')).toBe('client-state');
        expect(location.searchParams.has('code')).toBe(false);
      }
    }
    expect(gatehouse.identityProvider.startedLogins).toEqual([]);
  });

  it('37: no endpoint takes a target to return to', async () => {
    const gatehouse = await createGatehouse();
    const evil = 'https://evil.example/';
    const names = [
      'return_to',
      'returnTo',
      'next',
      'rd',
      'redirect',
      'redirect_url',
      'continue',
      'post_logout_redirect_uri',
    ];
    const query = new URLSearchParams(names.map((name): [string, string] => [name, evil])).toString();
    const client = await registerClient(gatehouse, { redirect_uris: [registered] });
    const authorize = `${authorizeUrl(gatehouse, client)}&${query}`;
    const browser = new Browser(gatehouse);
    const consent = await browser.get(authorize);
    const html = await consent.clone().text();
    const form = readForm(html);
    const answers = [
      consent,
      await browser.get(`/authorize?${query}`),
      await browser.get(`/callback?${query}`),
      await browser.get(`/?${query}`),
      await browser.get(`/logout?${query}`),
      await browser.post(`/consent?${query}`, {
        consent_token: form['consent_token'] ?? '',
        action: 'approve',
      }),
      await postForm(gatehouse, `/token?${query}`, { grant_type: 'authorization_code' }),
      await postForm(gatehouse, '/token', { grant_type: 'authorization_code', next: evil, rd: evil }),
      await gatehouse.fetch(`/register?${query}`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ redirect_uris: [registered], return_to: evil, next: evil }),
      }),
      await gatehouse.fetch(`/.well-known/oauth-authorization-server?${query}`),
      await gatehouse.fetch(`/.well-known/oauth-protected-resource${gatehouse.mount}?${query}`),
    ];
    for (const answer of answers) {
      expect(answer.headers.get('location')).toBeNull();
      expect(answer.headers.get('refresh')).toBeNull();
      expect(await answer.text()).not.toContain('evil.example');
    }
    const location = await locationOfCode(
      gatehouse,
      client,
      's',
      Object.fromEntries(new URLSearchParams(query)),
    );
    expect(location.startsWith(`${registered}?code=`)).toBe(true);
  });

  it('38: no answer to a POST makes the browser post its body on', async () => {
    const gatehouse = await createGatehouse();
    const client = await registerClient(gatehouse, { redirect_uris: [registered] });
    for (const action of ['approve', 'deny']) {
      const browser = new Browser(gatehouse);
      const form = readForm(await (await browser.get(authorizeUrl(gatehouse, client))).text());
      const consentToken = form['consent_token'] ?? '';
      const answer = await browser.post('/consent', { consent_token: consentToken, action });
      expect([200, 303]).toContain(answer.status);
      const html = await answer.text();
      expect(html).not.toMatch(/<form/i);
      expect(readInterstitial(html)).not.toContain(consentToken);
    }
    const query = new URL(authorizeUrl(gatehouse, client, { response_type: 'token' })).searchParams;
    const refused = await postForm(gatehouse, '/authorize', Object.fromEntries(query));
    expect(refused.status).toBe(303);
  });
});

/** A scheme that is merely not enabled: refused alone, left out beside a good one. */
async function expectRefusedAlone(gatehouse: TestGatehouse, uris: readonly string[]): Promise<void> {
  for (const uri of uris) {
    const alone = await register(gatehouse, { redirect_uris: [uri] });
    expect([uri, alone.status]).toEqual([uri, 400]);
    expect(await alone.json()).toMatchObject({ error: 'invalid_redirect_uri' });
    const beside = (await (await register(gatehouse, { redirect_uris: [registered, uri] })).json()) as {
      redirect_uris: string[];
      redirect_uris_refused: { redirect_uri: string }[];
    };
    expect(beside.redirect_uris).toEqual([registered]);
    expect(beside.redirect_uris_refused).toMatchObject([{ redirect_uri: uri }]);
  }
}

/** Where the callback sends a browser that went the whole way. */
async function locationOfCode(
  gatehouse: TestGatehouse,
  client: { readonly clientId: string; readonly redirectUri: string },
  state: string,
  more: Record<string, string> = {},
): Promise<string> {
  const browser = new Browser(gatehouse);
  const page = await browser.get(authorizeUrl(gatehouse, client, { state, ...more }));
  const login = new URL(await decide(browser, page));
  const query = new URLSearchParams({ code: 'idp-code', state: login.searchParams.get('state') ?? '' });
  const answer = await browser.get(`/callback?${query.toString()}`);
  return answer.headers.get('location') ?? '';
}
