import { afterEach, describe, expect, it } from 'vitest';

import { obtainCode, registerClient } from '../support/flow.ts';
import { createTestGatehouse, type TestGatehouse } from '../support/gatehouse.ts';

const resourcePath = '/.well-known/oauth-protected-resource';
const serverPath = '/.well-known/oauth-authorization-server';
let gatehouse: TestGatehouse;

afterEach(() => gatehouse.close());

async function open(env: Record<string, string | undefined> = {}): Promise<void> {
  gatehouse = await createTestGatehouse({ env });
}

async function readDocument(path: string): Promise<Record<string, unknown>> {
  const response = await gatehouse.fetch(path);
  expect(response.status).toBe(200);
  return (await response.json()) as Record<string, unknown>;
}

describe('A. protected resource metadata (RFC 9728)', () => {
  it('5: is served at the path-inserted well-known URL of the mount', async () => {
    await open({ UPSTREAM_MCP_URL: 'http://127.0.0.1:9/deep/mcp' });
    expect(await readDocument(`${resourcePath}/deep/mcp`)).toMatchObject({
      resource: 'https://gatehouse.test/deep/mcp',
    });
  });

  it('6: is the same at the root, since there is one resource', async () => {
    await open();
    expect(await readDocument(resourcePath)).toEqual(await readDocument(`${resourcePath}/mcp`));
  });

  it.each(['https://gatehouse.test', 'https://GATEHOUSE.test:443/', 'http://127.0.0.1:8080'])(
    '7: names exactly the public URL of the endpoint under %s',
    async (baseUrl) => {
      await open({ PROXY_BASE_URL: baseUrl });
      const { resource } = await readDocument(`${resourcePath}/mcp`);
      expect(resource).toBe(`${new URL(baseUrl).origin}/mcp`);
    },
  );

  it('8: names one authorization server, the string that is its issuer', async () => {
    await open({ PROXY_BASE_URL: 'https://Gatehouse.test/' });
    const { issuer } = await readDocument(serverPath);
    expect(await readDocument(resourcePath)).toMatchObject({ authorization_servers: [issuer] });
  });

  it('9: asks for no scope, offline_access least of all', async () => {
    await open();
    expect(await readDocument(resourcePath)).not.toHaveProperty('scopes_supported');
  });

  it('9: asks for the scopes that a request gets by itself, and for no other', async () => {
    const scopes = { read: { default: true }, write: { includes: ['read'] }, offline: {} };
    const file = JSON.stringify({
      mounts: [{ name: 'files', url: '/mcp', upstream: 'http://127.0.0.1:9/mcp', scopes }],
    });
    gatehouse = await createTestGatehouse({ file });
    expect(await readDocument(`${resourcePath}/mcp`)).toMatchObject({ scopes_supported: ['read'] });
  });

  it('10: takes tokens in the header alone', async () => {
    await open();
    expect(await readDocument(resourcePath)).toMatchObject({ bearer_methods_supported: ['header'] });
  });

  it.each([resourcePath, `${resourcePath}/mcp`])(
    '11: %s is JSON for GET and HEAD, without redirect or authentication',
    async (path) => {
      await open();
      const got = await gatehouse.fetch(path);
      const head = await gatehouse.fetch(path, { method: 'HEAD' });
      for (const response of [got, head]) {
        expect(response.status).toBe(200);
        expect(response.headers.get('content-type')).toBe('application/json');
      }
      expect(await head.text()).toBe('');
    },
  );

  it.each([`${resourcePath}/other`, `${resourcePath}/mcp/`, `${resourcePath}/MCP`, `${resourcePath}/mcp/x`])(
    '12: %s is 404 in JSON, also for a browser',
    async (path) => {
      await open();
      const answer = await gatehouse.fetch(path, { headers: { accept: 'text/html' } });
      expect(answer.status).toBe(404);
      expect(answer.headers.get('content-type')).toBe('application/json');
      expect(await answer.json()).toMatchObject({ error: 'not_found' });
    },
  );

  it('13: takes its URLs from the configuration, whatever the request claims', async () => {
    await open();
    const headers = {
      'x-forwarded-host': 'evil.test',
      'x-forwarded-proto': 'http',
      forwarded: 'host=evil.test;proto=http',
    };
    for (const path of [resourcePath, `${resourcePath}/mcp`, serverPath]) {
      const text = await (await gatehouse.fetch(path, { headers })).text();
      expect(text).not.toContain('evil.test');
      expect(text).not.toContain('http://');
    }
  });
});

