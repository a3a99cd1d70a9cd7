import { afterAll, afterEach, describe, expect, it } from 'vitest';

import { createMemoryStore } from '../../src/platform/store/memory-store.ts';
import { Browser } from '../support/browser.ts';
import { hashSecret } from '../support/configured-clients.ts';
import { answerDevice, beginDevice, pollDevice } from '../support/device-flow.ts';
import { jwtBearer, startEnterpriseHouse } from '../support/enterprise-house.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { authorizeUrl, obtainCode, postForm, registerClient, type SignedIn } from '../support/flow.ts';
import { createTestGatehouse, type TestGatehouse, type TestGatehouseOptions } from '../support/gatehouse.ts';
import { createProvingKey, hashToken, type ProvingKey, signProof } from '../support/key-proofs.ts';
import { closeAuthority } from '../support/metadata-hosts.ts';
import { startRecordingUpstream } from '../support/recording-upstream.ts';

const closers: (() => Promise<void>)[] = [];

afterAll(closeAuthority);
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

async function open(mode: string, options: TestGatehouseOptions = {}): Promise<TestGatehouse> {
  const gatehouse = await createTestGatehouse({ ...options, env: { DPOP: mode, ...options.env } });
  closers.push(() => gatehouse.close());
  return gatehouse;
}

const key = createProvingKey();
const other = createProvingKey('EdDSA');

type Claims = Readonly<Record<string, unknown>>;

/** The header of a token request that proves this key. */
function proving(gatehouse: TestGatehouse, by: ProvingKey = key, claims: Claims = {}): { DPoP: string } {
  const good = { htm: 'POST', htu: `${gatehouse.publicUrl}/token`, iat: gatehouse.clock.nowSeconds() };
  return { DPoP: signProof(by, { claims: { ...good, ...claims } }) };
}

interface Answer {
  readonly status: number;
  /** The one that the answer tells the client to name. */
  readonly nonce: string | null;
  readonly body: Readonly<Record<string, unknown>>;
}

async function ask(
  gatehouse: TestGatehouse,
  form: Record<string, string>,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const response = await postForm(gatehouse, '/token', form, headers);
  const { status, headers: answered } = response;
  return {
    status,
    nonce: answered.get('dpop-nonce'),
    body: (await response.json()) as Record<string, unknown>,
  };
}

function redeem(gatehouse: TestGatehouse, signedIn: SignedIn, headers: Record<string, string> = {}) {
  const { code, redirectUri, client, verifier } = signedIn;
  const form = { code, redirect_uri: redirectUri, client_id: client.clientId, code_verifier: verifier };
  return ask(gatehouse, { grant_type: 'authorization_code', ...form }, headers);
}

function refresh(
  gatehouse: TestGatehouse,
  { client }: SignedIn,
  token: unknown,
  headers: Record<string, string> = {},
) {
  const form = { refresh_token: String(token), client_id: client.clientId };
  return ask(gatehouse, { grant_type: 'refresh_token', ...form }, headers);
}

function expectRefused(
  gatehouse: TestGatehouse,
  { status, body }: Answer,
  error: string,
  reason: string,
): void {
  expect([status, body['error']]).toEqual([400, error]);
  expect(body).not.toHaveProperty('access_token');
  expect(gatehouse.events.at(-1)).toMatchObject({ type: 'request_refused', reason });
}

const bound = {
  status: 200,
  body: {
    token_type: 'DPoP',
    access_token: expect.stringMatching(/^mgh_at_/),
    refresh_token: expect.stringMatching(/^mgh_rt_/),
  },
};

/** A call with the token, which it proves the key of where there is one. */
function call(gatehouse: TestGatehouse, token: unknown, by?: ProvingKey): Promise<Response> {
  const text = String(token);
  const htu = gatehouse.resource;
  const proof = by && {
    DPoP: signProof(by, {
      claims: { htm: 'POST', htu, iat: gatehouse.clock.nowSeconds(), ath: hashToken(text) },
    }),
  };
  return gatehouse.fetch(gatehouse.mount, {
    method: 'POST',
    headers: {
      Authorization: `${by === undefined ? 'Bearer' : 'DPoP'} ${text}`,
      'Content-Type': 'application/json',
      ...proof,
    },
    body: '{}',
  });
}

