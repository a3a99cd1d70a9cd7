import { createHash } from 'node:crypto';

import { afterEach, describe, expect, it } from 'vitest';

import { systemRandom } from '../../src/platform/random.ts';
import { createSealer } from '../../src/platform/sealing/sealer.ts';
import { createMemoryStore } from '../../src/platform/store/memory-store.ts';
import { type Store, StoreError } from '../../src/platform/store/store.ts';
import { fingerprintClientId } from '../../src/services/clients/client.ts';
import { accessTokenPurpose, sealAccessToken } from '../../src/services/tokens/access-token.ts';
import { type CutOff, personKey, sessionKey } from '../../src/services/tokens/cut-off.ts';
import type { GrantTerms } from '../../src/services/tokens/grant-terms.ts';
import { createRevocations } from '../../src/services/tokens/revocations.ts';
import { callMount, startAnsweringUpstream } from '../support/answering-upstream.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { obtainCode, postForm, refresh, registerClient, signIn, type Tokens } from '../support/flow.ts';
import { createTestGatehouse, type TestGatehouse, type TestGatehouseOptions } from '../support/gatehouse.ts';
import { createGatehousePair } from '../support/gatehouse-pair.ts';
import { openStream, startStreamingUpstream } from '../support/streaming-upstream.ts';

const closers: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

async function open(options: TestGatehouseOptions = {}): Promise<TestGatehouse> {
  const gatehouse = await createTestGatehouse(options);
  closers.push(() => gatehouse.close());
  return gatehouse;
}

async function openAnswering(options: TestGatehouseOptions = {}): Promise<TestGatehouse> {
  const upstream = await startAnsweringUpstream();
  closers.push(() => upstream.close());
  return open({ ...options, upstream: upstream.url });
}

function revoke(
  gatehouse: TestGatehouse,
  form: Record<string, string>,
  headers?: Record<string, string>,
): Promise<Response> {
  return postForm(gatehouse, '/revoke', form, headers);
}

async function expectAlive(gatehouse: TestGatehouse, tokens: Tokens): Promise<void> {
  expect((await callMount(gatehouse, tokens.accessToken)).status).toBe(200);
  expect((await refresh(gatehouse, tokens.client.clientId, tokens.refreshToken)).status).toBe(200);
}

async function expectDead(gatehouse: TestGatehouse, tokens: Tokens): Promise<void> {
  expect((await callMount(gatehouse, tokens.accessToken)).status).toBe(401);
  const refused = await refresh(gatehouse, tokens.client.clientId, tokens.refreshToken);
  expect(refused.status).toBe(400);
  expect(await refused.json()).toMatchObject({ error: 'invalid_grant' });
}

/** The operator at the store, as the command line is. */
function operatorOf(gatehouse: TestGatehouse) {
  const { store, clock } = gatehouse;
  const operator = createRevocations({ store, clock, onError: () => {} });
  closers.push(() => operator.close());
  return { cutOff: (cutOff: CutOff) => operator.cutOff(cutOff) };
}

