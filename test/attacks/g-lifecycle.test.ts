import { afterEach, describe, expect, it, vi } from 'vitest';

import { systemRandom } from '../../src/platform/random.ts';
import { createSealer } from '../../src/platform/sealing/sealer.ts';
import { fingerprintClientId } from '../../src/services/clients/client.ts';
import { clientPurpose } from '../../src/services/clients/clients.ts';
import { accessTokenPurpose } from '../../src/services/tokens/access-token.ts';
import { authorizationCodePurpose } from '../../src/services/tokens/authorization-code.ts';
import { clockSlackSeconds } from '../../src/services/tokens/cut-off.ts';
import { refreshTokenPurpose } from '../../src/services/tokens/refresh-token.ts';
import { type AnsweringUpstream, callMount, startAnsweringUpstream } from '../support/answering-upstream.ts';
import { defaultRedirectUri, obtainCode, postForm, redeem, refresh, signIn } from '../support/flow.ts';
import { createGatehousePair, type GatehousePair } from '../support/gatehouse-pair.ts';
import { connectOpenIdProvider, type OpenIdHouse } from '../support/openid-house.ts';
import { createTestGatehouse, type TestGatehouse, type TestGatehouseOptions } from '../support/gatehouse.ts';

const day = 24 * 3600;
const windowSeconds = 30;
const closers: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

async function open(options: TestGatehouseOptions = {}): Promise<TestGatehouse> {
  const gatehouse = await createTestGatehouse(options);
  closers.push(() => gatehouse.close());
  return gatehouse;
}

async function openUpstream(): Promise<AnsweringUpstream> {
  const upstream = await startAnsweringUpstream();
  closers.push(() => upstream.close());
  return upstream;
}

async function openPair(upstream?: string): Promise<GatehousePair> {
  const pair = await createGatehousePair(upstream === undefined ? {} : { upstream });
  closers.push(() => pair.close());
  return pair;
}

/** Logins and re-checks at a provider that replaces its refresh tokens. */
async function openHouse(
  options: TestGatehouseOptions & { readonly allowedGroups?: readonly string[] } = {},
): Promise<{ gatehouse: TestGatehouse; house: OpenIdHouse; upstream: AnsweringUpstream }> {
  const upstream = await openUpstream();
  const gatehouse = await open({ ...options, upstream: upstream.url });
  const house = await connectOpenIdProvider(gatehouse, options.allowedGroups);
  closers.push(() => house.close());
  house.remote.refreshTokens = 'replaced';
  return { gatehouse, house, upstream };
}

interface Answer {
  readonly status: number;
  readonly error?: string;
  readonly error_code?: string;
  readonly access_token?: string;
  readonly refresh_token?: string;
  readonly expires_in?: number;
}

async function tryRefresh(gatehouse: TestGatehouse, clientId: string, token: string): Promise<Answer> {
  const response = await refresh(gatehouse, clientId, token);
  return { status: response.status, ...((await response.json()) as Omit<Answer, 'status'>) };
}

/** Refreshes, which must succeed; the pair of tokens. */
async function mustRefresh(gatehouse: TestGatehouse, clientId: string, token: string) {
  const answer = await tryRefresh(gatehouse, clientId, token);
  if (answer.access_token === undefined || answer.refresh_token === undefined) {
    throw new Error(`refresh answered ${JSON.stringify(answer)}`);
  }
  return {
    accessToken: answer.access_token,
    refreshToken: answer.refresh_token,
    expiresIn: answer.expires_in,
  };
}

