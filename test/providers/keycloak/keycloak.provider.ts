import { setTimeout as sleep } from 'node:timers/promises';

import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

import { Browser } from '../../support/browser.ts';
import { authorizeUrl, decide, redeem, refresh, registerClient } from '../../support/flow.ts';
import { openHouse, type ProviderHouse } from '../house.ts';
import { type Keycloak, startKeycloak } from './keycloak.ts';
import type { Person } from './realm.ts';

interface TokenAnswer {
  readonly access_token: string;
  readonly refresh_token: string;
}

describe('a gatehouse whose people log in at a real Keycloak', () => {
  let house: ProviderHouse<Person, Keycloak>;
  beforeAll(async () => {
    house = await openHouse((publicUrl) => startKeycloak({ publicUrl }));
  });
  afterAll(() => house.close());

  it('signs a person in and tells the MCP server who it is, with the groups of the mapper', async () => {
    const { accessToken } = await house.signIn('alice');
    expect(await house.call(accessToken)).toBe(200);
    const sent = house.upstream.calls.at(-1);
    expect(sent).toMatchObject({ 'x-user-email': 'alice@example.com', 'x-user-groups': '/engineering/mcp' });
    expect(sent?.['authorization']).toBeUndefined();
  });

  it('refreshes, asking Keycloak each time with the token that it gave last', async () => {
    const tokens = await house.signIn('alice');
    const first = await house.refresh(tokens);
    expect(first.status).toBe(200);
    const next = (await first.json()) as TokenAnswer;
    expect(await house.call(next.access_token)).toBe(200);
    const second = await refresh(house.target, tokens.client.clientId, next.refresh_token);
    expect(second.status).toBe(200);
  });

  describe('who has left', () => {
    it('is disabled: the next refresh is the last, and says so', async () => {
      const tokens = await house.signIn('bob');
      await house.provider.admin.setEnabled('bob', false);
      const answer = await house.refresh(tokens);
      expect(answer.status).toBe(400);
      expect(await answer.json()).toMatchObject({ error: 'invalid_grant' });
      await house.provider.admin.setEnabled('bob', true);
      expect((await house.refresh(tokens)).status).toBe(400);
    });

    it('is in the group no more: the next refresh is the last', async () => {
      const tokens = await house.signIn('carol');
      await house.provider.admin.leaveGroups('carol');
      expect(await (await house.refresh(tokens)).json()).toMatchObject({ error: 'invalid_grant' });
    });

    it('is refused at the login for not being in a group, and nothing is issued', async () => {
      await expect(house.obtainCode('dave')).rejects.toThrow('error=access_denied');
      expect(house.gatehouse.logged()).toContain('"reason":"group"');
    });
  });

  it('goes on over a rotation of keys with overlap, and over one without', async () => {
    const before = await house.signIn('alice');
    for (const overlap of ['overlap', 'no overlap'] as const) {
      await house.provider.admin.rotateKeys(overlap);
      const tokens = await house.signIn('alice');
      expect(await house.call(tokens.accessToken)).toBe(200);
      expect((await house.refresh(tokens)).status).toBe(200);
    }
    expect(await house.call(before.accessToken)).toBe(200);
  });

  describe('refuses', () => {
    it('to go on when the person says no at the consent page', async () => {
      const client = await registerClient(house.target);
      const browser = new Browser(house.target);
      const page = await browser.get(authorizeUrl(house.target, client));
      const location = new URL(await decide(browser, page, 'deny'));
      expect(location.origin + location.pathname).toBe(client.redirectUri);
      expect(location.searchParams.get('error')).toBe('access_denied');
    });

    it('a code that was redeemed, and ends what it gave', async () => {
      const signedIn = await house.obtainCode('alice');
      const tokens = (await (await redeem(house.target, signedIn)).json()) as TokenAnswer;
      const replay = await redeem(house.target, signedIn);
      expect(replay.status).toBe(400);
      expect(await replay.json()).toMatchObject({ error: 'invalid_grant' });
      await vi.waitFor(async () => expect(await house.call(tokens.access_token)).toBe(401), 10_000);
    });

    it('a refresh token of before, and ends the whole family', async () => {
      const tokens = await house.signIn('alice');
      const next = (await (await house.refresh(tokens)).json()) as TokenAnswer;
      const { clientId } = tokens.client;
      const successor = await refresh(house.target, clientId, next.refresh_token);
      expect(successor.status).toBe(200);
      expect(await (await house.refresh(tokens)).json()).toMatchObject({ error: 'invalid_grant' });
      const { refresh_token: last } = (await successor.json()) as TokenAnswer;
      expect((await refresh(house.target, clientId, last)).status).toBe(400);
    });

    it('another resource, before anybody is asked to log in', async () => {
      const client = await registerClient(house.target);
      const url = authorizeUrl(house.target, client, { resource: 'https://elsewhere.example/mcp' });
      const answer = await house.target.fetch(url, { redirect: 'manual' });
      const location = new URL(answer.headers.get('location') ?? '');
      expect(location.searchParams.get('error')).toBe('invalid_target');
    });

    it('a login with another secret, and names the setting of the console', async () => {
      await house.restart({ OIDC_CLIENT_SECRET: 'another' });
      await expect(house.obtainCode('alice')).rejects.toThrow('error=server_error');
      await vi.waitFor(() => expect(house.gatehouse.logged()).toContain('Client authentication'), 10_000);
      expect(house.gatehouse.logged()).not.toContain('another');
    });
  });

  it('hears of a logout of somebody with offline access at the next refresh', async () => {
    await house.restart({});
    const tokens = await house.signIn('erin');
    // Keycloak ends what is from before the second of the logout.
    await sleep(1_100);
    await house.provider.admin.logOut('erin');
    expect((await house.refresh(tokens)).status).toBe(400);
    expect(house.gatehouse.logged()).not.toContain('backchannel');
  });

  it('ends a grant within moments of a back-channel logout, which is for sessions of a browser', async () => {
    await house.restart({ OIDC_SCOPES: 'openid email profile' });
    const tokens = await house.signIn('alice');
    expect(await house.call(tokens.accessToken)).toBe(200);
    await house.provider.admin.logOut('alice');
    await vi.waitFor(async () => expect(await house.call(tokens.accessToken)).toBe(401), 10_000);
    expect((await house.refresh(tokens)).status).toBe(400);
    expect(house.gatehouse.logged()).toContain('backchannel');
  });

  it('keeps every token of Keycloak to itself', async () => {
    const tokens = await house.signIn('alice');
    expect(() => decodeJwt(tokens.accessToken)).toThrow();
    await house.call(tokens.accessToken);
    expect(JSON.stringify(house.upstream.calls)).not.toContain('eyJ');
  });
});