describe('the revocation endpoint', () => {
  it.each<[string, 'accessToken' | 'refreshToken', Record<string, string>]>([
    ['a refresh token', 'refreshToken', {}],
    ['an access token', 'accessToken', {}],
    ['a refresh token with the wrong hint', 'refreshToken', { token_type_hint: 'access_token' }],
    ['an access token with the wrong hint', 'accessToken', { token_type_hint: 'refresh_token' }],
    ['a token with a hint nobody knows', 'refreshToken', { token_type_hint: 'pat' }],
  ])('104: %s ends the whole grant, and no other', async (_, kind, extra) => {
    const gatehouse = await openAnswering();
    const [tokens, other] = [await signIn(gatehouse), await signIn(gatehouse)];
    const answer = await revoke(gatehouse, {
      token: tokens[kind],
      client_id: tokens.client.clientId,
      ...extra,
    });
    expect([answer.status, await answer.text()]).toEqual([200, '']);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.headers.get('access-control-allow-origin')).toBe('*');
    await expectDead(gatehouse, tokens);
    await expectAlive(gatehouse, other);
    expect(gatehouse.events).toContainEqual(
      expect.objectContaining({ type: 'grant_revoked', cause: 'client', subject: 'alice' }),
    );
  });

  it('104: another client’s token is refused, and lives on', async () => {
    const gatehouse = await openAnswering();
    const tokens = await signIn(gatehouse);
    const thief = await registerClient(gatehouse);
    for (const token of [tokens.accessToken, tokens.refreshToken]) {
      const refused = await revoke(gatehouse, { token, client_id: thief.clientId });
      expect(refused.status).toBe(400);
      expect(await refused.json()).toMatchObject({ error: 'invalid_grant' });
    }
    await expectAlive(gatehouse, tokens);
  });

  it('104: a token that says nothing here is answered 200, and ends nothing', async () => {
    const gatehouse = await openAnswering();
    const tokens = await signIn(gatehouse);
    const { code } = await obtainCode(gatehouse, { client: tokens.client });
    const elsewhere = await open({ env: { PROXY_BASE_URL: 'https://other.test' } });
    const foreign = await signIn(elsewhere);
    const { clientId } = tokens.client;
    const unknown = [
      'x',
      `${tokens.refreshToken}A`,
      code,
      clientId,
      foreign.accessToken,
      foreign.refreshToken,
    ];
    for (const token of unknown) {
      expect((await revoke(gatehouse, { token, client_id: clientId })).status).toBe(200);
    }
    expect((await gatehouse.store.read('revocations', '')).entries).toEqual([]);
    await expectAlive(gatehouse, tokens);
  });

  it('104: nobody but a client may ask, and only in the form', async () => {
    const gatehouse = await openAnswering();
    const tokens = await signIn(gatehouse);
    const { clientId } = tokens.client;
    const token = tokens.refreshToken;
    const basic = { authorization: `Basic ${Buffer.from(`${clientId}:b`).toString('base64')}` };
    for (const [form, headers, status] of [
      [{ token }, {}, 400],
      [{ client_id: clientId }, {}, 400],
      [{ token, client_id: 'stranger' }, {}, 401],
      [{ token, client_id: clientId }, basic, 401],
      [{ token, client_id: 'another' }, basic, 400],
    ] as [Record<string, string>, Record<string, string>, number][]) {
      expect([form, (await revoke(gatehouse, form, headers)).status]).toEqual([form, status]);
    }
    const query = new URLSearchParams({ token, client_id: clientId });
    expect((await postForm(gatehouse, `/revoke?${query.toString()}`, {})).status).toBe(400);
    expect((await gatehouse.fetch(`/revoke?${query.toString()}`)).status).toBe(405);
    await expectAlive(gatehouse, tokens);
  });

  it('104: what the store cannot record is 503, never 200', async () => {
    let down = false;
    const clock = new FakeClock();
    const store = createMemoryStore({ clock });
    const failing: Store = {
      ...store,
      append: (...entry) =>
        down ? Promise.reject(new StoreError('append', undefined)) : store.append(...entry),
    };
    const gatehouse = await open({ clock, store: failing });
    const tokens = await signIn(gatehouse);
    down = true;
    const form = { token: tokens.refreshToken, client_id: tokens.client.clientId };
    const refused = await revoke(gatehouse, form);
    expect(refused.status).toBe(503);
    expect(refused.headers.get('retry-after')).toMatch(/^\d+$/);
    expect(await refused.json()).toMatchObject({ error: 'temporarily_unavailable' });
    expect(gatehouse.events.filter(({ type }) => type === 'grant_revoked')).toEqual([]);
    down = false;
    expect((await revoke(gatehouse, form)).status).toBe(200);
  });

  it('104: the other replica hears of it by itself', async () => {
    const upstream = await startAnsweringUpstream();
    closers.push(() => upstream.close());
    const pair = await createGatehousePair({ upstream: upstream.url });
    closers.push(() => pair.close());
    const [here, there] = pair.both;
    const tokens = await signIn(here);
    expect((await callMount(there, tokens.accessToken)).status).toBe(200);
    await revoke(here, { token: tokens.accessToken, client_id: tokens.client.clientId });
    await expect
      .poll(async () => (await callMount(there, tokens.accessToken)).status, { timeout: 10_000 })
      .toBe(401);
    expect((await refresh(there, tokens.client.clientId, tokens.refreshToken)).status).toBe(400);
  });
});

