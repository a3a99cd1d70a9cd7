import { afterEach, describe, expect, it } from 'vitest';

import {
  type AuthorizationRoom,
  createAuthorizationRoom,
  refusalOf,
  roomAuthorizeUrl,
} from '../../../test/support/authorization-room.ts';
import { Browser } from '../../../test/support/browser.ts';
import { OAuthError } from '../../protocol/oauth-error.ts';

let room: AuthorizationRoom;
afterEach(() => room.close());

describe('authorization endpoint', () => {
  it('shows the consent page, sets its cookie alone, and writes nothing', async () => {
    room = createAuthorizationRoom();
    const browser = new Browser(room);

    const page = await browser.get(roomAuthorizeUrl(room));

    expect(page.status).toBe(200);
    expect(await page.text()).toContain('Test Client');
    expect([...browser.cookies.keys()]).toEqual([
      expect.stringMatching(/^__Host-gatehouse-consent-[\w-]{22}$/),
    ]);
    expect(room.storeCalls).toEqual([]);
    expect(room.identityProvider.startedLogins).toEqual([]);
    expect(room.events).toEqual([
      { type: 'authorize_initiated', path: 'consent', client: room.client.fingerprint.slice(0, 16) },
    ]);
  });

  it('gives each page a cookie of its own and leaves the others alone', async () => {
    room = createAuthorizationRoom();
    const browser = new Browser(room);
    await browser.get(roomAuthorizeUrl(room));
    const before = browser.cookieHeader();

    await browser.get(roomAuthorizeUrl(room));

    expect(browser.cookieHeader().startsWith(`${before}; __Host-gatehouse-consent-`)).toBe(true);
    expect(browser.cookies.size).toBe(2);
  });

  it('asks each time: no approval is remembered', async () => {
    room = createAuthorizationRoom();
    const browser = new Browser(room);

    const first = await (await browser.get(roomAuthorizeUrl(room))).text();
    const second = await (await browser.get(roomAuthorizeUrl(room))).text();

    expect(first).toContain('consent_token');
    expect(second).toContain('consent_token');
  });

  it('refuses without a page, a cookie or an event', async () => {
    room = createAuthorizationRoom();
    const browser = new Browser(room);

    const refusal = await refusalOf(browser.get(roomAuthorizeUrl(room, { code_challenge: undefined })));

    expect(refusal).toMatchObject({ name: 'AuthorizationError', reason: 'pkce_missing' });
    expect(browser.cookies.size).toBe(0);
    expect(room.events).toEqual([]);
  });
});

describe('authorization endpoint without consent page', () => {
  it('goes straight to the identity provider, bound by a flow cookie, with an empty fragment', async () => {
    room = createAuthorizationRoom({ renderConsentPage: false });
    const browser = new Browser(room);

    const redirect = await browser.get(roomAuthorizeUrl(room));

    expect(redirect.status).toBe(302);
    expect(redirect.headers.get('cache-control')).toBe('no-store');
    const location = redirect.headers.get('location') ?? '';
    expect(location).toMatch(/^https:\/\/login\.test\/authorize\?state=mgh_st_.*#$/);
    expect([...browser.cookies.keys()]).toEqual([expect.stringMatching(/^__Host-gatehouse-flow-/)]);
    expect(room.events).toMatchObject([{ type: 'authorize_initiated', path: 'silent' }]);
    const state = new URL(location).searchParams.get('state') ?? '';
    const answer = await browser.get(`/callback?${new URLSearchParams({ code: 'c', state }).toString()}`);
    expect(answer.headers.get('location')).toMatch(/^https:\/\/client\.example\/callback\?code=mgh_ac_/);
  });

  it('tells the client when the identity provider cannot be reached, and sets no cookie', async () => {
    room = createAuthorizationRoom({ renderConsentPage: false });
    room.identityProvider.startLogin = () =>
      Promise.reject(new OAuthError('temporarily_unavailable', 'down', { reason: 'idp_unavailable' }));
    const browser = new Browser(room);

    const refusal = await refusalOf(browser.get(roomAuthorizeUrl(room)));

    expect(refusal).toMatchObject({
      name: 'AuthorizationError',
      code: 'temporarily_unavailable',
      reason: 'idp_unavailable',
      afterHumanStep: false,
    });
    expect(browser.cookies.size).toBe(0);
    expect(room.events).toEqual([]);
  });
});