describe('G. refresh, revocation, lifecycle', () => {
  it('94: five processes that share one stored token never lose the session inside the window', async () => {
    const upstream = await openUpstream();
    const pair = await openPair(upstream.url);
    const tokens = await signIn(pair.both[0]);
    const clientId = tokens.client.clientId;
    const nextDelay = createDelays(94);
    let stored = tokens.refreshToken;
    for (let round = 0; round < 100; round += 1) {
      // Each reads the stored token, then takes its time; the last of them is just inside the window.
      const delays = Array.from({ length: 5 }, () => nextDelay(windowSeconds - 1)).sort((a, b) => a - b);
      let passed = delays[0] ?? 0;
      const answers = [];
      for (const [index, delay] of delays.entries()) {
        pair.clock.advance(Math.round((delay - passed) * 1000) / 1000);
        passed = delay;
        answers.push(await mustRefresh(pair.both[index % 2 === 0 ? 0 : 1], clientId, stored));
      }
      expect(new Set(answers.map((answer) => answer.refreshToken)).size).toBe(1);
      stored = answers[0]?.refreshToken ?? '';
      if (round % 10 !== 0) continue;
      for (const { accessToken } of answers) {
        expect((await callMount(pair.both[1], accessToken)).status).toBe(200);
      }
    }
    for (const gatehouse of pair.both) {
      expect(gatehouse.events.filter((event) => event.type === 'grant_revoked')).toEqual([]);
    }
  });

  it('95: a stolen token is caught: the one before gets its successor inside the window, any other ends it all', async () => {
    const upstream = await openUpstream();
    for (const generation of [0, 1, 2, 3, 4]) {
      for (const delay of [1, windowSeconds, 3600]) {
        const gatehouse = await open({ upstream: upstream.url });
        const tokens = await signIn(gatehouse);
        const clientId = tokens.client.clientId;
        const generations = [tokens.refreshToken];
        for (let rotation = 0; rotation < 5; rotation += 1) {
          const next = await mustRefresh(gatehouse, clientId, generations.at(-1) ?? '');
          generations.push(next.refreshToken);
        }
        gatehouse.clock.advance(delay);
        const stolen = generations[generation] ?? '';
        if (generation === 4 && delay < windowSeconds) {
          const repeated = await mustRefresh(gatehouse, clientId, stolen);
          expect(repeated.refreshToken).toBe(generations[5]);
          continue;
        }
        // An older token is caught because the client went on; the one before the last by the end of the window alone.
        const latest =
          generation < 4 ? await mustRefresh(gatehouse, clientId, generations[5] ?? '') : undefined;
        const access = latest?.accessToken ?? tokens.accessToken;
        const alive = latest !== undefined || delay < 3600;
        expect((await callMount(gatehouse, access)).status).toBe(alive ? 200 : 401);

        const caught = await tryRefresh(gatehouse, clientId, stolen);

        expect(caught).toMatchObject({ status: 400, error_code: 'refresh_reuse_detected' });
        expect(caught.access_token).toBeUndefined();
        expect((await callMount(gatehouse, access)).status).toBe(401);
        const heir = await tryRefresh(gatehouse, clientId, latest?.refreshToken ?? generations[5] ?? '');
        expect(heir).toMatchObject({ status: 400, error_code: 'refresh_family_revoked' });
        const alarms = gatehouse.events.filter((event) => event.type === 'grant_revoked');
        expect(alarms).toMatchObject([{ cause: 'refresh_reuse', subject: 'alice' }]);
      }
    }
  });

  it('96: 256 parallel refreshes of one token over two replicas make one successor', async () => {
    const pair = await openPair();
    const tokens = await signIn(pair.both[0]);
    const clientId = tokens.client.clientId;
    const attempts = Array.from({ length: 256 }, (_, index) =>
      mustRefresh(pair.both[index % 2 === 0 ? 0 : 1], clientId, tokens.refreshToken),
    );
    const answers = await Promise.all(attempts);

    expect(new Set(answers.map((answer) => answer.refreshToken)).size).toBe(1);
    const issued = pair.both.flatMap((gatehouse) =>
      gatehouse.events.filter(
        (event) => event.type === 'tokens_issued' && event.grantType === 'refresh_token',
      ),
    );
    expect(issued).toHaveLength(1);
    await mustRefresh(pair.both[1], clientId, answers[0]?.refreshToken ?? '');
  });

  it('97: the window multiplies nothing: one successor, no longer life, every repetition told', async () => {
    const gatehouse = await open({ env: { GRANT_LIFETIME: '1h' } });
    const tokens = await signIn(gatehouse);
    const clientId = tokens.client.clientId;
    const successors = new Set<string>();
    for (let second = 0; second < windowSeconds; second += 1) {
      const answer = await mustRefresh(gatehouse, clientId, tokens.refreshToken);
      successors.add(answer.refreshToken);
      expect(answer.expiresIn).toBe(3595 - second);
      gatehouse.clock.advance(1);
    }
    expect(successors.size).toBe(1);
    const repeated = gatehouse.events.filter((event) => event.type === 'refresh_repeated');
    expect(repeated).toHaveLength(windowSeconds - 1);
    // The repetitions did not move the end of the window.
    const late = await tryRefresh(gatehouse, clientId, tokens.refreshToken);
    expect(late.error_code).toBe('refresh_reuse_detected');
  });

  it('97: repetitions from one address are cut off by the rate limit, and the session survives it', async () => {
    const gatehouse = await open({ env: { RATE_LIMIT_ENABLED: 'true' } });
    const tokens = await signIn(gatehouse);
    const statuses: number[] = [];
    for (let attempt = 0; attempt < 70; attempt += 1) {
      statuses.push((await tryRefresh(gatehouse, tokens.client.clientId, tokens.refreshToken)).status);
    }
    expect(statuses.filter((status) => status === 200)).toHaveLength(59);
    expect(statuses.filter((status) => status === 429)).toHaveLength(11);
    expect(gatehouse.events.filter((event) => event.type === 'grant_revoked')).toEqual([]);
  });

  it('98: reuse detection ends access tokens with the next request here and soon at the other replica', async () => {
    const upstream = await openUpstream();
    const pair = await openPair(upstream.url);
    const [here, there] = pair.both;
    const tokens = await signIn(here);
    const clientId = tokens.client.clientId;
    const next = await mustRefresh(here, clientId, tokens.refreshToken);
    for (const gatehouse of pair.both) {
      expect((await callMount(gatehouse, next.accessToken)).status).toBe(200);
    }
    pair.clock.advance(windowSeconds);
    await tryRefresh(here, clientId, tokens.refreshToken);

    const refused = await callMount(here, next.accessToken);
    expect(refused.status).toBe(401);
    expect(refused.headers.get('www-authenticate')).toContain('error="invalid_token"');
    expect((await callMount(here, tokens.accessToken)).status).toBe(401);
    expect((await tryRefresh(there, clientId, next.refreshToken)).error).toBe('invalid_grant');
    const forwarded = upstream.calls.length;
    await vi.waitFor(async () => expect((await callMount(there, next.accessToken)).status).toBe(401), {
      timeout: 20_000,
      interval: 200,
    });
    const after = upstream.calls.length;
    expect((await callMount(there, tokens.accessToken)).status).toBe(401);
    expect(upstream.calls.length).toBe(after);
    expect(after).toBeGreaterThanOrEqual(forwarded);
  });

  it('100: a refresh that is refused for its resource, scope or client does not consume the token', async () => {
    const gatehouse = await open();
    const tokens = await signIn(gatehouse);
    const form = {
      grant_type: 'refresh_token',
      refresh_token: tokens.refreshToken,
      client_id: tokens.client.clientId,
    };
    const other = await signIn(gatehouse);
    for (const [fields, error] of [
      [{ resource: 'https://evil.test/mcp' }, 'invalid_target'],
      [{ resource: `${gatehouse.resource}#` }, 'invalid_target'],
      [{ scope: 'bad "scope' }, 'invalid_scope'],
      [{ client_id: other.client.clientId }, 'invalid_grant'],
      [{ client_id: 'x' }, 'invalid_client'],
      [{ client_id: '' }, 'invalid_request'],
    ] as const) {
      const refused = await postForm(gatehouse, '/token', { ...form, ...fields });
      expect(((await refused.json()) as Answer).error).toBe(error);
    }
    const next = await mustRefresh(gatehouse, tokens.client.clientId, tokens.refreshToken);
    await mustRefresh(gatehouse, tokens.client.clientId, next.refreshToken);
    expect(gatehouse.events.filter((event) => event.type === 'refresh_repeated')).toEqual([]);
  });

  it('101: a leaver is out with the next refresh, and no later than an access token lasts', async () => {
    const { gatehouse, house, upstream } = await openHouse({ env: { ACCESS_TOKEN_TTL: '15m' } });
    const tokens = await house.signIn();
    const clientId = tokens.client.clientId;
    gatehouse.clock.advance(840);
    const next = await mustRefresh(gatehouse, clientId, tokens.refreshToken);
    house.remote.endSessions();
    expect((await callMount(gatehouse, next.accessToken)).status).toBe(200);

    // One who does not refresh is out when the token is; one who does is found out, and nothing goes on.
    gatehouse.clock.advance(600);
    expect(await tryRefresh(gatehouse, clientId, next.refreshToken)).toMatchObject({
      status: 400,
      error: 'invalid_grant',
    });
    expect((await callMount(gatehouse, next.accessToken)).status).toBe(401);
    expect((await tryRefresh(gatehouse, clientId, next.refreshToken)).error_code).toBe(
      'refresh_family_revoked',
    );
    expect(upstream.calls).toHaveLength(1);
    expect(gatehouse.events).toContainEqual(
      expect.objectContaining({ type: 'grant_revoked', cause: 'identity_gone', subject: 'alice' }),
    );
  });

  it('101: who does not refresh is out when the access token is', async () => {
    const { gatehouse, house } = await openHouse({ env: { ACCESS_TOKEN_TTL: '15m' } });
    const tokens = await house.signIn();
    gatehouse.clock.advance(899);
    expect((await callMount(gatehouse, tokens.accessToken)).status).toBe(200);
    gatehouse.clock.advance(1);
    expect((await callMount(gatehouse, tokens.accessToken)).status).toBe(401);
  });

  it('101: who was taken out of the allowed groups is out with the next refresh', async () => {
    const { gatehouse, house } = await openHouse({ allowedGroups: ['engineering'] });
    const tokens = await house.signIn();
    const clientId = tokens.client.clientId;
    const next = await mustRefresh(gatehouse, clientId, tokens.refreshToken);
    house.remote.person = { ...house.remote.person, groups: ['sales'] };
    expect(await tryRefresh(gatehouse, clientId, next.refreshToken)).toMatchObject({
      status: 400,
      error: 'invalid_grant',
    });
    expect((await callMount(gatehouse, next.accessToken)).status).toBe(401);
  });

  it('101: a provider that is away logs nobody out: calls go on, refreshes for the grace, then 503 until it is back', async () => {
    const { gatehouse, house } = await openHouse({
      env: { IDENTITY_RECHECK_GRACE: '30m', ACCESS_TOKEN_TTL: '15m' },
    });
    const tokens = await house.signIn();
    const clientId = tokens.client.clientId;
    house.remote.misbehaviour = { transport: { token: 'error', jwks: 'error', discovery: 'error' } };
    gatehouse.clock.advance(900);
    const second = await mustRefresh(gatehouse, clientId, tokens.refreshToken);
    gatehouse.clock.advance(899);
    const third = await mustRefresh(gatehouse, clientId, second.refreshToken);
    gatehouse.clock.advance(1);
    const refused = await refresh(gatehouse, clientId, third.refreshToken);
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '10']);
    expect(((await refused.json()) as Answer).error).toBe('temporarily_unavailable');
    expect((await callMount(gatehouse, third.accessToken)).status).toBe(200);

    house.remote.misbehaviour = {};
    gatehouse.clock.advance(10);
    const back = await mustRefresh(gatehouse, clientId, third.refreshToken);
    expect((await callMount(gatehouse, back.accessToken)).status).toBe(200);
    expect(gatehouse.events.filter((event) => event.type === 'grant_revoked')).toEqual([]);
  });

  it('101: a provider that gives no refresh token is not asked; a leaver is out at the absolute end at the latest', async () => {
    const upstream = await openUpstream();
    const gatehouse = await open({ upstream: upstream.url, env: { GRANT_LIFETIME: '2h' } });
    const tokens = await signIn(gatehouse);
    const clientId = tokens.client.clientId;
    gatehouse.clock.advance(3600);
    const second = await mustRefresh(gatehouse, clientId, tokens.refreshToken);
    gatehouse.clock.advance(1800);
    const last = await mustRefresh(gatehouse, clientId, second.refreshToken);
    expect(last.expiresIn).toBe(1795);
    expect(gatehouse.identityProvider.rechecks).toEqual([]);
    expect((await callMount(gatehouse, last.accessToken)).status).toBe(200);
    gatehouse.clock.advance(1800);

    expect((await callMount(gatehouse, last.accessToken)).status).toBe(401);
    expect(await tryRefresh(gatehouse, clientId, last.refreshToken)).toMatchObject({
      status: 400,
      error: 'invalid_grant',
    });
  });

  it('101: two replicas that refresh one token at once ask the provider once, and nobody is logged out', async () => {
    const pair = await openPair();
    pair.identityProvider.givesRefreshTokens = true;
    const tokens = await signIn(pair.both[0]);
    const clientId = tokens.client.clientId;
    let token = tokens.refreshToken;
    for (let round = 1; round <= 5; round += 1) {
      const attempts = Array.from({ length: 12 }, (_, index) =>
        mustRefresh(pair.both[index % 2 === 0 ? 0 : 1], clientId, token),
      );
      const answers = await Promise.all(attempts);
      expect(new Set(answers.map((answer) => answer.refreshToken)).size).toBe(1);
      // A second question would have ended the session at a provider that replaces its refresh tokens, as this one does.
      expect(pair.identityProvider.rechecks).toHaveLength(round);
      token = answers[0]?.refreshToken ?? '';
    }
  });

  it('102: daily use does not carry a session past thirty days', async () => {
    const gatehouse = await open();
    const tokens = await signIn(gatehouse);
    const clientId = tokens.client.clientId;
    let token = tokens.refreshToken;
    for (let passed = 1; passed < 30; passed += 1) {
      gatehouse.clock.advance(day);
      token = (await mustRefresh(gatehouse, clientId, token)).refreshToken;
    }
    gatehouse.clock.advance(day);
    const ended = await tryRefresh(gatehouse, clientId, token);
    expect(ended).toMatchObject({ status: 400, error: 'invalid_grant' });
    const reasons = gatehouse.events.flatMap((event) =>
      event.type === 'request_refused' ? [event.reason] : [],
    );
    expect(reasons).toEqual(['grant_expired']);
  });

  it('102: a session that is not used for seven days is over', async () => {
    const gatehouse = await open();
    const tokens = await signIn(gatehouse);
    gatehouse.clock.advance(7 * day);
    const ended = await tryRefresh(gatehouse, tokens.client.clientId, tokens.refreshToken);
    expect(ended).toMatchObject({ status: 400, error: 'invalid_grant' });
  });

  it('103: a refresh brings what the provider says now: headers change without a login', async () => {
    const { gatehouse, house, upstream } = await openHouse();
    const tokens = await house.signIn();
    await callMount(gatehouse, tokens.accessToken);
    house.remote.person = {
      ...house.remote.person,
      email: 'alice.new@example.com',
      name: 'Alice New',
      groups: ['sales', 'leads'],
    };
    const refreshed = await mustRefresh(gatehouse, tokens.client.clientId, tokens.refreshToken);
    await callMount(gatehouse, refreshed.accessToken);
    // They stay with the grant: the next refresh starts from them, and one without an ID token keeps them.
    house.remote.misbehaviour = { refreshesWithoutIdToken: true };
    const again = await mustRefresh(gatehouse, tokens.client.clientId, refreshed.refreshToken);
    await callMount(gatehouse, again.accessToken);

    expect(upstream.calls.map((headers) => headers['x-user-groups'])).toEqual([
      'engineering',
      'sales,leads',
      'sales,leads',
    ]);
    expect(upstream.calls.map((headers) => headers['x-user-email'])).toEqual([
      'alice@example.com',
      'alice.new@example.com',
      'alice.new@example.com',
    ]);
    expect(new Set(upstream.calls.map((headers) => headers['x-user-sub']))).toEqual(new Set(['alice']));
  });

  it('103: a refreshed ID token of somebody else changes nobody: the grant ends', async () => {
    const { gatehouse, house } = await openHouse();
    const tokens = await house.signIn();
    house.remote.person = { ...house.remote.person, sub: 'mallory', groups: ['administrators'] };
    const refused = await tryRefresh(gatehouse, tokens.client.clientId, tokens.refreshToken);
    expect(refused).toMatchObject({ status: 400, error: 'invalid_grant' });
    expect((await callMount(gatehouse, tokens.accessToken)).status).toBe(401);
  });

  it('103: the provider’s refresh token shows nowhere: not in answers, headers, logs or the store', async () => {
    const { gatehouse, house, upstream } = await openHouse();
    const tokens = await house.signIn();
    const next = await mustRefresh(gatehouse, tokens.client.clientId, tokens.refreshToken);
    await callMount(gatehouse, next.accessToken);
    house.remote.endSessions();
    await tryRefresh(gatehouse, tokens.client.clientId, next.refreshToken);
    const { records } = await gatehouse.store.list('', { cursor: '', limit: 100 });
    const seen = [tokens, next, records, upstream.calls, gatehouse.events, gatehouse.logged()];
    const sent = house.remote.requests.map(({ form }) => form.get('refresh_token'));
    expect(sent.filter((token) => token !== null)).toHaveLength(2);
    expect(JSON.stringify(seen)).not.toContain('provider-refresh-');
  });

  it('107: a logout token that is not quite one is refused, and ends nothing', async () => {
    const { gatehouse, house } = await openHouse();
    const { remote } = house;
    const tokens = await house.signIn();
    const now = gatehouse.clock.nowSeconds();
    const idTokenClaims = { nonce: 'n-1', events: undefined };
    const bad = [
      await remote.logoutToken({ sub: 'alice', iss: 'https://evil.test' }),
      await remote.logoutToken({ sub: 'alice', aud: 'someone-else' }),
      await remote.logoutToken({ sub: 'alice', nonce: 'n-1' }),
      await remote.logoutToken({ sub: 'alice', events: {} }),
      await remote.logoutToken({ sub: 'alice', ...idTokenClaims }),
      await remote.logoutToken({ sub: 'alice', jti: undefined }),
      await remote.logoutToken({ sub: 'alice', iat: now - 3600, exp: now + 3600 }),
      await remote.logoutToken({ sub: 'alice', exp: now - 61 }),
      await remote.logoutToken({ sub: 'alice' }, { typ: 'at+jwt' }),
      await remote.logoutToken({}),
      'no token',
    ];
    for (const signature of ['none', 'foreign-key', 'hs256-secret', 'hs256-public-key', 'broken'] as const) {
      remote.misbehaviour = { signature };
      bad.push(await remote.logoutToken({ sub: 'alice' }));
    }
    remote.misbehaviour = {};
    for (const token of bad) {
      const refused = await postForm(gatehouse, '/backchannel-logout', { logout_token: token });
      expect([token, refused.status]).toEqual([token, 400]);
      expect(refused.headers.get('cache-control')).toContain('no-store');
      expect(await refused.json()).toMatchObject({ error: 'invalid_request' });
    }
    expect((await callMount(gatehouse, tokens.accessToken)).status).toBe(200);
    await mustRefresh(gatehouse, tokens.client.clientId, tokens.refreshToken);
  });

  it('107: a good logout token ends the person’s grants, once, and a login after it stays', async () => {
    const { gatehouse, house } = await openHouse();
    const tokens = await house.signIn();
    const pending = await obtainCode(gatehouse, { logIn: (url) => house.remote.logIn(url) });
    const logout = { logout_token: await house.remote.logoutToken({ sub: 'alice' }) };
    const answer = await postForm(gatehouse, '/backchannel-logout', logout);
    expect([answer.status, await answer.text()]).toEqual([200, '']);
    expect(answer.headers.get('cache-control')).toContain('no-store');

    expect((await callMount(gatehouse, tokens.accessToken)).status).toBe(401);
    expect((await tryRefresh(gatehouse, tokens.client.clientId, tokens.refreshToken)).error).toBe(
      'invalid_grant',
    );
    expect((await redeem(gatehouse, pending)).status).toBe(400);
    gatehouse.clock.advance(1 + clockSlackSeconds);
    const fresh = await house.signIn();
    const replay = await postForm(gatehouse, '/backchannel-logout', logout);
    expect(replay.status).toBe(400);
    expect((await callMount(gatehouse, fresh.accessToken)).status).toBe(200);
    await mustRefresh(gatehouse, fresh.client.clientId, fresh.refreshToken);
  });

  it('107: a logout of one session ends that one', async () => {
    const { gatehouse, house } = await openHouse();
    house.remote.person = { ...house.remote.person, sid: 'laptop' };
    const laptop = await house.signIn();
    house.remote.person = { ...house.remote.person, sid: 'phone' };
    const phone = await house.signIn({ client: laptop.client });
    const token = await house.remote.logoutToken({ sub: 'alice', sid: 'laptop' });
    const answer = await postForm(gatehouse, '/backchannel-logout', { logout_token: token });
    expect(answer.status).toBe(200);

    expect((await callMount(gatehouse, laptop.accessToken)).status).toBe(401);
    expect((await tryRefresh(gatehouse, laptop.client.clientId, laptop.refreshToken)).status).toBe(400);
    expect((await callMount(gatehouse, phone.accessToken)).status).toBe(200);
    await mustRefresh(gatehouse, phone.client.clientId, phone.refreshToken);
  });

  it('106: the cut-off of the configuration: codes, refresh and access tokens from before it are dead', async () => {
    const upstream = await openUpstream();
    const before = await open({ upstream: upstream.url });
    const tokens = await signIn(before);
    const pending = await obtainCode(before, { client: tokens.client });
    before.clock.advance(2);
    const cutOff = new Date(before.clock.nowMilliseconds()).toISOString();
    const after = await open({
      upstream: upstream.url,
      clock: before.clock,
      store: { ...before.store, close: () => Promise.resolve() },
      env: { REVOKE_BEFORE: cutOff },
    });

    expect((await callMount(after, tokens.accessToken)).status).toBe(401);
    expect(upstream.calls).toEqual([]);
    expect(await tryRefresh(after, tokens.client.clientId, tokens.refreshToken)).toMatchObject({
      status: 400,
      error: 'invalid_grant',
    });
    expect((await redeem(after, pending)).status).toBe(400);
    const fresh = await signIn(after, { client: tokens.client });
    expect((await callMount(after, fresh.accessToken)).status).toBe(200);
  });

  it('109: sealed values of other shapes are refused, however well they are sealed', async () => {
    const upstream = await openUpstream();
    const secret = 'a secret of the test that is long enough, 0123456789';
    const gatehouse = await open({ upstream: upstream.url, env: { TOKEN_SIGNING_SECRET: secret } });
    const sealer = createSealer({ secrets: [secret], context: gatehouse.publicUrl, random: systemRandom });
    const tokens = await signIn(gatehouse);
    const clientId = tokens.client.clientId;
    const now = gatehouse.clock.nowSeconds();
    const { records } = await gatehouse.store.list('grant:', { cursor: '', limit: 1 });
    const whole = {
      gid: records[0]?.key.slice('grant:'.length),
      idp: 'https://login.test',
      sub: 'alice',
      cid: fingerprintClientId(clientId),
      res: gatehouse.resource,
      gat: now,
      end: now + day,
      iat: now,
      exp: now + 60,
      tid: 'x',
      ruri: defaultRedirectUri,
      chal: 'x',
    };
    const access = (claims: object) => sealer.seal(accessTokenPurpose, JSON.stringify(claims));
    expect((await callMount(gatehouse, access(whole))).status).toBe(200);
    for (const missing of ['gid', 'idp', 'sub', 'cid', 'res', 'iat', 'exp'] as const) {
      const refused = await callMount(gatehouse, access({ ...whole, [missing]: undefined }));
      expect([missing, refused.status]).toEqual([missing, 401]);
    }
    for (const missing of ['gid', 'idp', 'sub', 'cid', 'res', 'gat', 'end', 'tid', 'exp'] as const) {
      const old = sealer.seal(refreshTokenPurpose, JSON.stringify({ ...whole, [missing]: undefined }));
      const refused = await tryRefresh(gatehouse, clientId, old);
      expect([missing, refused]).toEqual([
        missing,
        { status: 400, error: 'invalid_grant', error_description: 'The refresh token is not valid' },
      ]);
    }
    for (const missing of ['gid', 'cid', 'res', 'gat', 'end', 'ruri', 'chal', 'exp'] as const) {
      const old = sealer.seal(authorizationCodePurpose, JSON.stringify({ ...whole, [missing]: undefined }));
      const refused = await redeem(gatehouse, { ...tokens, code: old });
      expect([missing, refused.status, await refused.json()]).toEqual([
        missing,
        400,
        { error: 'invalid_grant', error_description: 'The authorization code is not valid' },
      ]);
    }
    const oldClient = sealer.seal(clientPurpose, JSON.stringify({ redirect_uris: [defaultRedirectUri] }));
    expect((await tryRefresh(gatehouse, oldClient, tokens.refreshToken)).error).toBe('invalid_client');
    expect(upstream.calls).toHaveLength(1);
    expect(gatehouse.events.filter((event) => event.type === 'grant_revoked')).toEqual([]);
  });
});

/** Delays between 0 and `max` seconds, in whole milliseconds, the same in every run. */
function createDelays(seed: number): (max: number) => number {
  let state = seed;
  return (max) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((state / 2_147_483_648) * max * 1000) / 1000;
  };
}
