import { afterAll, afterEach, describe, expect, it } from 'vitest';

import { startAnsweringUpstream } from '../support/answering-upstream.ts';
import type { BrowserTarget } from '../support/browser.ts';
import { assertionFields, createClientKey, signAssertion } from '../support/client-keys.ts';
import {
  authorizeUrl,
  obtainCode,
  postForm,
  redeem,
  refresh,
  registerClient,
  signIn,
} from '../support/flow.ts';
import { createTestGatehouse, type TestGatehouse, type TestGatehouseOptions } from '../support/gatehouse.ts';
import { answerJson, closeAuthority, startMetadataHosts } from '../support/metadata-hosts.ts';
import { publishedDocuments } from '../support/published-documents.ts';

const page = 'http://localhost:6274';
let gatehouse: TestGatehouse;
const closers: Array<() => Promise<void>> = [];

afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});
afterAll(closeAuthority);

async function open(options: TestGatehouseOptions = {}): Promise<void> {
  gatehouse = await createTestGatehouse(options);
  closers.push(() => gatehouse.close());
}

/** A browser's `fetch` from a page of that origin: a preflight before each request, and no answer that CORS hides. */
function fetchFromPage(): BrowserTarget['fetch'] {
  return async (url, init = {}) => {
    const headers = new Headers(init.headers);
    const names = [...headers.keys()];
    const method = init.method ?? 'GET';
    const asked = await gatehouse.fetch(url, {
      method: 'OPTIONS',
      headers: {
        origin: page,
        'access-control-request-method': method,
        'access-control-request-headers': names.join(','),
      },
    });
    const allowed = asked.headers.get('access-control-allow-headers')?.toLowerCase().split(', ') ?? [];
    expect([url, asked.status, names.filter((name) => !allowed.includes(name))]).toEqual([url, 204, []]);
    headers.set('origin', page);
    const answer = await gatehouse.fetch(url, { ...init, headers });
    expect([page, '*']).toContain(answer.headers.get('access-control-allow-origin'));
    return answer;
  };
}

describe('O. clients in use', () => {
  it('184: mcp-remote may come back from another port with the registration it has', async () => {
    await open();
    const client = await registerClient(gatehouse, {
      redirect_uris: ['http://localhost:3334/oauth/callback'],
      application_type: undefined,
    });
    const moved = { ...client, redirectUri: 'http://localhost:41234/oauth/callback' };
    const tokens = await signIn(gatehouse, { client: moved });
    expect((await refresh(gatehouse, client.clientId, tokens.refreshToken)).status).toBe(200);
    const elsewhere = { ...client, redirectUri: 'http://localhost:41234/other/callback' };
    expect((await gatehouse.fetch(authorizeUrl(gatehouse, elsewhere))).status).toBe(400);
  });

  it('185: a client in a browser goes the whole way across origins, preflights and all', async () => {
    const upstream = await startAnsweringUpstream();
    closers.push(() => upstream.close());
    await open({ upstream: upstream.url, env: { ALLOWED_ORIGINS: page } });
    const fetchOf = fetchFromPage();
    const call = { method: 'POST', body: '{"jsonrpc":"2.0","id":1,"method":"tools/list"}' };
    const type = { 'content-type': 'application/json', 'mcp-protocol-version': '2025-11-25' };

    const refused = await fetchOf(gatehouse.resource, { ...call, headers: type });
    expect(refused.headers.get('access-control-expose-headers')).toContain('WWW-Authenticate');
    const metadataUrl = /resource_metadata="([^"]+)"/.exec(
      refused.headers.get('www-authenticate') ?? '',
    )?.[1];
    for (const url of [metadataUrl ?? '', '/.well-known/oauth-authorization-server'])
      expect((await fetchOf(url, { headers: { 'mcp-protocol-version': '2025-11-25' } })).status).toBe(200);
    // Pages are visited in a window, everything else is fetched.
    const inWindow = new Set(['/authorize', '/consent', '/callback']);
    const target = {
      publicUrl: gatehouse.publicUrl,
      resource: gatehouse.resource,
      fetch: (url: string, init?: RequestInit) =>
        inWindow.has(new URL(url, gatehouse.publicUrl).pathname)
          ? gatehouse.fetch(url, init)
          : fetchOf(url, init),
    };
    const tokens = await signIn(target);
    const headers = { ...type, authorization: `Bearer ${tokens.accessToken}` };
    expect((await fetchOf(gatehouse.resource, { ...call, headers })).status).toBe(200);
    expect((await refresh(target, tokens.client.clientId, tokens.refreshToken)).status).toBe(200);
  });

  it.each(publishedDocuments)('186: takes the document of $client', async ({ document, redirects }) => {
    const { host } = new URL(document.client_id);
    const hosts = await startMetadataHosts({ names: `DNS:${host}` });
    await open({ network: hosts });
    closers.push(hosts.close);
    hosts.answer = answerJson(document);
    for (const redirectUri of redirects) {
      const client = { clientId: document.client_id, redirectUri };
      const { accessToken } = await signIn(gatehouse, { client });
      expect(accessToken).not.toBe('');
    }
    const wrong = { clientId: document.client_id, redirectUri: 'https://evil.example/callback' };
    expect((await gatehouse.fetch(authorizeUrl(gatehouse, wrong))).status).toBe(400);
  });

  it('186: takes the document of ChatGPT, which signs its name with keys that it hosts', async () => {
    const clientId = 'https://chatgpt.com/oauth/client.json';
    const redirectUri = 'https://chatgpt.com/connector_platform_oauth_redirect';
    const key = createClientKey('RS256', { kid: 'one', use: 'sig' });
    const document = {
      client_id: clientId,
      client_name: 'ChatGPT',
      redirect_uris: [redirectUri],
      token_endpoint_auth_method: 'private_key_jwt',
      token_endpoint_auth_methods_supported: ['private_key_jwt', 'none'],
      token_endpoint_auth_signing_alg: 'RS256',
      jwks_uri: 'https://chatgpt.com/oauth/jwks.json',
    };
    const hosts = await startMetadataHosts({ names: 'DNS:chatgpt.com' });
    hosts.answer = (request, response) =>
      answerJson(request.url === '/oauth/jwks.json' ? { keys: [key.jwk] } : document)(request, response);
    await open({ network: hosts });
    closers.push(hosts.close);

    const signedIn = await obtainCode(gatehouse, { client: { clientId, redirectUri } });
    expect((await redeem(gatehouse, signedIn)).status).toBe(401);
    const audience = gatehouse.publicUrl;
    const assertion = await signAssertion(key, { clock: gatehouse.clock, clientId, audience });
    const redeemed = await postForm(gatehouse, '/token', {
      grant_type: 'authorization_code',
      code: signedIn.code,
      redirect_uri: redirectUri,
      code_verifier: signedIn.verifier,
      client_id: clientId,
      ...assertionFields(assertion),
    });
    expect([redeemed.status, await redeemed.json()]).toMatchObject([200, { token_type: 'Bearer' }]);
  });
});
