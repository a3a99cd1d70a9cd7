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

  it('sends who asks by form on to the same request by query, without a cookie or an event', async () => {
    room = createAuthorizationRoom();
    const browser = new Browser(room);
    const whole = {
      state: 'a b&c=d#\u00e9',
      prompt: 'consent login',
      max_age: '60',
      resource: room.resource,
    };
    const { searchParams } = new URL(roomAuthorizeUrl(room, { ...whole, ignored: 'x'.repeat(20_000) }));

    const redirect = await browser.post('/authorize', searchParams);

    expect([redirect.status, redirect.headers.get('cache-control')]).toEqual([303, 'no-store']);
    expect([browser.cookies.size, room.events, room.storeCalls]).toEqual([0, [], []]);
    const location = new URL(redirect.headers.get('location') ?? '');
    expect(location.origin + location.pathname).toBe('https://gatehouse.test/authorize');
    searchParams.delete('ignored');
    searchParams.set('prompt', 'login');
    expect(Object.fromEntries(location.searchParams)).toEqual(Object.fromEntries(searchParams));
    expect((await browser.get(location.href)).status).toBe(200);
  });

  it('leaves out of the query what was not asked', async () => {
    room = createAuthorizationRoom();
    const { searchParams } = new URL(roomAuthorizeUrl(room, { state: undefined }));
    const redirect = await new Browser(room).post('/authorize', searchParams);
    const location = new URL(redirect.headers.get('location') ?? '');
    expect([...location.searchParams.keys()].toSorted()).toEqual([
      'client_id',
      'code_challenge',
      'code_challenge_method',
      'redirect_uri',
      'resource',
      'response_type',
    ]);
  });

  it('refuses a form as it refuses a query', async () => {
    room = createAuthorizationRoom();
    const { searchParams } = new URL(roomAuthorizeUrl(room, { code_challenge: undefined }));
    const refusal = await refusalOf(new Browser(room).post('/authorize', searchParams));
    expect(refusal).toMatchObject({ name: 'AuthorizationError', reason: 'pkce_missing' });
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
