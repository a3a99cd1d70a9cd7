import { afterEach, describe, expect, it } from 'vitest';

import { callMount, startAnsweringUpstream } from '../support/answering-upstream.ts';
import { Browser } from '../support/browser.ts';
import {
  authorizeUrl,
  decide,
  obtainCode,
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

const registered = 'https://client.example/callback';

interface Sent {
  readonly body?: string | Uint8Array<ArrayBuffer>;
  readonly type?: string | null;
  readonly address?: string;
}

/** Past the harness's own fetch where a case needs another peer address. */
function post(gatehouse: TestGatehouse, sent: Sent = {}): Promise<Response> {
  const headers = new Headers();
  const request = new Request(`${gatehouse.publicUrl}/register`, {
    method: 'POST',
    headers,
    body: sent.body ?? JSON.stringify({ redirect_uris: [registered] }),
  });
  request.headers.delete('content-type');
  const type = sent.type === undefined ? 'application/json' : sent.type;
  if (type !== null) request.headers.set('content-type', type);
  const context = { requestId: 'test-request', clientAddress: sent.address ?? '192.0.2.1' };
  return gatehouse.gateway.fetch(request, context);
}

function countRegistered(gatehouse: TestGatehouse): number {
  return gatehouse.events.filter(({ type }) => type === 'client_registered').length;
}

describe('dynamic registration', () => {
  it('41: a flood of registrations stores nothing', async () => {
    const gatehouse = await createGatehouse();
    const ids = new Set<string>();
    for (let at = 0; at < 2000; at += 1) {
      const response = await post(gatehouse, { address: `198.51.100.${at % 250}` });
      ids.add(((await response.json()) as { client_id: string }).client_id);
    }
    expect(ids.size).toBe(2000);
    expect((await gatehouse.store.list('', { cursor: '', limit: 10 })).records).toEqual([]);
  });

  it('41: one address cannot register without end', async () => {
    const gatehouse = await createGatehouse({ env: { RATE_LIMIT_ENABLED: undefined } });
    const statuses: number[] = [];
    for (let at = 0; at < 40; at += 1) statuses.push((await post(gatehouse)).status);
    expect(statuses[0]).toBe(201);
    expect(statuses.at(-1)).toBe(429);
    const refused = await post(gatehouse);
    expect(refused.headers.get('retry-after')).toMatch(/^\d+$/);
    expect(await refused.json()).toMatchObject({ error: 'temporarily_unavailable' });
    expect(countRegistered(gatehouse)).toBe(statuses.filter((status) => status === 201).length);
  });

  it('42: a flood from one address costs neither other addresses nor clients that are registered', async () => {
    const gatehouse = await createGatehouse({ env: { RATE_LIMIT_ENABLED: undefined } });
    const client = await registerClient(gatehouse);
    for (let at = 0; at < 40; at += 1) await post(gatehouse);
    expect((await post(gatehouse)).status).toBe(429);
    expect((await post(gatehouse, { address: '203.0.113.7' })).status).toBe(201);
    expect((await redeem(gatehouse, await obtainCode(gatehouse, { client }))).status).toBe(200);
  });

  it('42: a flood from everywhere meets a ceiling, and costs clients that are registered nothing', async () => {
    const gatehouse = await createGatehouse({ env: { RATE_LIMIT_ENABLED: undefined } });
    const client = await registerClient(gatehouse);
    const addresses = Array.from({ length: 1500 }, (_, at) => `198.18.${at >> 8}.${at % 256}`);
    let registrations = 1;
    for (let at = 0; at < 6100; at += 1) {
      const address = addresses[at % addresses.length] as string;
      if ((await post(gatehouse, { address })).status === 201) registrations += 1;
    }
    expect(registrations).toBe(6000);
    expect((await post(gatehouse, { address: '203.0.113.8' })).headers.get('retry-after')).toBe('60');
    expect((await redeem(gatehouse, await obtainCode(gatehouse, { client }))).status).toBe(200);
    gatehouse.clock.advance(60);
    expect((await post(gatehouse, { address: '203.0.113.8' })).status).toBe(201);
  });

  it.each<[string, string]>([
    [
      'ten thousand redirect URIs',
      JSON.stringify({ redirect_uris: Array.from({ length: 10_000 }, () => registered) }),
    ],
    [
      'six redirect URIs',
      JSON.stringify({ redirect_uris: Array.from({ length: 6 }, (_, at) => `${registered}${at}`) }),
    ],
    ['a redirect URI of 100 kB', JSON.stringify({ redirect_uris: [`${registered}/${'x'.repeat(100_000)}`] })],
    [
      'a name of a megabyte',
      JSON.stringify({ redirect_uris: [registered], client_name: 'x'.repeat(1024 * 1024) }),
    ],
    ['a name of 900 kB', JSON.stringify({ redirect_uris: [registered], client_name: 'x'.repeat(900_000) })],
    [
      '20,000 levels of lists',
      `{"redirect_uris":["${registered}"],"x":${'['.repeat(20_000)}${']'.repeat(20_000)}}`,
    ],
    ['500,000 open brackets', `{"redirect_uris":${'['.repeat(500_000)}`],
    ['20,000 levels of objects', `${'{"x":'.repeat(20_000)}1${'}'.repeat(20_000)}`],
    [
      '80,000 members',
      `{"redirect_uris":["${registered}"],${Array.from({ length: 80_000 }, (_, at) => `"${at}":1`).join(',')}}`,
    ],
    ['a member twice', `{"redirect_uris":["https://evil.example/"],"redirect_uris":["${registered}"]}`],
    [
      'a member twice, once escaped',
      `{"redirect_uris":["${registered}"],"redirect\\u005furis":["https://evil.example/"]}`,
    ],
    ['a member twice, deep inside', `{"redirect_uris":["${registered}"],"x":{"y":[{"z":1,"z":2}]}}`],
    ['text after the object', `{"redirect_uris":["${registered}"]}{}`],
    ['a list', `[{"redirect_uris":["${registered}"]}]`],
    ['null', 'null'],
    ['nothing', ''],
  ])('43: refuses %s, and goes on', async (_, body) => {
    const gatehouse = await createGatehouse();
    const refused = await post(gatehouse, { body });
    expect([400, 413]).toContain(refused.status);
    expect((await refused.text()).length).toBeLessThan(400);
    expect(countRegistered(gatehouse)).toBe(0);
    expect((await post(gatehouse)).status).toBe(201);
  });

  it('43: members named __proto__ and constructor change nothing', async () => {
    const gatehouse = await createGatehouse();
    const body =
      `{"redirect_uris":["${registered}"],"__proto__":{"client_name":"evil","polluted":1},` +
      '"constructor":{"prototype":{"polluted":1}},"toString":1}';
    const response = await post(gatehouse, { body });
    expect(response.status).toBe(201);
    expect(((await response.json()) as Record<string, unknown>)['client_name']).toBeUndefined();
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
    const inherited = await post(gatehouse, { body: `{"__proto__":{"redirect_uris":["${registered}"]}}` });
    expect(inherited.status).toBe(400);
  });

  it.each<[string | null]>([
    [null],
    ['application/x-www-form-urlencoded'],
    ['multipart/form-data; boundary=x'],
    ['text/plain'],
    ['text/json'],
    ['application/json garbage'],
    ['application/json\tgarbage'],
    ['application/jsongarbage'],
    ['application/json; charset=utf-7'],
    ['application/json; charset=utf-16'],
    ['application/json; charset=utf-8; charset=utf-7'],
    ['application/json, text/html'],
    ['text/html; application/json'],
    ['application/ld+json'],
  ])('44: refuses the content type %j', async (type) => {
    const gatehouse = await createGatehouse();
    const refused = await post(gatehouse, { type });
    expect(refused.status).toBe(415);
    expect(await refused.json()).toMatchObject({ error: 'invalid_request' });
    expect(countRegistered(gatehouse)).toBe(0);
  });

  it('44: refuses a body that is not UTF-8, or that is encoded', async () => {
    const gatehouse = await createGatehouse();
    const utf16 = Buffer.from(JSON.stringify({ redirect_uris: [registered] }), 'utf16le');
    expect((await post(gatehouse, { body: new Uint8Array(utf16) })).status).toBe(400);
    const latin1 = Buffer.from(
      JSON.stringify({ redirect_uris: [registered], client_name: 'Caf\u00e9' }),
      'latin1',
    );
    expect((await post(gatehouse, { body: new Uint8Array(latin1) })).status).toBe(400);
    const encoded = await gatehouse.fetch('/register', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', 'Content-Encoding': 'gzip' },
      body: JSON.stringify({ redirect_uris: [registered] }),
    });
    expect(encoded.status).toBe(400);
    expect(countRegistered(gatehouse)).toBe(0);
  });

  it('46: a client cannot register itself into privilege', async () => {
    const gatehouse = await createGatehouse();
    const plain = (await (await post(gatehouse)).json()) as Record<string, unknown>;
    const privileged = {
      redirect_uris: [registered],
      scope: 'admin mcp:admin',
      client_id: 'admin',
      client_secret: 'chosen',
      client_secret_expires_at: 0,
      client_id_issued_at: 1,
      client_id_expires_at: 9_999_999_999,
      first_party: true,
      trusted: true,
      skip_consent: true,
      require_consent: false,
      prompt: 'none',
      resource: 'https://other.example/mcp',
      sub: 'alice',
      groups: ['admins'],
      registration_access_token: 'x',
      software_statement: 'e30.e30.',
    };
    const response = await post(gatehouse, { body: JSON.stringify(privileged) });
    const answer = (await response.json()) as Record<string, unknown>;
    expect(response.status).toBe(201);
    expect(Object.keys(answer).sort()).toEqual(Object.keys(plain).sort());
    expect(answer['client_id']).not.toBe('admin');
    expect(answer['client_id_issued_at']).toBe(gatehouse.clock.nowSeconds());
    const client = { clientId: answer['client_id'] as string, redirectUri: registered };
    const page = await new Browser(gatehouse).get(authorizeUrl(gatehouse, client));
    expect(await page.text()).toContain('consent_token');
    expect(gatehouse.identityProvider.startedLogins).toEqual([]);
  });

  it('47: an issued id is never a URL, a subject, or what the client asked for', async () => {
    const gatehouse = await createGatehouse();
    for (const wanted of ['https://claude.ai/oauth/mcp-oauth-client-metadata', 'alice', 'gatehouse', '']) {
      const body = JSON.stringify({ redirect_uris: [registered], client_id: wanted, client_name: wanted });
      const answer = (await (await post(gatehouse, { body })).json()) as { client_id: string };
      expect(answer.client_id).toMatch(/^mgh_cl_[A-Za-z0-9_-]{40,}$/);
      expect(answer.client_id).not.toBe(wanted);
    }
    const foreign = {
      clientId: 'https://evil.example/client.json',
      redirectUri: 'https://evil.example/callback',
    };
    for (const [house, status] of [
      // The address of a document, which is not there; and nothing at all.
      [gatehouse, 503],
      [await createGatehouse({ env: { CIMD: 'off' } }), 400],
    ] as const) {
      const refused = await house.fetch(authorizeUrl(house, foreign));
      expect([refused.status, refused.headers.get('location')]).toEqual([status, null]);
    }
  });

  describe('its management (RFC 7592)', () => {
    interface Registered {
      readonly client_id: string;
      readonly registration_client_uri: string;
      readonly registration_access_token: string;
    }

    async function register(gatehouse: TestGatehouse): Promise<Registered> {
      return (await (await post(gatehouse)).json()) as Registered;
    }

    function manage(
      gatehouse: TestGatehouse,
      method: string,
      uri: string,
      token: string | undefined,
    ): Promise<Response> {
      const headers = new Headers(token === undefined ? {} : { Authorization: `Bearer ${token}` });
      if (method !== 'PUT') return gatehouse.fetch(uri, { method, headers });
      headers.set('Content-Type', 'application/json');
      const clientId = new URL(uri).searchParams.get('client_id');
      const body = JSON.stringify({ client_id: clientId, redirect_uris: [registered] });
      return gatehouse.fetch(uri, { method, headers, body });
    }

    it.each(['GET', 'PUT', 'DELETE'])(
      '48: %s with another token, or of a client that is none, is one and the same 401',
      async (method) => {
        const gatehouse = await createGatehouse();
        const [mine, other, gone] = [
          await register(gatehouse),
          await register(gatehouse),
          await register(gatehouse),
        ];
        await manage(gatehouse, 'DELETE', gone.registration_client_uri, gone.registration_access_token);
        const tokens = await signIn(gatehouse);
        const target = mine.registration_client_uri;
        const unknown = target.replace(/client_id=.*/, 'client_id=mgh_cl_unknown');
        const none = target.replace(/\?.*/, '');
        const answers = new Set<string>();
        for (const [uri, token] of [
          [target, other.registration_access_token],
          [target, `${mine.registration_access_token}A`],
          [target, mine.registration_access_token.slice(0, -1)],
          [target, tokens.accessToken],
          [target, tokens.refreshToken],
          [target, mine.client_id],
          [target, 'garbage'],
          [target, undefined],
          [unknown, mine.registration_access_token],
          [none, mine.registration_access_token],
          [gone.registration_client_uri, gone.registration_access_token],
        ] as const) {
          const refused = await manage(gatehouse, method, uri, token);
          expect([uri, token, refused.status]).toEqual([uri, token, 401]);
          answers.add(`${refused.headers.get('www-authenticate')} ${await refused.text()}`);
        }
        expect(answers.size).toBe(1);
        const read = await manage(gatehouse, 'GET', target, mine.registration_access_token);
        expect(read.status).toBe(200);
      },
    );

    it('48: the token reads its own registration and changes nothing', async () => {
      const gatehouse = await createGatehouse();
      const mine = await register(gatehouse);
      const { registration_client_uri: uri, registration_access_token: token } = mine;
      for (const method of ['GET', 'PUT']) {
        const answer = await manage(gatehouse, method, uri, token);
        expect([answer.status, await answer.json()]).toEqual([200, mine]);
        expect(answer.headers.get('cache-control')).toBe('no-store');
      }
      const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' };
      const body = JSON.stringify({
        client_id: mine.client_id,
        redirect_uris: [registered, 'https://evil.example/callback'],
      });
      const refused = await gatehouse.fetch(uri, { method: 'PUT', headers, body });
      expect(refused.status).toBe(400);
      expect(await refused.json()).toMatchObject({ error: 'invalid_client_metadata' });
      const evil = { clientId: mine.client_id, redirectUri: 'https://evil.example/callback' };
      expect((await gatehouse.fetch(authorizeUrl(gatehouse, evil))).status).toBe(400);
    });

    it('48: DELETE ends the client and all it was granted, at once and after a restart', async () => {
      const upstream = await startAnsweringUpstream();
      const gatehouse = await createGatehouse({ upstream: upstream.url });
      const mine = await register(gatehouse);
      const client = { clientId: mine.client_id, redirectUri: registered };
      const tokens = await signIn(gatehouse, { client });
      const pending = await obtainCode(gatehouse, { client });
      const bystander = await signIn(gatehouse);
      expect((await callMount(gatehouse, tokens.accessToken)).status).toBe(200);

      const { registration_client_uri: uri, registration_access_token: token } = mine;
      const deleted = await manage(gatehouse, 'DELETE', uri, token);
      expect([deleted.status, await deleted.text()]).toEqual([204, '']);
      const restarted = await createGatehouse({
        upstream: upstream.url,
        clock: gatehouse.clock,
        store: { ...gatehouse.store, close: () => Promise.resolve() },
      });
      for (const running of [gatehouse, restarted]) {
        expect((await callMount(running, tokens.accessToken)).status).toBe(401);
        expect((await refresh(running, client.clientId, tokens.refreshToken)).status).toBe(401);
        expect((await redeem(running, pending)).status).toBe(401);
        const page = await running.fetch(authorizeUrl(running, client));
        expect([page.status, page.headers.get('location')]).toEqual([400, null]);
        expect((await callMount(running, bystander.accessToken)).status).toBe(200);
      }
      expect(gatehouse.events.filter(({ type }) => type === 'client_deleted')).toHaveLength(1);
      await upstream.close();
    });

    it('48: a flood of deletions leaves a bounded number of records', async () => {
      const gatehouse = await createGatehouse();
      const statuses: number[] = [];
      for (let at = 0; at < 130; at += 1) {
        const mine = await register(gatehouse);
        const { registration_client_uri: uri, registration_access_token: token } = mine;
        statuses.push((await manage(gatehouse, 'DELETE', uri, token)).status);
      }
      expect(statuses.filter((status) => status === 204)).toHaveLength(120);
      expect(statuses.at(-1)).toBe(429);
      const { records } = await gatehouse.store.list('', { cursor: '', limit: 1000 });
      expect(records).toHaveLength(120);
    });
  });

  it('49: an expired client is told so, gets nothing more, and can register again', async () => {
    const gatehouse = await createGatehouse({ env: { CLIENT_REGISTRATION_TTL: '24h' } });
    const tokens = await signIn(gatehouse);
    const pending = await obtainCode(gatehouse, { client: tokens.client });
    gatehouse.clock.advance(24 * 3600);
    const issued = gatehouse.events.filter(({ type }) => type === 'tokens_issued').length;
    for (const response of [
      await refresh(gatehouse, tokens.client.clientId, tokens.refreshToken),
      await redeem(gatehouse, pending),
    ]) {
      expect(response.status).toBe(401);
      expect(await response.json()).toMatchObject({
        error: 'invalid_client',
        error_description: expect.stringContaining('expired'),
      });
    }
    const page = await new Browser(gatehouse).get(authorizeUrl(gatehouse, tokens.client));
    expect([page.status, page.headers.get('location')]).toEqual([400, null]);
    expect(gatehouse.events.filter(({ type }) => type === 'tokens_issued')).toHaveLength(issued);
    const again = await signIn(gatehouse);
    expect(again.client.clientId).not.toBe(tokens.client.clientId);
  });

  it('49: a registration outlives every grant by default', async () => {
    const gatehouse = await createGatehouse();
    const { client } = await signIn(gatehouse);
    gatehouse.clock.advance(10 * 365 * 24 * 3600);
    expect((await redeem(gatehouse, await obtainCode(gatehouse, { client }))).status).toBe(200);
  });

  it('50: the largest client that can be registered still has URLs below 4 kB; a larger one is refused', async () => {
    const gatehouse = await createGatehouse();
    let largest: { readonly clientId: string; readonly redirectUri: string } | undefined;
    let refused = 0;
    for (let length = 60; length <= 512; length += 4) {
      const uris = Array.from({ length: 5 }, (_, at) => `${registered}/${at}/`.padEnd(length, 'x'));
      const response = await post(gatehouse, { body: JSON.stringify({ redirect_uris: uris }) });
      const answer = (await response.json()) as { client_id: string; error_description?: string };
      if (response.status === 201) {
        largest = { clientId: answer.client_id, redirectUri: uris[0] as string };
      } else {
        refused += 1;
        expect(answer).toMatchObject({ error: 'invalid_redirect_uri' });
        expect(answer.error_description).toContain('fewer or shorter');
      }
    }
    if (largest === undefined) throw new Error('nothing could be registered');
    expect(refused).toBeGreaterThan(0);
    expect(largest.clientId.length).toBeGreaterThan(1900);
    const url = authorizeUrl(gatehouse, largest, { state: 'x'.repeat(1024) });
    expect(url.length).toBeLessThan(4096);
    const browser = new Browser(gatehouse);
    const login = await decide(browser, await browser.get(url));
    expect(login.length).toBeLessThan(4096);
    expect((await redeem(gatehouse, await obtainCode(gatehouse, { client: largest }))).status).toBe(200);
  });
});