describe('the kill switches', () => {
  const secret = 'a secret of the test that is long enough, 0123456789';
  const issuer = 'https://login.test';

  const everyKind: ReadonlyArray<[CutOff['kind'], string, Partial<GrantTerms>]> = [
    ['subject', personKey(issuer, 'alice'), { subject: 'bob' }],
    ['session', sessionKey(issuer, 'session-1'), { sessionId: 'session-2' }],
    ['client', fingerprintClientId('client-1'), { client: fingerprintClientId('client-2') }],
    ['grant', 'grant-1', { grantId: 'grant-2' }],
    ['everything', '', {}],
  ];

  it.each(everyKind)(
    '106: %s: a hundred open streams end, no new call is let in, and the others notice nothing',
    async (kind, key, bystander) => {
      const upstream = await startStreamingUpstream();
      closers.push(() => upstream.close());
      const env = { TOKEN_SIGNING_SECRET: secret, MCP_PER_SUBJECT_STREAMS: '0' };
      const gatehouse = await open({ env, upstream: upstream.url });
      const { metricsPort } = await gatehouse.listen();
      const sealer = createSealer({ secrets: [secret], context: gatehouse.publicUrl, random: systemRandom });
      const now = gatehouse.clock.nowSeconds();
      const issue = (changes: Partial<GrantTerms>): string => {
        const terms = { ...termsOf(gatehouse), grantedAt: now, absoluteEnd: now + 86_400, ...changes };
        return sealAccessToken(sealer, { terms, issuedAt: now, expiresAt: now + 3600 });
      };
      const isAlone = kind !== 'everything';
      const [accused, other] = [issue({}), issue(bystander)];
      const streams = await Promise.all(Array.from({ length: 100 }, () => openStream(gatehouse, accused)));
      if (isAlone) await openStream(gatehouse, other);

      await operatorOf(gatehouse).cutOff({ kind, key, before: now + 1 });
      await Promise.all(streams.map(({ ended }) => ended));

      await expect.poll(() => upstream.openStreams).toBe(isAlone ? 1 : 0);
      expect((await callMount(gatehouse, accused)).status).toBe(401);
      expect((await callMount(gatehouse, other)).status).toBe(isAlone ? 200 : 401);
      const metrics = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
      expect(metrics).toContain('gatehouse_revocation_to_last_byte_seconds_count 100\n');
    },
  );

  it('106: codes and refresh tokens from before are dead, and a new login is good', async () => {
    const gatehouse = await openAnswering();
    const tokens = await signIn(gatehouse);
    const key = personKey(issuer, 'alice');
    await operatorOf(gatehouse).cutOff({ kind: 'subject', key, before: gatehouse.clock.nowSeconds() + 1 });
    await expectDead(gatehouse, tokens);
    gatehouse.clock.advance(2);
    await expectAlive(gatehouse, await signIn(gatehouse, { client: tokens.client }));
  });

  function termsOf(gatehouse: TestGatehouse): Omit<GrantTerms, 'grantedAt' | 'absoluteEnd'> {
    return {
      grantId: 'grant-1',
      identityIssuer: issuer,
      subject: 'alice',
      email: undefined,
      name: undefined,
      groups: [],
      sessionId: 'session-1',
      client: fingerprintClientId('client-1'),
      resource: gatehouse.resource,
      scope: [],
    };
  }
});

