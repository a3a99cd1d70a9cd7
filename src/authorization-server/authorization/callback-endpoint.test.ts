import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import {
  type AuthorizationRoom,
  createAuthorizationRoom,
  issuer,
  obtainConsentToken,
  obtainLoginState,
  redirectUri,
  refusalOf,
  resource,
} from '../../../test/support/authorization-room.ts';
import { Browser } from '../../../test/support/browser.ts';
import { StoreError } from '../../platform/store/store.ts';
import { AuthorizationError, OAuthError } from '../../protocol/oauth-error.ts';
import { computeCodeChallenge } from '../../protocol/pkce.ts';

let room: AuthorizationRoom;
let browser: Browser;
let login: { readonly state: string; readonly verifier: string };

async function begin(options: Parameters<typeof createAuthorizationRoom>[0] = {}): Promise<void> {
  room = createAuthorizationRoom(options);
  browser = new Browser(room);
  login = await obtainLoginState(room, browser);
  room.events.length = 0;
  room.storeCalls.length = 0;
}
beforeEach(() => begin());
afterEach(() => room.close());

const callback = (query: Record<string, string> | string, by = browser) =>
  by.get(`/callback?${new URLSearchParams(query).toString()}`);
const finish = () => callback({ code: 'idp-code', state: login.state });
const flowCookies = () => [...browser.cookies.keys()].filter((name) => name.includes('flow'));

/** Nothing was claimed, fetched or made, and the browser that approved can still finish. */
async function expectNothingDone(): Promise<void> {
  expect(room.storeCalls).toEqual([]);
  expect(room.identityProvider.finishedLogins).toEqual([]);
  expect(room.grants).toEqual([]);
  expect(room.events).toEqual([]);
  expect((await finish()).status).toBe(302);
}

describe('callback endpoint: success', () => {
  it('hands the client a code, its state and the issuer, and ends the flow', async () => {
    const answer = await finish();

    expect(answer.status).toBe(302);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    const location = new URL(answer.headers.get('location') ?? '');
    expect(location.origin + location.pathname).toBe(redirectUri);
    expect([...location.searchParams.keys()]).toEqual(['code', 'state', 'iss']);
    expect(location.searchParams.get('state')).toBe('client-state');
    expect(location.searchParams.get('iss')).toBe(issuer);
    expect(flowCookies()).toEqual([]);
    expect(room.events).toEqual([
      {
        type: 'login_succeeded',
        subject: 'alice',
        client: room.client.fingerprint.slice(0, 16),
        identityProvider: 'main',
        resource: 'https://gatehouse.test/mcp',
      },
    ]);
  });

  it('records the grant that the code is for', async () => {
    const now = room.clock.nowSeconds();
    const location = new URL((await finish()).headers.get('location') ?? '');

    const code = room.openCode(location.searchParams.get('code') ?? '');
    expect(code).toMatchObject({
      redirectUri,
      codeChallenge: computeCodeChallenge(login.verifier),
      expiresAt: now + 60,
      terms: {
        grantId: expect.stringMatching(/^[\w-]{22}$/),
        identityIssuer: 'https://login.test',
        subject: 'alice',
        email: 'alice@example.com',
        groups: ['engineering'],
        client: room.client.fingerprint,
        resource,
        scope: [],
        grantedAt: now,
        absoluteEnd: now + 1000,
      },
    });
    expect(room.grants).toEqual([{ terms: code?.terms, expiresAt: now + 60 }]);
  });

  it('gives the identity provider what its login was started with', async () => {
    const seen: unknown[] = [];
    const { finishLogin } = room.identityProvider;
    room.identityProvider.finishLogin = (answer) => {
      seen.push(answer);
      return finishLogin.call(room.identityProvider, answer);
    };

    const { state } = await obtainLoginState(room, browser, { prompt: 'login', max_age: '60' });
    const startedAt = room.clock.nowSeconds();
    room.clock.advance(300);

    await callback({ code: 'idp-code', state, iss: 'https://login.test' });

    const secrets = room.identityProvider.startedLogins.at(-1)?.secrets;
    const reauthentication = { prompt: 'login', maxAgeSeconds: 60 };
    expect(room.identityProvider.startedLogins.at(-1)).toEqual({ state, secrets, reauthentication });
    expect(seen).toMatchObject([{ state, secrets, reauthentication, startedAt }]);
    expect(room.identityProvider.finishedLogins[0]?.get('iss')).toBe('https://login.test');
  });

  it('finishes two flows of one browser side by side', async () => {
    const second = await obtainLoginState(room, browser);

    expect((await callback({ code: 'c', state: second.state })).status).toBe(302);
    expect((await finish()).status).toBe(302);
  });
});