describe('B. authorization server metadata (RFC 8414)', () => {
  it('14: is served at the well-known path of the issuer', async () => {
    await open();
    expect(await readDocument(serverPath)).toMatchObject({ issuer: gatehouse.publicUrl });
  });

  it.each([
    '/.well-known/openid-configuration',
    '/.well-known/openid-configuration/mcp',
    '/mcp/.well-known/openid-configuration',
  ])('15, 16: the OpenID form %s is 404 in JSON: this is no OpenID provider', async (path) => {
    await open();
    const answer = await gatehouse.fetch(path);
    expect(answer.status).toBe(404);
    expect(answer.headers.get('content-type')).toBe('application/json');
  });

  it('17: one issuer, canonical, in both documents and in the authorization response', async () => {
    await open({ PROXY_BASE_URL: 'https://GATEHOUSE.test:443/' });
    expect((await readDocument(serverPath))['issuer']).toBe('https://gatehouse.test');
    expect((await readDocument(resourcePath))['authorization_servers']).toEqual(['https://gatehouse.test']);
    const client = await registerClient(gatehouse);
    const query = new URLSearchParams({ client_id: client.clientId, redirect_uri: client.redirectUri });
    const refused = await gatehouse.fetch(`/authorize?${query.toString()}`);
    const location = new URL(refused.headers.get('location') ?? 'none:');
    expect(location.searchParams.get('iss')).toBe('https://gatehouse.test');
  });

  it.each([
    [18, 'code_challenge_methods_supported', ['S256']],
    [19, 'response_types_supported', ['code']],
    [20, 'authorization_response_iss_parameter_supported', true],
    [21, 'token_endpoint_auth_methods_supported', ['none', 'private_key_jwt']],
    [24, 'grant_types_supported', ['authorization_code', 'refresh_token']],
  ])('%i: %s is %o in every served form', async (_, member, value) => {
    await open();
    for (const path of [serverPath, `${serverPath}/mcp`]) {
      expect((await readDocument(path))[member]).toEqual(value);
    }
  });

  it('22: claims client ID metadata documents, unless they are off', async () => {
    await open();
    expect((await readDocument(serverPath))['client_id_metadata_document_supported']).toBe(true);
    await gatehouse.close();
    await open({ CIMD: 'off' });
    expect(await readDocument(serverPath)).not.toHaveProperty('client_id_metadata_document_supported');
  });

  it('23: names the registration endpoint, and it registers', async () => {
    await open();
    const endpoint = (await readDocument(serverPath))['registration_endpoint'] as string;
    const registered = await gatehouse.fetch(endpoint, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ redirect_uris: ['https://client.example/callback'] }),
    });
    expect(registered.status).toBe(201);
  });

  it('25: does not list offline_access: refresh tokens do not depend on it', async () => {
    await open();
    expect(await readDocument(serverPath)).not.toHaveProperty('scopes_supported');
    expect((await obtainCode(gatehouse, { overrides: { scope: undefined } })).code).not.toBe('');
  });

  it('26: holds no null and no empty array', async () => {
    await open();
    for (const path of [serverPath, resourcePath]) {
      for (const [member, value] of Object.entries(await readDocument(path))) {
        expect([member, value]).not.toEqual([member, null]);
        expect([member, value]).not.toEqual([member, []]);
      }
    }
  });

  it('27: issuer and MCP endpoint share one origin', async () => {
    await open();
    const { resource } = await readDocument(resourcePath);
    const { issuer } = await readDocument(serverPath);
    expect(new URL(resource as string).origin).toBe(issuer);
  });

  it('28: answers HEAD, may be cached shortly, is readable for scripts of any origin, and never redirects', async () => {
    await open();
    for (const path of [serverPath, `${serverPath}/mcp`, resourcePath, `${resourcePath}/mcp`]) {
      for (const method of ['GET', 'HEAD']) {
        const answer = await gatehouse.fetch(path, { method, headers: { origin: 'https://inspector.test' } });
        expect(answer.status).toBe(200);
        expect(answer.headers.get('cache-control')).toMatch(/max-age=300$/);
        expect(answer.headers.get('access-control-allow-origin')).toBe('*');
        expect(answer.headers.get('access-control-allow-credentials')).toBeNull();
      }
    }
  });

  it('29: every endpoint is https, without a fragment, and below the issuer', async () => {
    await open();
    const document = await readDocument(serverPath);
    const endpoints = Object.entries(document).filter(([member]) => member.endsWith('_endpoint'));
    expect(endpoints).toHaveLength(4);
    for (const [, value] of endpoints) {
      const url = new URL(value as string);
      expect(url.protocol).toBe('https:');
      expect(url.hash).toBe('');
      expect(url.origin).toBe(document['issuer']);
    }
  });
});