describe('tokens bound to a key', () => {
  it('are given to who proves one, and are good with it alone', async () => {
    const upstream = await startRecordingUpstream();
    closers.push(() => upstream.close());
    const gatehouse = await open('optional', { upstream: `${upstream.origin}/mcp` });
    const answer = await redeem(gatehouse, await obtainCode(gatehouse), proving(gatehouse));
    expect(answer).toMatchObject(bound);
    const { access_token: token } = answer.body;
    expect((await call(gatehouse, token, key)).status).toBe(200);
    expect((await call(gatehouse, token, other)).status).toBe(401);
    expect((await call(gatehouse, token)).status).toBe(401);
    expect(upstream.requests).toHaveLength(1);
  });

  it('are not given to who proves none, where that is a choice', async () => {
    const gatehouse = await open('optional');
    const signedIn = await obtainCode(gatehouse);
    const { status, body } = await redeem(gatehouse, signedIn);
    expect([status, body['token_type']]).toEqual([200, 'Bearer']);
    expect((await refresh(gatehouse, signedIn, body['refresh_token'])).body['token_type']).toBe('Bearer');
  });

  it('are refreshed with their key alone, and a refusal costs the client nothing', async () => {
    const gatehouse = await open('optional');
    const signedIn = await obtainCode(gatehouse);
    const { body } = await redeem(gatehouse, signedIn, proving(gatehouse));
    const stolen = body['refresh_token'];
    const bare = await refresh(gatehouse, signedIn, stolen);
    expectRefused(gatehouse, bare, 'invalid_dpop_proof', 'dpop_proof_missing');
    const foreign = await refresh(gatehouse, signedIn, stolen, proving(gatehouse, other));
    expectRefused(gatehouse, foreign, 'invalid_grant', 'dpop_key_mismatch');
    const own = await refresh(gatehouse, signedIn, stolen, proving(gatehouse));
    expect(own).toMatchObject(bound);
    // The successor and the one before, inside the window: bound, both.
    for (const token of [own.body['refresh_token'], stolen]) {
      const again = await refresh(gatehouse, signedIn, token, proving(gatehouse, other));
      expectRefused(gatehouse, again, 'invalid_grant', 'dpop_key_mismatch');
    }
    expect(await refresh(gatehouse, signedIn, own.body['refresh_token'], proving(gatehouse))).toMatchObject(
      bound,
    );
  });

  it('become bound with the first refresh that proves a key, and then nobody else gets the same answer', async () => {
    const gatehouse = await open('optional');
    const signedIn = await obtainCode(gatehouse);
    const { body } = await redeem(gatehouse, signedIn);
    const first = await refresh(gatehouse, signedIn, body['refresh_token'], proving(gatehouse));
    expect(first).toMatchObject(bound);
    for (const headers of [{}, proving(gatehouse, other)]) {
      const late = await refresh(gatehouse, signedIn, body['refresh_token'], headers);
      expectRefused(gatehouse, late, 'invalid_grant', 'dpop_key_mismatch');
    }
    const repeated = await refresh(gatehouse, signedIn, body['refresh_token'], proving(gatehouse));
    expect(repeated.body['refresh_token']).toBe(first.body['refresh_token']);
  });

  it('are the only ones, where that is required; who proves nothing keeps the code', async () => {
    const gatehouse = await open('required');
    const signedIn = await obtainCode(gatehouse);
    const bare = await redeem(gatehouse, signedIn);
    expectRefused(gatehouse, bare, 'invalid_dpop_proof', 'dpop_proof_missing');
    expect(await redeem(gatehouse, signedIn, proving(gatehouse))).toMatchObject(bound);
  });

  it('are not offered where DPOP is off, and a proof is passed over, whatever it is', async () => {
    const gatehouse = await open('off');
    const signedIn = await obtainCode(gatehouse, { overrides: { dpop_jkt: 'x' } });
    const { status, body } = await redeem(gatehouse, signedIn, { DPoP: 'nonsense' });
    expect([status, body['token_type']]).toEqual([200, 'Bearer']);
  });

  it('stay with their key when DPOP is turned off, and are bearer tokens after the next refresh', async () => {
    const [clock, store] = [new FakeClock(), createMemoryStore({ clock: new FakeClock() })];
    const before = await open('optional', { clock, store });
    const signedIn = await obtainCode(before);
    const { body } = await redeem(before, signedIn, proving(before));
    const after = await open('off', { clock, store });
    expect((await call(after, body['access_token'])).status).toBe(401);
    const bare = await refresh(after, signedIn, body['refresh_token']);
    expectRefused(after, bare, 'invalid_dpop_proof', 'dpop_proof_missing');
    const own = await refresh(after, signedIn, body['refresh_token'], proving(after));
    expect([own.status, own.body['token_type']]).toEqual([200, 'Bearer']);
  });

  it.each<readonly [string, Claims, string]>([
    ['another endpoint', { htu: 'https://gatehouse.test/revoke' }, 'dpop_proof_invalid'],
    ['another method', { htm: 'GET' }, 'dpop_proof_invalid'],
    ['an old request', { iat: 1 }, 'dpop_proof_stale'],
  ])('are not given for a proof of %s, and the code is not spent', async (_what, claims, reason) => {
    const gatehouse = await open('optional');
    const signedIn = await obtainCode(gatehouse);
    const answer = await redeem(gatehouse, signedIn, proving(gatehouse, key, claims));
    expectRefused(gatehouse, answer, 'invalid_dpop_proof', reason);
    expect(await redeem(gatehouse, signedIn, proving(gatehouse))).toMatchObject(bound);
  });

  it('are given for a proof that names our nonce, where it has to, and each answer tells the next one', async () => {
    const gatehouse = await open('optional', { env: { DPOP_NONCE: 'on' } });
    const signedIn = await obtainCode(gatehouse);
    const asked = await redeem(gatehouse, signedIn, proving(gatehouse));
    expectRefused(gatehouse, asked, 'use_dpop_nonce', 'dpop_nonce_needed');
    const first = await redeem(gatehouse, signedIn, proving(gatehouse, key, { nonce: asked.nonce }));
    expect(first).toMatchObject(bound);
    expect(first.nonce).toBe(asked.nonce);
    gatehouse.clock.advance(180);
    const token = first.body['refresh_token'];
    const late = await refresh(gatehouse, signedIn, token, proving(gatehouse, key, { nonce: first.nonce }));
    expectRefused(gatehouse, late, 'use_dpop_nonce', 'dpop_nonce_needed');
    expect(late.nonce).not.toBe(first.nonce);
    const next = await refresh(gatehouse, signedIn, token, proving(gatehouse, key, { nonce: late.nonce }));
    expect(next).toMatchObject(bound);
  });

  it('need no nonce by default, and none is told', async () => {
    const gatehouse = await open('optional');
    const answer = await redeem(gatehouse, await obtainCode(gatehouse), proving(gatehouse));
    expect(answer).toMatchObject({ ...bound, nonce: null });
  });

  it('name a nonce that any replica gave, and none of another deployment', async () => {
    const [clock, store] = [new FakeClock(), createMemoryStore({ clock: new FakeClock() })];
    const env = { DPOP_NONCE: 'on' };
    const replicas = { clock, store, env };
    const [one, two] = [await open('optional', replicas), await open('optional', replicas)];
    const foreign = await open('optional', { clock, env: { ...env, TOKEN_SIGNING_SECRET: 'x'.repeat(48) } });
    const [ours, theirs] = [
      await redeem(one, await obtainCode(one), proving(one)),
      await redeem(foreign, await obtainCode(foreign), proving(foreign)),
    ];
    const signedIn = await obtainCode(two);
    const wrong = await redeem(two, signedIn, proving(two, key, { nonce: theirs.nonce }));
    expectRefused(two, wrong, 'use_dpop_nonce', 'dpop_nonce_needed');
    expect(await redeem(two, signedIn, proving(two, key, { nonce: ours.nonce }))).toMatchObject(bound);
  });

  it('are not given for two proofs in one request', async () => {
    const gatehouse = await open('optional');
    const headers = { DPoP: `${proving(gatehouse).DPoP}, ${proving(gatehouse).DPoP}` };
    const answer = await redeem(gatehouse, await obtainCode(gatehouse), headers);
    expectRefused(gatehouse, answer, 'invalid_dpop_proof', 'dpop_proof_invalid');
  });

  it('are given once for a proof, whichever replica gets it', async () => {
    const [clock, store] = [new FakeClock(), createMemoryStore({ clock: new FakeClock() })];
    const [one, two] = [await open('optional', { clock, store }), await open('optional', { clock, store })];
    const proof = proving(one);
    expect(await redeem(one, await obtainCode(one), proof)).toMatchObject(bound);
    for (const gatehouse of [one, two]) {
      const answer = await redeem(gatehouse, await obtainCode(gatehouse), proof);
      expectRefused(gatehouse, answer, 'invalid_dpop_proof', 'dpop_proof_replayed');
    }
  });

  it('come for a code that its request bound to the key, and for no other key', async () => {
    const gatehouse = await open('optional');
    const signedIn = await obtainCode(gatehouse, { overrides: { dpop_jkt: key.thumbprint } });
    expectRefused(gatehouse, await redeem(gatehouse, signedIn), 'invalid_dpop_proof', 'dpop_proof_missing');
    const foreign = await redeem(gatehouse, signedIn, proving(gatehouse, other));
    expectRefused(gatehouse, foreign, 'invalid_grant', 'dpop_key_mismatch');
    expect(await redeem(gatehouse, signedIn, proving(gatehouse))).toMatchObject(bound);
  });

  it('are not asked for with something that is no thumbprint', async () => {
    const gatehouse = await open('optional');
    const url = authorizeUrl(gatehouse, await registerClient(gatehouse), { dpop_jkt: 'key' });
    const location = new URL((await gatehouse.fetch(url)).headers.get('location') ?? '');
    expect(location.searchParams.get('error')).toBe('invalid_request');
  });

  it('are given to devices', async () => {
    const gatehouse = await open('required', { env: { DEVICE_AUTHORIZATION: 'on' } });
    const device = await beginDevice(gatehouse);
    await answerDevice(new Browser(gatehouse), device.userCode);
    const form = {
      grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
      device_code: device.deviceCode,
      client_id: device.client.clientId,
    };
    const bare = await pollDevice(gatehouse, device);
    expect([bare.status, await bare.json()]).toMatchObject([400, { error: 'invalid_dpop_proof' }]);
    gatehouse.clock.advance(10);
    expect(await ask(gatehouse, form, proving(gatehouse))).toMatchObject(bound);
  });

  it('are given to clients that act for themselves', async () => {
    const gatehouse = await open('required', { file: fileWithJob });
    const form = { grant_type: 'client_credentials', client_id: 'job', client_secret: secret };
    expectRefused(gatehouse, await ask(gatehouse, form), 'invalid_dpop_proof', 'dpop_proof_missing');
    const { body } = await ask(gatehouse, form, proving(gatehouse));
    expect(body).toMatchObject({ token_type: 'DPoP' });
    expect((await call(gatehouse, body['access_token'])).status).toBe(401);
  });

  it('are given for assertions of an enterprise, and who proves nothing may come again with the same one', async () => {
    const house = await startEnterpriseHouse({ env: { DPOP: 'required' } });
    closers.push(() => house.close());
    const { gatehouse } = house;
    const assertion = await house.assert();
    const bare = await house.exchange(assertion);
    expect([bare.status, await bare.json()]).toMatchObject([400, { error: 'invalid_dpop_proof' }]);
    const form = { grant_type: jwtBearer, assertion, ...(await house.authenticate()) };
    expect((await ask(gatehouse, form, proving(gatehouse))).body).toMatchObject({ token_type: 'DPoP' });
  });

  it('of a client with a credential are refreshed with any key, since the credential is asked for', async () => {
    const gatehouse = await open('optional', { file: fileWithJob });
    const client = { clientId: 'job', redirectUri: 'https://job.example/callback' };
    const { code, verifier, redirectUri } = await obtainCode(gatehouse, { client });
    const credential = { client_id: 'job', client_secret: secret };
    const first = await ask(
      gatehouse,
      {
        grant_type: 'authorization_code',
        code,
        code_verifier: verifier,
        redirect_uri: redirectUri,
        ...credential,
      },
      proving(gatehouse),
    );
    expect(first).toMatchObject(bound);
    const form = {
      grant_type: 'refresh_token',
      refresh_token: String(first.body['refresh_token']),
      ...credential,
    };
    const second = await ask(gatehouse, form, proving(gatehouse, other));
    expect(second).toMatchObject(bound);
    expect((await call(gatehouse, second.body['access_token'], key)).status).toBe(401);
    expect((await call(gatehouse, second.body['access_token'], other)).status).toBe(502);
  });

  it('are told to resource servers with the key that they are bound to', async () => {
    const clients = `backend:${hashSecret(secret)}`;
    const gatehouse = await open('optional', { env: { INTROSPECTION_CLIENTS: clients } });
    const { body } = await redeem(gatehouse, await obtainCode(gatehouse), proving(gatehouse));
    const authorization = `Basic ${Buffer.from(`backend:${secret}`).toString('base64')}`;
    const form = { token: String(body['access_token']) };
    const answer = await postForm(gatehouse, '/introspect', form, { authorization });
    expect(await answer.json()).toMatchObject({
      active: true,
      token_type: 'DPoP',
      cnf: { jkt: key.thumbprint },
    });
  });

  it('are what one mount asks for, and another does not', async () => {
    const upstream = 'http://127.0.0.1:9/mcp';
    const mounts = [
      { name: 'vault', url: '/mcp', upstream, dpop: 'required', default: true },
      { name: 'open', url: '/open/mcp', upstream },
    ];
    const gatehouse = await open('off', { file: JSON.stringify({ mounts }) });
    const signedIn = await obtainCode(gatehouse);
    expectRefused(gatehouse, await redeem(gatehouse, signedIn), 'invalid_dpop_proof', 'dpop_proof_missing');
    expect(await redeem(gatehouse, signedIn, proving(gatehouse))).toMatchObject(bound);
    const elsewhere = await obtainCode(gatehouse, {
      overrides: { resource: `${gatehouse.publicUrl}/open/mcp` },
    });
    expect((await redeem(gatehouse, elsewhere, proving(gatehouse))).body['token_type']).toBe('Bearer');
  });

  it.each([
    ['off', undefined, undefined],
    ['optional', algorithms(), undefined],
    ['required', algorithms(), true],
  ])(
    'are in the metadata where DPOP is %s, and only as far as they are taken',
    async (mode, algs, isRequired) => {
      const gatehouse = await open(mode);
      const read = async (path: string): Promise<Readonly<Record<string, unknown>>> =>
        (await (await gatehouse.fetch(path)).json()) as Record<string, unknown>;
      const server = await read('/.well-known/oauth-authorization-server');
      const resource = await read('/.well-known/oauth-protected-resource/mcp');
      expect(server['dpop_signing_alg_values_supported']).toEqual(algs);
      expect(resource['dpop_signing_alg_values_supported']).toEqual(algs);
      expect(resource['dpop_bound_access_tokens_required']).toBe(isRequired);
    },
  );

  it('leave no proof and no token in the log', async () => {
    const gatehouse = await open('optional');
    const proof = proving(gatehouse);
    const { body } = await redeem(gatehouse, await obtainCode(gatehouse), proof);
    await call(gatehouse, body['access_token'], other);
    expect(gatehouse.logged()).not.toContain(proof.DPoP.slice(0, 40));
    expect(gatehouse.logged()).not.toContain(String(body['access_token']));
    expect(gatehouse.logged()).not.toContain(key.thumbprint);
  });
});

const secret = 'the secret of a client that has one';
const fileWithJob = JSON.stringify({
  mounts: [{ name: 'files', url: '/mcp', upstream: 'http://127.0.0.1:9/mcp' }],
  clients: [
    {
      client_id: 'job',
      name: 'Job',
      token_endpoint_auth_method: 'client_secret_post',
      client_secret_sha256: hashSecret(secret),
      grant_types: ['client_credentials', 'authorization_code', 'refresh_token'],
      redirect_uris: ['https://job.example/callback'],
    },
  ],
});

function algorithms(): readonly string[] {
  return ['ES256', 'EdDSA', 'Ed25519', 'PS256', 'RS256'];
}
