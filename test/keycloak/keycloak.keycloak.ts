import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

import { callMount } from '../support/answering-upstream.ts';
import { Browser } from '../support/browser.ts';
import {
  authorizeUrl,
  decide,
  obtainCode,
  redeem,
  refresh,
  registerClient,
  type Tokens,
} from '../support/flow.ts';
import { type KeycloakHouse, openKeycloakHouse } from './house.ts';
import type { Person } from './realm.ts';

describe('a gatehouse in front of which people log in at a real Keycloak', () => {
  let house: KeycloakHouse;
  beforeAll(async () => {
    house = await openKeycloakHouse();
  });
  afterAll(() => house.close());

  const call = async (tokens: Pick<Tokens, 'accessToken'>): Promise<number> =>
    (await callMount(house.target, tokens.accessToken)).status;
  const refreshed = (tokens: Tokens): Promise<Response> =>
    refresh(house.target, tokens.client.clientId, tokens.refreshToken);
  const obtain = (person: Person, overrides: Record<string, string> = {}) =>
    obtainCode(house.target, { logIn: (url) => house.logIn(person, url), overrides });

  it('signs a person in and tells the MCP server who it is, with the groups of the mapper', async () => {
    const tokens = await house.signIn('alice');
    expect(await call(tokens)).toBe(200);
    const sent = house.upstream.calls.at(-1);
    expect(sent).toMatchObject({
      'x-user-email': 'alice@example.com',
      'x-user-groups': '/engineering/mcp',
    });
    expect(sent?.['authorization']).toBeUndefined();
  });

  it('refreshes, asking Keycloak each time with the token that it gave last', async () => {
    const tokens = await house.signIn('alice');
    const first = await refreshed(tokens);
    const next = (await first.json()) as { access_token: string; refresh_token: string };
    expect(first.status).toBe(200);
    expect(await call({ accessToken: next.access_token })).toBe(200);
    const second = await refresh(house.target, tokens.client.clientId, next.refresh_token);
    expect(second.status).toBe(200);
  });

  describe('who has left', () => {
    it('is disabled: the next refresh is the last, and says so', async () => {
      const tokens = await house.signIn('bob');
      await house.keycloak.admin.setEnabled('bob', false);
      const answer = await refreshed(tokens);
      expect(answer.status).toBe(400);
      expect(await answer.json()).toMatchObject({ error: 'invalid_grant' });
      await house.keycloak.admin.setEnabled('bob', true);
      expect((await refreshed(tokens)).status).toBe(400);
    });

    it('is in the group no more: the next refresh is the last', async () => {
      const tokens = await house.signIn('carol');
      await house.keycloak.admin.leaveGroups('carol');
      expect(await (await refreshed(tokens)).json()).toMatchObject({ error: 'invalid_grant' });
    });

    it('is refused at the login for not being in a group, and nothing is issued', async () => {
      await expect(obtain('dave')).rejects.toThrow('error=access_denied');
      expect(house.gatehouse.logged()).toContain('"reason":"group"');
    });
  });

  it('goes on over a rotation of keys with overlap, and over one without', async () => {
    const before = await house.signIn('alice');
    for (const overlap of ['overlap', 'no overlap'] as const) {
      await house.keycloak.admin.rotateKeys(overlap);
      const tokens = await house.signIn('alice');
      expect(await call(tokens)).toBe(200);
      expect((await refreshed(tokens)).status).toBe(200);
    }
    expect(await call(before)).toBe(200);
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
      const signedIn = await obtain('alice');
      const tokens = (await (await redeem(house.target, signedIn)).json()) as { access_token: string };
      const replay = await redeem(house.target, signedIn);
      expect(replay.status).toBe(400);
      expect(await replay.json()).toMatchObject({ error: 'invalid_grant' });
      await vi.waitFor(
        async () => expect(await call({ accessToken: tokens.access_token })).toBe(401),
        10_000,
      );
    });

    it('a refresh token of before, and ends the whole family', async () => {
      const tokens = await house.signIn('alice');
      const next = (await (await refreshed(tokens)).json()) as { refresh_token: string };
      const successor = await refresh(house.target, tokens.client.clientId, next.refresh_token);
      expect(successor.status).toBe(200);
      const replay = await refreshed(tokens);
      expect(await replay.json()).toMatchObject({ error: 'invalid_grant' });
      const { refresh_token: last } = (await successor.json()) as { refresh_token: string };
      expect((await refresh(house.target, tokens.client.clientId, last)).status).toBe(400);
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
      await expect(obtain('alice')).rejects.toThrow('error=server_error');
      await vi.waitFor(() => expect(house.gatehouse.logged()).toContain('Client authentication'), 10_000);
      expect(house.gatehouse.logged()).not.toContain('another');
    });
  });

  it('ends a grant within moments of a back-channel logout', async () => {
    // Without offline access: the session of the browser is the one that Keycloak ends.
    await house.restart({ IDENTITY_RECHECK: 'off' });
    const tokens = await house.signIn('alice');
    expect(await call(tokens)).toBe(200);
    await house.keycloak.admin.logOut('alice');
    await vi.waitFor(async () => expect(await call(tokens)).toBe(401), 10_000);
    expect((await refreshed(tokens)).status).toBe(400);
    expect(house.gatehouse.logged()).toContain('backchannel');
  });

  it('keeps every token of Keycloak to itself', async () => {
    const tokens = await house.signIn('alice');
    expect(() => decodeJwt(tokens.accessToken)).toThrow();
    await call(tokens);
    expect(JSON.stringify(house.upstream.calls)).not.toContain('eyJ');
  });
});
