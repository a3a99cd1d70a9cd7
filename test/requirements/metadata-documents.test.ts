import { afterAll, afterEach, describe, expect, it } from 'vitest';

import { fingerprintClientId } from '../../src/services/clients/client.ts';
import { Browser } from '../support/browser.ts';
import {
  authorizeUrl,
  obtainCode,
  postForm,
  redeem,
  refresh,
  registerClient,
  signIn,
} from '../support/flow.ts';
import { createTestGatehouse, type TestGatehouse } from '../support/gatehouse.ts';
import {
  answerJson,
  clientHost,
  clientUrl,
  closeAuthority,
  describeDocument,
  type MetadataHosts,
  startMetadataHosts,
} from '../support/metadata-hosts.ts';

let gatehouse: TestGatehouse;
let hosts: MetadataHosts;
const closers: Array<() => Promise<void>> = [];

afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});
afterAll(closeAuthority);

async function open(env: Record<string, string | undefined> = {}): Promise<void> {
  hosts = await startMetadataHosts({ names: `DNS:${clientHost},DNS:*.${clientHost},DNS:localhost` });
  gatehouse = await createTestGatehouse({ network: hosts, env });
  closers.push(() => gatehouse.close(), hosts.close);
}

const client = { clientId: clientUrl, redirectUri: 'https://client.example/callback' };

function ask(clientId = clientUrl, redirectUri = client.redirectUri): Promise<Response> {
  return gatehouse.fetch(authorizeUrl(gatehouse, { clientId, redirectUri }));
}

function lastReason(): string | undefined {
  return gatehouse.events.findLast((event) => event.type === 'request_refused')?.reason;
}

async function answerWith(members: Record<string, unknown>): Promise<number> {
  await open();
  hosts.answer = answerJson(describeDocument(members));
  return (await ask()).status;
}

