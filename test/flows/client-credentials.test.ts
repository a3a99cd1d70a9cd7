import {
  auth,
  ClientCredentialsProvider,
  type OAuthClientProvider,
  PrivateKeyJwtProvider,
} from '@modelcontextprotocol/client';
import { exportJWK, exportPKCS8, generateKeyPair } from 'jose';
import { afterEach, describe, expect, it, vi } from 'vitest';

import { fingerprintClientId } from '../../src/services/clients/client.ts';
import { createDeniedClients } from '../../src/services/clients/denied-clients.ts';
import { hashSecret } from '../support/configured-clients.ts';
import { errorOf } from '../support/device-flow.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { postForm } from '../support/flow.ts';
import { createGatehousePair } from '../support/gatehouse-pair.ts';
import { createTestGatehouse, type TestGatehouse, type TestGatehouseOptions } from '../support/gatehouse.ts';
import { replyJson, startRecordingUpstream } from '../support/recording-upstream.ts';

const closers: (() => Promise<void>)[] = [];

afterEach(async () => {
  vi.useRealTimers();
  for (const close of closers.splice(0).toReversed()) await close();
});

const secret = 'the secret of the nightly job';
const job = {
  client_id: 'alice',
  name: 'Nightly job',
  token_endpoint_auth_method: 'client_secret_basic',
  client_secret_sha256: hashSecret(secret),
  grant_types: ['client_credentials'],
  mounts: ['files'],
};

function fileWith(clients: readonly object[], mount: object = {}): string {
  const upstream = 'http://127.0.0.1:9/mcp';
  const mounts = [
    { name: 'files', url: '/mcp', upstream, default: true, ...mount },
    { name: 'other', url: '/other/mcp', upstream },
  ];
  return JSON.stringify({ mounts, clients });
}

async function open(options: TestGatehouseOptions = {}): Promise<TestGatehouse> {
  const gatehouse = await createTestGatehouse({ file: fileWith([job]), ...options });
  closers.push(() => gatehouse.close());
  return gatehouse;
}

const basic = {
  authorization: `Basic ${Buffer.from(`alice:${encodeURIComponent(secret)}`).toString('base64')}`,
};

function ask(
  gatehouse: Parameters<typeof postForm>[0],
  form: Record<string, string> = {},
): Promise<Response> {
  return postForm(gatehouse, '/token', { grant_type: 'client_credentials', ...form }, basic);
}

async function tokenOf(gatehouse: Parameters<typeof postForm>[0]): Promise<string> {
  const answer = await ask(gatehouse);
  const body = (await answer.json()) as Record<string, unknown>;
  expect([answer.status, body]).toEqual([200, body]);
  return String(body['access_token']);
}

function call(gatehouse: TestGatehouse, token: string, path = '/mcp'): Promise<Response> {
  return gatehouse.fetch(path, {
    method: 'POST',
    headers: {
      Authorization: `Bearer ${token}`,
      'Content-Type': 'application/json',
      'X-User-Sub': 'mallory',
      'X-User-Client': 'mallory',
    },
    body: '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"report"}}',
  });
}

async function signInBySdk(gatehouse: TestGatehouse, provider: OAuthClientProvider): Promise<void> {
  const fetchFn = (url: string | URL, init?: RequestInit): Promise<Response> =>
    gatehouse.fetch(String(url), init);
  expect(await auth(provider, { serverUrl: gatehouse.resource, fetchFn })).toBe('AUTHORIZED');
}