describe('callback endpoint: refuses on a page', () => {
  it.each(['code=a&code=b', 'state=a&state=b', 'code=a&error=x', 'error=a&error=b', 'iss=a&iss=b'])(
    'an ambiguous answer: %s',
    async (query) => {
      const state = query.includes('state') ? '' : `&state=${login.state}`;

      const refusal = await refusalOf(callback(`${query}${state}`));

      expect(refusal).toMatchObject({ code: 'invalid_request', status: 400 });
      expect(refusal).not.toBeInstanceOf(AuthorizationError);
      await expectNothingDone();
    },
  );

  it('an answer without state, or with neither code nor error', async () => {
    for (const query of ['', 'code=c', 'error=access_denied', `state=${login.state}`]) {
      const refusal = await refusalOf(callback(query));

      expect(refusal).toMatchObject({ code: 'invalid_request', status: 400 });
      expect(refusal).not.toBeInstanceOf(AuthorizationError);
    }
    await expectNothingDone();
  });

  it('a state that is not ours, or of another kind', async () => {
    const consentToken = await obtainConsentToken(room, browser);
    room.events.length = 0;
    for (const state of ['x', `${login.state}A`, consentToken, consentToken.replace('mgh_cs_', 'mgh_st_')]) {
      for (const kind of ['code', 'error']) {
        const refusal = await refusalOf(callback({ [kind]: 'x', state }));

        expect(refusal).toMatchObject({ status: 400, reason: 'callback_state_invalid' });
        expect(refusal).not.toBeInstanceOf(AuthorizationError);
      }
    }
    await expectNothingDone();
  });

  it('a state after ten minutes', async () => {
    room.clock.advance(600);

    expect(await refusalOf(finish())).toMatchObject({ reason: 'callback_state_invalid' });
    expect(room.identityProvider.finishedLogins).toEqual([]);
  });

  it('a browser that did not approve, for code and error alike', async () => {
    const other = new Browser(room);
    await obtainLoginState(room, other);
    room.events.length = 0;
    room.storeCalls.length = 0;
    for (const stranger of [other, new Browser(room)]) {
      for (const kind of ['code', 'error']) {
        const refusal = await refusalOf(callback({ [kind]: 'access_denied', state: login.state }, stranger));

        expect(refusal).toMatchObject({ code: 'access_denied', status: 403, reason: 'browser_mismatch' });
        expect(refusal).not.toBeInstanceOf(AuthorizationError);
      }
    }
    await expectNothingDone();
  });

  it('a callback that was used, although the browser still had its cookie', async () => {
    const cookies = new Map(browser.cookies);
    await finish();
    for (const [name, value] of cookies) browser.cookies.set(name, value);
    room.events.length = 0;

    expect(await refusalOf(finish())).toMatchObject({
      code: 'invalid_request',
      status: 400,
      reason: 'callback_state_replay',
    });
    expect(room.identityProvider.finishedLogins).toHaveLength(1);
    expect(room.grants).toHaveLength(1);
    expect(room.events).toMatchObject([{ type: 'replay_detected', kind: 'callback_state' }]);
  });

  it('to go on while the store does not answer, and lets the page be reloaded', async () => {
    room.storeIsDown = true;

    expect(await refusalOf(finish())).toMatchObject({ status: 503, reason: 'replay_store_unavailable' });
    expect(room.identityProvider.finishedLogins).toEqual([]);
    room.storeIsDown = false;
    expect((await finish()).status).toBe(302);
  });

  it('to exchange faster than allowed, and lets the page be reloaded', async () => {
    const throttled = new OAuthError('temporarily_unavailable', 'slow down', {
      reason: 'idp_exchange_throttled',
      retryAfterSeconds: 1,
    });
    room.identityProvider.failWith(throttled);

    expect(await refusalOf(finish())).toBe(throttled);
    room.identityProvider.failWith(undefined);
    expect((await finish()).status).toBe(302);
  });
});