describe('token introspection', () => {
  const secret = 'rs-secret:with%signs';
  const clients = `upstream:${createHash('sha256').update(secret).digest('hex')},other:${'0'.repeat(64)}`;
  const basic = (id: string, password: string): Record<string, string> => ({
    authorization: `Basic ${Buffer.from(`${encodeURIComponent(id)}:${encodeURIComponent(password)}`).toString('base64')}`,
  });

  function introspect(
    gatehouse: TestGatehouse,
    token: string,
    headers: Record<string, string> = basic('upstream', secret),
  ): Promise<Response> {
    return postForm(gatehouse, '/introspect', { token }, headers);
  }

  it('108: without an authenticated resource server nothing is told', async () => {
    const gatehouse = await open({ env: { INTROSPECTION_CLIENTS: clients } });
    const tokens = await signIn(gatehouse);
    for (const headers of [
      {},
      basic('upstream', 'wrong'),
      basic('other', secret),
      basic('stranger', secret),
      basic('', ''),
      basic(tokens.client.clientId, ''),
      { authorization: `Bearer ${tokens.accessToken}` },
      { authorization: 'Basic !' },
      { authorization: `Basic ${Buffer.from('no colon').toString('base64')}` },
      { authorization: `Basic ${Buffer.from('%E0%A4%A:x').toString('base64')}` },
    ]) {
      const refused = await introspect(gatehouse, tokens.accessToken, headers);
      expect([headers, refused.status]).toEqual([headers, 401]);
      expect(refused.headers.get('www-authenticate')).toMatch(/^Basic /);
      const text = await refused.text();
      expect(JSON.parse(text)).toMatchObject({ error: 'invalid_client' });
      expect(text).not.toContain('active');
      expect(text).not.toContain('alice');
    }
    const form = { token: tokens.accessToken, client_id: 'upstream', client_secret: secret };
    expect((await postForm(gatehouse, '/introspect', form)).status).toBe(401);
  });

  it('108: a live access token is described, anything else is {"active":false} and nothing else', async () => {
    const gatehouse = await open({ env: { INTROSPECTION_CLIENTS: clients } });
    const tokens = await signIn(gatehouse);
    const now = gatehouse.clock.nowSeconds();
    const described = await introspect(gatehouse, tokens.accessToken);
    expect(described.headers.get('cache-control')).toBe('no-store');
    expect(described.headers.get('access-control-allow-origin')).toBeNull();
    expect(await described.json()).toEqual({
      active: true,
      sub: 'alice',
      username: 'alice@example.com',
      client_id: fingerprintClientId(tokens.client.clientId),
      token_type: 'Bearer',
      iat: now,
      exp: now + 3600,
      aud: gatehouse.resource,
      iss: gatehouse.publicUrl,
    });
    const expectInactive = async (token: string): Promise<void> => {
      const answer = await introspect(gatehouse, token);
      expect([answer.status, await answer.text()]).toEqual([200, '{"active":false}']);
    };
    const { code } = await obtainCode(gatehouse, { client: tokens.client });
    const unknown = [
      'x',
      'a b',
      code,
      tokens.refreshToken,
      tokens.client.clientId,
      accessTokenPurpose.prefix,
    ];
    for (const token of unknown) await expectInactive(token);
    await revoke(gatehouse, { token: tokens.refreshToken, client_id: tokens.client.clientId });
    await expectInactive(tokens.accessToken);
    const later = await signIn(gatehouse);
    gatehouse.clock.advance(3600);
    await expectInactive(later.accessToken);
  });

  it('108: a resource server hears nothing of the tokens of a mount that is not its own', async () => {
    const upstream = 'http://127.0.0.1:9/mcp';
    const mounts = [
      { name: 'files', url: '/mcp', upstream, default: true },
      { name: 'wiki', url: '/wiki/mcp', upstream },
      { name: 'tenants', url: 'https://*.tenants.test/mcp', upstream },
    ];
    const own = (names: string): string => `${clients.split(',', 1)[0]}:${names}`;
    const ask = async (names: string): Promise<readonly boolean[]> => {
      const gatehouse = await open({
        env: { INTROSPECTION_CLIENTS: own(names) },
        file: JSON.stringify({ mounts }),
      });
      const active: boolean[] = [];
      for (const resource of [
        gatehouse.resource,
        `${gatehouse.publicUrl}/wiki/mcp`,
        'https://a.tenants.test/mcp',
      ]) {
        const { accessToken } = await signIn(gatehouse, { overrides: { resource } });
        const answer = await introspect(gatehouse, accessToken);
        active.push(((await answer.json()) as { active: boolean }).active);
      }
      return active;
    };
    expect(await ask('files')).toEqual([true, false, false]);
    expect(await ask('wiki+tenants')).toEqual([false, true, true]);
  });

  it('108: without resource servers there is no endpoint, and none is advertised', async () => {
    const gatehouse = await open();
    const tokens = await signIn(gatehouse);
    expect((await introspect(gatehouse, tokens.accessToken)).status).toBe(404);
    const metadata = await gatehouse.fetch('/.well-known/oauth-authorization-server');
    expect(await metadata.json()).not.toHaveProperty('introspection_endpoint');
  });
});