describe('client ID metadata documents, requirement by requirement', () => {
  it('30: takes an https URL with a path, and no other form', async () => {
    await open();
    for (const wrong of [
      'https://client.example',
      'https://client.example/a/../client.json',
      'https://client.example/./client.json',
      'https://client.example/%2E%2e/client.json',
      'https://client.example/client.json#x',
      'https://user@client.example/client.json',
      'https://user:secret@client.example/client.json',
      'https://client.example/client.json?x=1',
      'https://CLIENT.example/client.json',
      'https://client.example\\client.json',
      'https://client.example:/client.json',
      'https://client.example:99999/client.json',
    ]) {
      expect([wrong, (await ask(wrong)).status, lastReason()]).toEqual([wrong, 400, 'client_id_url_invalid']);
    }
    expect((await ask('http://client.example/client.json')).status).toBe(400);
    expect(lastReason()).toBe('client_id_invalid');
    expect(hosts.lookups).toEqual([]);
  });

  it('31: keeps a client id as it came', async () => {
    await open();
    const withPort = clientUrl.replace('.example', '.example:443');
    hosts.answer = answerJson(describeDocument({ client_id: withPort }));
    expect((await ask(withPort)).status).toBe(200);
    expect((await ask()).status).toBe(400);
    expect(fingerprintClientId(withPort)).not.toBe(fingerprintClientId(clientUrl));
    const page = await (await ask(withPort)).text();
    expect(page).toContain(`<bdi>${clientHost}</bdi>`);
  });

  it('32: refuses a document of another address', async () => {
    expect(await answerWith({ client_id: 'https://client.example/other.json' })).toBe(400);
  });

  it.each([{ client_id: undefined }, { client_name: undefined }, { redirect_uris: undefined }])(
    '33: refuses a document with %o',
    async (members) => {
      expect(await answerWith(members)).toBe(400);
      expect(lastReason()).toBe('client_document_invalid');
    },
  );

  it('33: refuses what is no JSON object', async () => {
    await open();
    hosts.answer = answerJson('client');
    expect([(await ask()).status, lastReason()]).toEqual([400, 'client_document_invalid']);
  });

  it('34: takes status 200 alone', async () => {
    await open();
    hosts.answer = answerJson(describeDocument(), { location: clientUrl }, 302);
    expect((await ask()).status).toBe(400);
    expect(hosts.requests).toHaveLength(1);
  });

  it('35: takes JSON content types alone', async () => {
    await open();
    hosts.answer = answerJson(describeDocument(), { 'content-type': 'text/plain' });
    expect((await ask()).status).toBe(400);
  });

  it('36: reads 10 KiB and no more', async () => {
    await open();
    hosts.answer = answerJson(JSON.stringify(describeDocument()).padEnd(10 * 1024 + 1));
    expect((await ask()).status).toBe(400);
  });

  it('37: contacts no address that is not public', async () => {
    await open();
    hosts.addressesOf = () => ['169.254.169.254'];
    expect((await ask()).status).toBe(503);
    expect(hosts.dialled).toEqual([]);
  });

  it('38: fetches nothing that a document names', async () => {
    const uri = 'https://inside.example/x';
    expect(await answerWith({ jwks_uri: uri, logo_uri: uri, policy_uri: uri, tos_uri: uri })).toBe(200);
    expect([hosts.lookups, hosts.requests.length]).toEqual([[clientHost], 1]);
  });

  it('39: takes loopback in development on loopback alone', async () => {
    const local = 'https://localhost/client.json';
    await open({ CIMD_ALLOW_LOOPBACK: 'true', PROXY_BASE_URL: 'http://127.0.0.1:8080' });
    hosts.answer = answerJson(describeDocument({ client_id: local }));
    expect([(await ask(local)).status, hosts.dialled]).toEqual([200, ['127.0.0.1']]);
    hosts.addressesOf = () => ['10.0.0.1'];
    expect((await ask()).status).toBe(503);
    await open();
    expect((await ask(local)).status).toBe(400);
    for (const env of [
      { CIMD_ALLOW_LOOPBACK: 'true' },
      { CIMD_ALLOW_LOOPBACK: 'true', PROD_MODE: 'true', PROXY_BASE_URL: 'http://127.0.0.1:8080' },
    ]) {
      await expect(open(env)).rejects.toThrow('CIMD_ALLOW_LOOPBACK');
      await hosts.close();
    }
  });

  it('40: keeps documents within bounds, and no errors', async () => {
    await open();
    hosts.answer = answerJson('', { 'cache-control': 'max-age=3600' }, 404);
    expect((await ask()).status).toBe(400);
    gatehouse.clock.advance(10);
    hosts.answer = answerJson(describeDocument(), { 'cache-control': 'max-age=31536000' });
    expect((await ask()).status).toBe(200);
    gatehouse.clock.advance(3599);
    await ask();
    expect(hosts.requests).toHaveLength(2);
    gatehouse.clock.advance(1);
    await ask();
    expect(hosts.requests).toHaveLength(3);
  });

  it('41: shows a page when the document cannot be had, and redirects nowhere', async () => {
    await open();
    hosts.answer = answerJson('', {}, 500);
    const response = await ask();
    expect([response.status, response.headers.get('location')]).toEqual([503, null]);
    expect(response.headers.get('retry-after')).toBe('10');
  });

  it('41: a host that is down logs nobody out', async () => {
    await open();
    const tokens = await signIn(gatehouse, { client });
    gatehouse.clock.advance(7200);
    hosts.answer = answerJson('', {}, 503);
    expect((await ask()).status).toBe(503);
    expect((await refresh(gatehouse, clientUrl, tokens.refreshToken)).status).toBe(200);
  });

  it('41: a process that never read the document says try again, or that there is no such client', async () => {
    await open();
    const tokens = await signIn(gatehouse, { client });
    const restarted = await createTestGatehouse({
      network: hosts,
      clock: gatehouse.clock,
      store: { ...gatehouse.store, close: () => Promise.resolve() },
    });
    closers.unshift(() => restarted.close());
    hosts.answer = answerJson('', {}, 503);
    const away = await refresh(restarted, clientUrl, tokens.refreshToken);
    expect([away.status, await away.json()]).toMatchObject([503, { error: 'temporarily_unavailable' }]);
    gatehouse.clock.advance(10);
    hosts.answer = answerJson('', {}, 404);
    const gone = await refresh(restarted, clientUrl, tokens.refreshToken);
    expect([gone.status, await gone.json()]).toMatchObject([401, { error: 'invalid_client' }]);
    gatehouse.clock.advance(10);
    hosts.answer = answerJson(describeDocument());
    expect((await refresh(restarted, clientUrl, tokens.refreshToken)).status).toBe(200);
  });

  it('42: takes no secret and no private key', async () => {
    expect(await answerWith({ token_endpoint_auth_method: 'client_secret_post' })).toBe(400);
    expect(await answerWith({ client_secret: 'x' })).toBe(400);
    expect(await answerWith({ jwks: { keys: [{ d: 'x' }] } })).toBe(400);
  });

  it('44: holds such a client to PKCE and rotation', async () => {
    await open();
    const url = authorizeUrl(gatehouse, client, { code_challenge: undefined });
    expect((await gatehouse.fetch(url)).headers.get('location')).toContain('error=invalid_request');
    const signedIn = await obtainCode(gatehouse, { client });
    expect((await redeem(gatehouse, { ...signedIn, verifier: 'x'.repeat(43) })).status).toBe(400);
    const tokens = await signIn(gatehouse, { client });
    const rotated = (await (await refresh(gatehouse, clientUrl, tokens.refreshToken)).json()) as {
      refresh_token: string;
    };
    expect(rotated.refresh_token).not.toBe(tokens.refreshToken);
  });

  it('44: gives nothing of it to another client, and takes it back', async () => {
    await open();
    const tokens = await signIn(gatehouse, { client });
    const other = await registerClient(gatehouse);
    expect((await refresh(gatehouse, other.clientId, tokens.refreshToken)).status).toBe(400);
    const form = { token: tokens.refreshToken, client_id: clientUrl };
    expect((await postForm(gatehouse, '/revoke', form)).status).toBe(200);
    expect((await refresh(gatehouse, clientUrl, tokens.refreshToken)).status).toBe(400);
  });

  it('45: ignores what it does not know', async () => {
    const members = {
      grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'],
      response_types: ['code', 'none'],
      token_endpoint_auth_methods: ['none', 'private_key_jwt'],
      software_statement: 'x',
      scope: 'admin',
    };
    expect(await answerWith(members)).toBe(200);
  });

  it('46: takes a redirect URI of the document, and any port of loopback', async () => {
    await open();
    expect((await ask(clientUrl, 'http://127.0.0.1:49152/callback')).status).toBe(200);
    expect((await ask(clientUrl, 'https://client.example/callback/')).status).toBe(400);
    expect(lastReason()).toBe('redirect_uri_not_registered');
  });

  it('47: asks the person every time', async () => {
    await open();
    const { browser } = await signIn(gatehouse, { client });
    expect(await (await browser.get(authorizeUrl(gatehouse, client))).text()).toContain('consent_token');
  });

  it.each([
    [{ CIMD_ALLOWED_HOSTS: 'other.example' }, 'client_host_refused'],
    [{ CIMD_ALLOWED_HOSTS: '*.client.example' }, 'client_host_refused'],
    [
      { CIMD_ALLOWED_HOSTS: 'client.example', CIMD_DENIED_HOSTS: '*.com,client.example' },
      'client_host_refused',
    ],
    [{ CIMD: 'off' }, 'client_id_invalid'],
  ])('48: with %o nothing is fetched', async (env, reason) => {
    await open(env);
    expect([(await ask()).status, lastReason(), hosts.lookups]).toEqual([400, reason, []]);
  });

  it('48: takes the hosts that are allowed', async () => {
    await open({ CIMD_ALLOWED_HOSTS: 'other.example,client.example', CIMD_DENIED_HOSTS: '*.client.example' });
    expect((await ask()).status).toBe(200);
  });

  it('49: shows no logo', async () => {
    await open();
    hosts.answer = answerJson(describeDocument({ logo_uri: 'https://client.example/logo.png' }));
    expect(await (await new Browser(gatehouse).get(authorizeUrl(gatehouse, client))).text()).not.toContain(
      'logo',
    );
  });

  it('50: fetches once for all who ask at the same time', async () => {
    await open();
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask()));
    expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(200));
    expect(hosts.requests).toHaveLength(1);
  });
});
