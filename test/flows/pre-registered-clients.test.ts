import { deserialize, serialize } from 'node:v8';

import { afterEach, describe, expect, it } from 'vitest';

import { fingerprintClientId } from '../../src/services/clients/client.ts';
import { createDeniedClients } from '../../src/services/clients/denied-clients.ts';
import { Browser } from '../support/browser.ts';
import { assertionFields, signAssertion } from '../support/client-keys.ts';
import { clientKey, clientSecret, fileWithClients } from '../support/configured-clients.ts';
import { authorizeUrl, obtainCode, postForm, type SignedIn } from '../support/flow.ts';
import { createTestGatehouse, type TestGatehouse } from '../support/gatehouse.ts';

let gatehouse: TestGatehouse;

afterEach(() => gatehouse.close());

async function open(env: Record<string, string | undefined> = {}): Promise<void> {
  gatehouse = await createTestGatehouse({ file: fileWithClients, env });
}

const redirectUri = 'https://client.example/callback';

interface Credentials {
  readonly form?: Record<string, string>;
  readonly headers?: Record<string, string>;
}

function basic(id: string, secret: string): Credentials {
  const encode = (text: string): string => new URLSearchParams({ '': text }).toString().slice(1);
  const text = `${encode(id)}:${encode(secret)}`;
  return { headers: { authorization: `Basic ${Buffer.from(text).toString('base64')}` } };
}

/** As each of the clients authenticates. */
const credentials: Record<string, () => Promise<Credentials>> = {
  basic: () => Promise.resolve(basic('basic', clientSecret)),
  post: () => Promise.resolve({ form: { client_id: 'post', client_secret: clientSecret } }),
  keyed: async () => {
    const { clock, publicUrl } = gatehouse;
    const options = { clock, clientId: 'keyed', audience: publicUrl, header: { kid: 'a' } };
    return { form: assertionFields(await signAssertion(clientKey, options)) };
  },
  public: () => Promise.resolve({ form: { client_id: 'public' } }),
};

async function post(path: string, clientId: string, form: Record<string, string>): Promise<Response> {
  const { form: own = {}, headers = {} } = (await credentials[clientId]?.()) ?? {};
  return postForm(gatehouse, path, { ...form, ...own }, headers);
}

function codeForm({ code, verifier }: SignedIn): Record<string, string> {
  return { grant_type: 'authorization_code', code, redirect_uri: redirectUri, code_verifier: verifier };
}

async function bodyOf(response: Promise<Response>): Promise<Record<string, string>> {
  const answer = await response;
  const body = (await answer.json()) as Record<string, string>;
  expect([answer.status, body]).toEqual([200, body]);
  return body;
}

function lastReason(): string | undefined {
  const refused = gatehouse.events.findLast(({ type }) => type === 'request_refused');
  return refused?.type === 'request_refused' ? refused.reason : undefined;
}

