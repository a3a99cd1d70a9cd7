import { afterEach, describe, expect, it } from 'vitest';

import { authorizeUrl, postForm, redeem, obtainCode } from '../support/flow.ts';
import { createTestGatehouse, type TestGatehouse } from '../support/gatehouse.ts';

let gatehouse: TestGatehouse;

afterEach(() => gatehouse.close());

interface Registration {
  readonly client_id: string;
  readonly redirect_uris: readonly string[];
  readonly registration_client_uri: string;
  readonly registration_access_token: string;
}

function post(body: unknown): Promise<Response> {
  return gatehouse.fetch('/register', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
}

async function register(body: unknown): Promise<Registration> {
  const response = await post(body);
  expect(response.status).toBe(201);
  return (await response.json()) as Registration;
}

async function asks(clientId: string, redirectUri: string): Promise<number> {
  return (await gatehouse.fetch(authorizeUrl(gatehouse, { clientId, redirectUri }))).status;
}

describe('D. registration', () => {
  it('51: is off when the operator says so: not there, not announced, and over for nobody', async () => {
    gatehouse = await createTestGatehouse();
    const before = await register({ redirect_uris: ['https://client.example/callback'] });
    await gatehouse.close();

    gatehouse = await createTestGatehouse({ env: { CLIENT_REGISTRATION: 'off' } });
    const metadata = await gatehouse.fetch('/.well-known/oauth-authorization-server');
    expect(await metadata.json()).not.toHaveProperty('registration_endpoint');
    const refused = await post({ redirect_uris: ['https://client.example/callback'] });
    expect([refused.status, await refused.json()]).toMatchObject([404, { error: 'not_found' }]);
    expect(gatehouse.events.filter(({ type }) => type === 'client_registered')).toEqual([]);
    expect(await asks(before.client_id, 'https://client.example/callback')).toBe(200);
  });

  it('54: names what is wrong with a registration in JSON, and goes on', async () => {
    gatehouse = await createTestGatehouse();
    for (const [body, error] of [
      [{ redirect_uris: ['javascript:alert(1)'] }, 'invalid_redirect_uri'],
      [{ redirect_uris: [] }, 'invalid_redirect_uri'],
      [{ redirect_uris: ['https://client.example/'], client_name: 7 }, 'invalid_client_metadata'],
    ] as const) {
      const refused = await post(body);
      expect([refused.status, refused.headers.get('content-type')]).toEqual([400, 'application/json']);
      expect(await refused.json()).toMatchObject({ error, error_description: expect.any(String) });
    }
    expect(gatehouse.events.filter(({ type }) => type === 'client_registered')).toEqual([]);
    await register({ redirect_uris: ['https://client.example/'] });
  });

  const [app, web, loopback] = [
    'cursor://anysphere.cursor-mcp/oauth/callback',
    'https://www.cursor.com/agents/mcp/oauth/callback',
    'http://localhost:8787/callback',
  ];

  it('55: registers three kinds of redirect URI at once, the app scheme where it is enabled', async () => {
    gatehouse = await createTestGatehouse({ env: { ALLOWED_REDIRECT_SCHEMES: 'cursor' } });
    const all = await register({ redirect_uris: [app, web, loopback], client_name: 'Cursor' });
    expect(all.redirect_uris).toEqual([app, web, loopback]);
    for (const uri of all.redirect_uris) expect(await asks(all.client_id, uri)).toBe(200);
    await gatehouse.close();

    gatehouse = await createTestGatehouse({ env: { ALLOWED_REDIRECT_SCHEMES: 'vscode' } });
    const some = await register({ redirect_uris: [app, web, loopback], client_name: 'Cursor' });
    expect(some.redirect_uris).toEqual([web, loopback]);
    expect(await asks(some.client_id, app)).toBe(400);
    expect(await asks(some.client_id, loopback)).toBe(200);
  });

  it('57: takes loopback redirects of a client that does not say what kind it is', async () => {
    gatehouse = await createTestGatehouse();
    const uris = ['http://127.0.0.1:19876/mcp/oauth/callback', 'http://[::1]/cb', 'http://localhost/cb'];
    const { client_id: clientId } = await register({ redirect_uris: uris });
    for (const uri of uris) expect(await asks(clientId, uri)).toBe(200);
  });

  it('62: a deleted client is invalid_client at the token endpoint and a page at authorization', async () => {
    gatehouse = await createTestGatehouse();
    const registered = await register({ redirect_uris: ['https://client.example/callback'] });
    const client = { clientId: registered.client_id, redirectUri: 'https://client.example/callback' };
    const signedIn = await obtainCode(gatehouse, { client });
    const deleted = await gatehouse.fetch(registered.registration_client_uri, {
      method: 'DELETE',
      headers: { authorization: `Bearer ${registered.registration_access_token}` },
    });
    expect(deleted.status).toBe(204);

    for (const refused of [
      await redeem(gatehouse, signedIn),
      await postForm(gatehouse, '/token', {
        grant_type: 'refresh_token',
        refresh_token: 'x',
        client_id: client.clientId,
      }),
    ]) {
      expect([refused.status, await refused.json()]).toMatchObject([401, { error: 'invalid_client' }]);
    }
    const page = await gatehouse.fetch(authorizeUrl(gatehouse, client), { headers: { accept: 'text/html' } });
    expect([page.status, page.headers.get('location')]).toEqual([400, null]);
    expect(page.headers.get('content-type')).toContain('text/html');
    expect(gatehouse.events.filter(({ type }) => type === 'tokens_issued')).toEqual([]);
  });
});
