import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { type AnsweringUpstream, callMount, startAnsweringUpstream } from '../support/answering-upstream.ts';
import { postForm, refresh, type Tokens } from '../support/flow.ts';
import { openProviderHouse, type ProviderHouse } from '../support/identity/house.ts';

describe('a gatehouse whose identity provider', () => {
  let upstream: AnsweringUpstream;
  let house: ProviderHouse;

  beforeEach(async () => {
    upstream = await startAnsweringUpstream();
    house = await openProviderHouse({}, upstream.url);
  });
  afterEach(async () => {
    await house.close();
    await upstream.close();
  });

  async function readiness(): Promise<{ readonly status: number; readonly body: unknown }> {
    const { metricsPort } = await house.gatehouse.listen();
    const answer = await fetch(`http://127.0.0.1:${metricsPort}/readyz`);
    return { status: answer.status, body: await answer.json() };
  }

  async function refreshed({ client, refreshToken }: Tokens): Promise<number> {
    return (await refresh(house.gatehouse, client.clientId, refreshToken)).status;
  }

  describe('is down when it starts', () => {
    let tokens: Tokens;

    beforeEach(async () => {
      house.remote.refreshTokens = 'kept';
      tokens = await house.enter();
      house.remote.misbehaviour = { transport: { discovery: 'error', token: 'error', jwks: 'error' } };
      house.forget();
    });

    it('sends whoever wants to log in back to the client, which may try again', async () => {
      const { login } = await house.begin();
      expect(login.origin + login.pathname).toBe('https://client.example/callback');
      expect(login.searchParams.get('error')).toBe('temporarily_unavailable');
    });

    it('says so when it is asked whether it is ready, and stays in rotation', async () => {
      expect(await readiness()).toMatchObject({ status: 200, body: { identity_provider: 'unavailable' } });
    });

    it('goes on with calls and refreshes of those who are in', async () => {
      expect((await callMount(house.gatehouse, tokens.accessToken)).status).toBe(200);
      expect(await refreshed(tokens)).toBe(200);
    });

    it('asks to be told of a logout again, and ends the session then', async () => {
      const logout = { logout_token: await house.remote.logoutToken({ sub: 'alice' }) };
      const early = await postForm(house.gatehouse, '/backchannel-logout', logout);
      expect([early.status, early.headers.has('retry-after')]).toEqual([503, true]);
      expect((await callMount(house.gatehouse, tokens.accessToken)).status).toBe(200);

      house.remote.misbehaviour = {};
      house.gatehouse.clock.advance(10);
      expect((await postForm(house.gatehouse, '/backchannel-logout', logout)).status).toBe(200);
      expect((await callMount(house.gatehouse, tokens.accessToken)).status).toBe(401);
    });

    it('lets people in as soon as it is back', async () => {
      await house.begin();
      house.remote.misbehaviour = {};
      house.gatehouse.clock.advance(1);
      expect((await house.attempt()).code).toBeDefined();
      expect(await readiness()).toMatchObject({ status: 200, body: { identity_provider: 'ok' } });
    });
  });

  describe('falls silent while people log in', () => {
    it('is left alone after three of them, for two seconds', async () => {
      await house.attempt();
      const before = house.remote.count('token');
      house.remote.misbehaviour = { transport: { token: 'silent' } };
      for (let count = 0; count < 3; count += 1) {
        expect(await house.attempt()).toMatchObject({ error: 'server_error', reason: 'idp_exchange_failed' });
      }
      expect(await house.attempt()).toMatchObject({
        error: 'temporarily_unavailable',
        reason: 'idp_unavailable',
      });
      expect(house.remote.count('token') - before).toBe(3);
      expect(house.opened.provider.isReady()).toBe(false);

      house.remote.misbehaviour = {};
      house.gatehouse.clock.advance(2);
      expect(house.opened.provider.isReady()).toBe(false);
      expect((await house.attempt()).code).toBeDefined();
      expect(house.opened.provider.isReady()).toBe(true);
      expect((await house.attempt()).code).toBeDefined();
    });
  });

  describe('changes its keys', () => {
    it('loses nobody when the new one was published before', async () => {
      await house.attempt();
      const { published, use } = await house.remote.nextKey('key-2');
      house.remote.misbehaviour = { publishes: () => published };
      expect((await house.attempt()).code).toBeDefined();
      use();
      expect((await house.attempt()).code).toBeDefined();
      // The former one goes.
      house.remote.misbehaviour = {};
      expect((await house.attempt()).code).toBeDefined();
    });

    it('loses nobody when it came without a word', async () => {
      await house.attempt();
      for (const keyId of ['key-2', 'key-3']) {
        house.remote.rotateKeys(keyId);
        expect((await house.attempt()).code).toBeDefined();
      }
    });

    it('still asks about people, and hears of logouts', async () => {
      house.remote.refreshTokens = 'kept';
      const tokens = await house.enter();
      house.remote.rotateKeys('key-2');
      expect(await refreshed(tokens)).toBe(200);
      expect(house.gatehouse.events).toContainEqual(
        expect.objectContaining({ type: 'identity_rechecked', outcome: 'present' }),
      );
      house.remote.rotateKeys('key-3');
      const logout = { logout_token: await house.remote.logoutToken({ sub: 'alice' }) };
      expect((await postForm(house.gatehouse, '/backchannel-logout', logout)).status).toBe(200);
      expect((await callMount(house.gatehouse, tokens.accessToken)).status).toBe(401);
    });
  });

  describe('has another time', () => {
    const skews = [-59, 59];

    it.each(skews)('lets people in when its clock is %d seconds off, and asks about them', async (skew) => {
      house.remote.refreshTokens = 'kept';
      const now = house.gatehouse.clock.nowSeconds() + skew;
      house.remote.misbehaviour = { claims: { iat: now, nbf: now, exp: now + 1 } };
      expect(await refreshed(await house.enter())).toBe(200);
      expect(house.gatehouse.events).toContainEqual(
        expect.objectContaining({ type: 'identity_rechecked', outcome: 'present' }),
      );
    });

    it.each([-3_600, 3_600])('lets nobody in when it is %d seconds off', async (skew) => {
      const now = house.gatehouse.clock.nowSeconds() + skew;
      house.remote.misbehaviour = { claims: { iat: now, nbf: now, exp: now + 1 } };
      expect(await house.attempt()).toMatchObject({
        code: undefined,
        reason: 'id_token_verification_failed',
      });
    });
  });
});