describe('client credentials', () => {
  it('let a client call for itself, and the upstream is told of no person', async () => {
    const upstream = await startRecordingUpstream();
    upstream.answer = replyJson({});
    closers.push(() => upstream.close());
    const gatehouse = await open({ file: fileWith([job], { upstream: `${upstream.origin}/mcp` }) });
    expect((await call(gatehouse, await tokenOf(gatehouse))).status).toBe(200);
    const [request] = upstream.requests;
    expect(request?.header('x-user-client')).toEqual(['alice']);
    for (const name of ['x-user-sub', 'x-user-email', 'x-user-groups']) {
      expect([name, request?.header(name)]).toEqual([name, []]);
    }
  });

  it('are for no person in a policy: not for one whose subject is spelled like the client', async () => {
    const policy = {
      default: 'deny',
      rules: [{ name: 'alice only', allow: 'everything', to: { subjects: ['alice'] } }],
    };
    const gatehouse = await open({ file: fileWith([job], { policy }) });
    expect((await call(gatehouse, await tokenOf(gatehouse))).status).toBe(403);
  });

  it('are matched by rules for clients', async () => {
    const upstream = await startRecordingUpstream();
    upstream.answer = replyJson({ jsonrpc: '2.0', id: 1, result: {} });
    closers.push(() => upstream.close());
    const rule = { name: 'the job', allow: 'everything', to: { clients: ['alice'] } };
    const mount = { upstream: `${upstream.origin}/mcp`, policy: { default: 'deny', rules: [rule] } };
    const gatehouse = await open({ file: fileWith([job], mount) });
    expect((await call(gatehouse, await tokenOf(gatehouse))).status).toBe(200);
  });

  it('are good for the mount of the client alone', async () => {
    const gatehouse = await open();
    expect((await call(gatehouse, await tokenOf(gatehouse), '/other/mcp')).status).toBe(401);
    const resource = `${gatehouse.publicUrl}/other/mcp`;
    const refused = await ask(gatehouse, { resource });
    expect([refused.status, await errorOf(refused)]).toEqual([400, 'invalid_target']);
  });

  it('end with a revocation by the client, at every replica', async () => {
    const pair = await createGatehousePair({ file: fileWith([job]) });
    closers.push(() => pair.close());
    const [left, right] = pair.both;
    const token = await tokenOf(left);
    expect((await call(right, token)).status).not.toBe(401);
    expect((await postForm(left, '/revoke', { token }, basic)).status).toBe(200);
    await vi.waitFor(async () => expect((await call(right, token)).status).toBe(401), { timeout: 10_000 });
  });

  it('end with the client: denied, it gets nothing more', async () => {
    const gatehouse = await open();
    const { store, clock } = gatehouse;
    const denied = createDeniedClients({
      store,
      clock,
      registrationTtlSeconds: undefined,
      onError: () => {},
    });
    closers.push(async () => denied.close());
    await tokenOf(gatehouse);
    await denied.deny(fingerprintClientId('alice'), 'operator');
    await vi.waitFor(async () => expect((await ask(gatehouse)).status).toBe(401), { timeout: 10_000 });
  });

  it('are what the official client SDK asks for, with a secret', async () => {
    const gatehouse = await open();
    const provider = new ClientCredentialsProvider({
      clientId: 'alice',
      clientSecret: secret,
      expectedIssuer: gatehouse.publicUrl,
    });
    await signInBySdk(gatehouse, provider);
    expect((await call(gatehouse, provider.tokens()?.access_token ?? '')).status).not.toBe(401);
    expect(provider.tokens()?.refresh_token).toBeUndefined();
  });

  it('are what the official client SDK asks for, with a key', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: new FakeClock().nowMilliseconds() });
    const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
    const { client_secret_sha256: _hash, ...others } = job;
    const jwks = { keys: [await exportJWK(publicKey)] };
    const keyed = { ...others, token_endpoint_auth_method: 'private_key_jwt', jwks };
    const gatehouse = await open({ file: fileWith([keyed]) });
    const provider = new PrivateKeyJwtProvider({
      clientId: 'alice',
      privateKey: await exportPKCS8(privateKey),
      algorithm: 'ES256',
      expectedIssuer: gatehouse.publicUrl,
    });
    await signInBySdk(gatehouse, provider);
    expect((await call(gatehouse, provider.tokens()?.access_token ?? '')).status).not.toBe(401);
  });

  it('are in the metadata, and exist, only while a client may use them', async () => {
    const on = await open();
    const { client_id, ...others } = job;
    const reader = {
      ...others,
      client_id,
      grant_types: ['authorization_code'],
      redirect_uris: ['https://c.test/cb'],
    };
    const off = await open({ file: fileWith([reader]) });
    const read = async (gatehouse: TestGatehouse): Promise<Record<string, unknown>> => {
      const answer = await gatehouse.fetch('/.well-known/oauth-authorization-server');
      return (await answer.json()) as Record<string, unknown>;
    };
    const document = await read(on);
    expect(document['grant_types_supported']).toContain('client_credentials');
    expect(document['token_endpoint_auth_methods_supported']).toContain('client_secret_basic');
    expect((await read(off))['grant_types_supported']).not.toContain('client_credentials');
    expect(await errorOf(await ask(off))).toBe('unsupported_grant_type');
  });
});