/** What was told, which is of failed logins here, each with its provider. */
function failures(): readonly unknown[] {
  const client = room.client.fingerprint.slice(0, 16);
  for (const event of room.events) {
    expect(event).toMatchObject({ type: 'login_failed', client, identityProvider: 'main' });
  }
  return room.events;
}

describe('callback endpoint: tells the client', () => {
  it.each([
    ['access_denied', 'access_denied'],
    ['temporarily_unavailable', 'temporarily_unavailable'],
    ['invalid_scope', 'invalid_scope'],
    ['login_required', 'server_error'],
    ['<script>', 'server_error'],
    ['constructor', 'server_error'],
  ])('of the provider error %o as %s, in fixed words', async (error, code) => {
    const attempt = callback({
      error,
      error_description: 'Call +1',
      error_uri: 'https://evil',
      state: login.state,
    });

    expect(await refusalOf(attempt)).toMatchObject({
      name: 'AuthorizationError',
      code,
      reason: 'idp_error',
      description: 'The identity provider did not complete the login',
      redirectUri,
      state: 'client-state',
      afterHumanStep: true,
      headers: { 'set-cookie': expect.stringMatching(/^__Host-gatehouse-flow-.*Max-Age=0/) },
    });
    expect(room.storeCalls).toEqual([]);
    expect(room.identityProvider.finishedLogins).toEqual([]);
  });

  it.each([
    ['access_denied', 'group', 'access_denied'],
    ['access_denied', 'email_unverified', 'access_denied'],
    ['server_error', 'id_token_verification_failed', 'server_error'],
    ['temporarily_unavailable', 'idp_unavailable', 'temporarily_unavailable'],
    ['bad_gateway', 'idp_exchange_failed', 'server_error'],
    ['invalid_request', 'idp_exchange_failed', 'server_error'],
  ] as const)('of a login refused with %s (%s) as %s', async (thrown, reason, code) => {
    room.identityProvider.failWith(new OAuthError(thrown, 'No', { reason }));

    expect(await refusalOf(finish())).toMatchObject({
      name: 'AuthorizationError',
      code,
      reason,
      redirectUri,
      state: 'client-state',
      afterHumanStep: true,
    });
    expect(room.grants).toEqual([]);
    expect(failures()).toHaveLength(1);
  });

  it('that the person has too many groups, and records no grant: they are told on a page', async () => {
    room.identityProvider.person = {
      ...room.identityProvider.person,
      groups: Array.from({ length: 300 }, (_, index) => `a-group-with-a-long-name-${index}`),
    };

    expect(await refusalOf(finish())).toMatchObject({
      name: 'AuthorizationError',
      code: 'access_denied',
      reason: 'groups_too_many',
      description: expect.stringContaining('groups'),
      notice: { account: 'alice@example.com', isAboutLogin: false, isAboutGroups: true },
    });
    expect(room.grants).toEqual([]);
    expect(failures()).toHaveLength(1);
  });

  it('that the grant could not be recorded, and hands out no code', async () => {
    await room.close();
    await begin({ grants: { open: () => Promise.reject(new StoreError('put', new Error('down'))) } });

    expect(await refusalOf(finish())).toMatchObject({
      name: 'AuthorizationError',
      code: 'temporarily_unavailable',
      reason: 'replay_store_unavailable',
    });
    expect(failures()).toHaveLength(1);
  });

  it('nothing of a bug', async () => {
    room.identityProvider.finishLogin = () => Promise.reject(new TypeError('bug'));

    await expect(finish()).rejects.toThrow(TypeError);
    expect(room.grants).toEqual([]);
  });
});