describe('clients that the operator registered', () => {
  it.each(Object.keys(credentials))('%s signs a person in, refreshes and revokes', async (clientId) => {
    await open();
    const signedIn = await obtainCode(gatehouse, { client: { clientId, redirectUri } });
    const issued = await bodyOf(post('/token', clientId, codeForm(signedIn)));
    const renewing = (token = ''): Record<string, string> => ({
      grant_type: 'refresh_token',
      refresh_token: token,
    });
    const renewed = await bodyOf(post('/token', clientId, renewing(issued['refresh_token'])));
    expect((await post('/revoke', clientId, { token: renewed['access_token'] ?? '' })).status).toBe(200);
    expect((await post('/token', clientId, renewing(renewed['refresh_token']))).status).toBe(400);
  });

  it.each(['basic', 'post', 'keyed'])('%s gets nothing without its credential', async (clientId) => {
    await open();
    const signedIn = await obtainCode(gatehouse, { client: { clientId, redirectUri } });
    const bare = await postForm(gatehouse, '/token', { ...codeForm(signedIn), client_id: clientId });
    expect([bare.status, lastReason()]).toEqual([401, 'client_authentication_unsupported']);
    expect(gatehouse.events.filter(({ type }) => type === 'tokens_issued')).toEqual([]);
    const issued = await bodyOf(post('/token', clientId, codeForm(signedIn)));
    const renewing = { grant_type: 'refresh_token', refresh_token: issued['refresh_token'] ?? '' };
    expect((await postForm(gatehouse, '/token', { ...renewing, client_id: clientId })).status).toBe(401);
    const revoking = { token: issued['refresh_token'] ?? '', client_id: clientId };
    expect((await postForm(gatehouse, '/revoke', revoking)).status).toBe(401);
    expect((await post('/token', clientId, renewing)).status).toBe(200);
  });

  it('may have a second secret while one takes the place of the other', async () => {
    await open();
    const signedIn = await obtainCode(gatehouse, { client: { clientId: 'basic', redirectUri } });
    const { headers } = basic('basic', 'the next secret');
    expect((await postForm(gatehouse, '/token', codeForm(signedIn), headers)).status).toBe(200);
  });

  it('are shown as such, and still ask', async () => {
    await open();
    const browser = new Browser(gatehouse);
    const url = authorizeUrl(gatehouse, { clientId: 'basic', redirectUri });
    const page = await (await browser.get(url)).text();
    expect(page).toContain('Basic Client');
    expect(page).toContain('registered by the operator of this server');
    expect(page).not.toContain('unverified');
    expect(page).toContain('consent_token');
  });

  it('come back where the operator said, apps among it', async () => {
    await open();
    const ask = async (uri: string): Promise<number> =>
      (await gatehouse.fetch(authorizeUrl(gatehouse, { clientId: 'basic', redirectUri: uri }))).status;
    expect(await ask('exampleapp://callback')).toBe(200);
    expect(await ask('http://127.0.0.1:49152/callback')).toBe(200);
    expect(await ask('https://client.example/other')).toBe(400);
  });

  it('get no resource and no scope but those they are registered for', async () => {
    await open();
    const ask = async (overrides: Record<string, string | undefined>): Promise<string | null> => {
      const answer = await gatehouse.fetch(
        authorizeUrl(gatehouse, { clientId: 'post', redirectUri }, overrides),
      );
      const location = answer.headers.get('location');
      return location === null ? null : new URL(location).searchParams.get('error');
    };
    expect(await ask({ resource: 'https://gatehouse.test/second/mcp' })).toBe('invalid_target');
    expect(lastReason()).toBe('client_resource_refused');
    expect(await ask({ scope: 'write' })).toBe('invalid_scope');
    expect(lastReason()).toBe('client_scope_refused');
    const client = { clientId: 'post', redirectUri };
    const signedIn = await obtainCode(gatehouse, { client, overrides: { scope: 'read write' } });
    expect(await bodyOf(post('/token', 'post', codeForm(signedIn)))).toMatchObject({ scope: 'read' });
  });

  it('use the grant types they are registered for', async () => {
    await open();
    const signedIn = await obtainCode(gatehouse, { client: { clientId: 'once', redirectUri } });
    const issued = await bodyOf(postForm(gatehouse, '/token', { ...codeForm(signedIn), client_id: 'once' }));
    const renewing = {
      grant_type: 'refresh_token',
      refresh_token: issued['refresh_token'] ?? '',
      client_id: 'once',
    };
    const refused = await postForm(gatehouse, '/token', renewing);
    expect([refused.status, lastReason()]).toEqual([400, 'grant_type_refused']);
    expect(await refused.json()).toMatchObject({ error: 'unauthorized_client' });
  });

  it('can be denied', async () => {
    await open();
    const signedIn = await obtainCode(gatehouse, { client: { clientId: 'basic', redirectUri } });
    const { store, clock } = gatehouse;
    const denied = createDeniedClients({
      store,
      clock,
      registrationTtlSeconds: undefined,
      onError: () => {},
    });
    await denied.deny(fingerprintClientId('basic'), 'operator');
    denied.close();
    const restarted = await createTestGatehouse({
      file: fileWithClients,
      clock,
      store: { ...store, close: () => Promise.resolve() },
    });
    const { headers } = basic('basic', clientSecret);
    expect((await postForm(restarted, '/token', codeForm(signedIn), headers)).status).toBe(401);
    const page = await restarted.fetch(authorizeUrl(restarted, { clientId: 'basic', redirectUri }));
    expect(page.status).toBe(400);
    await restarted.close();
  });

  it('change without a restart', async () => {
    await open({ CIMD: 'off' });
    const signedIn = await obtainCode(gatehouse, { client: { clientId: 'basic', redirectUri } });
    const issued = await bodyOf(post('/token', 'basic', codeForm(signedIn)));
    const { config, gateway } = gatehouse;
    const renewing = { grant_type: 'refresh_token', refresh_token: issued['refresh_token'] ?? '' };
    await gateway.reload({
      ...config,
      clients: config.clients.filter(({ clientId }) => clientId !== 'basic'),
    });
    expect((await post('/token', 'basic', renewing)).status).toBe(401);
    const metadata = await gatehouse.fetch('/.well-known/oauth-authorization-server');
    expect(await metadata.json()).toMatchObject({
      token_endpoint_auth_methods_supported: ['none', 'client_secret_post', 'private_key_jwt'],
    });
    await gateway.reload(config);
    expect((await post('/token', 'basic', renewing)).status).toBe(200);
  });

  it('reach other processes as they are written', async () => {
    await open();
    const { clients } = gatehouse.config;
    expect(deserialize(serialize(clients))).toEqual(clients);
  });

  it('are in the metadata by the ways they authenticate', async () => {
    await open({ CIMD: 'off' });
    const read = async (): Promise<Record<string, unknown>> =>
      (await (await gatehouse.fetch('/.well-known/oauth-authorization-server')).json()) as Record<
        string,
        unknown
      >;
    const methods = ['none', 'client_secret_basic', 'client_secret_post', 'private_key_jwt'];
    const algorithms = ['ES256', 'EdDSA', 'PS256', 'RS256'];
    expect(await read()).toMatchObject({
      token_endpoint_auth_methods_supported: methods,
      token_endpoint_auth_signing_alg_values_supported: algorithms,
      revocation_endpoint_auth_methods_supported: methods,
      revocation_endpoint_auth_signing_alg_values_supported: algorithms,
    });
    await gatehouse.close();
    gatehouse = await createTestGatehouse({ env: { CIMD: 'off' } });
    const bare = await read();
    expect(bare['token_endpoint_auth_methods_supported']).toEqual(['none']);
    expect(bare).not.toHaveProperty('token_endpoint_auth_signing_alg_values_supported');
  });
});
