import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import {
  type AuthorizationRoom,
  createAuthorizationRoom,
  issuer,
  obtainConsentToken,
  redirectUri,
  refusalOf,
  resource,
} from '../../../test/support/authorization-room.ts';
import { Browser } from '../../../test/support/browser.ts';
import { readForm, readInterstitial } from '../../../test/support/flow.ts';
import { describeAsResource } from '../../../test/support/one-resource.ts';
import { OAuthError } from '../../protocol/oauth-error.ts';
import { createResources } from '../../services/resources/resources.ts';

let room: AuthorizationRoom;
let browser: Browser;
let token: string;

beforeEach(async () => {
  room = createAuthorizationRoom();
  browser = new Browser(room);
  token = await obtainConsentToken(room, browser);
  room.events.length = 0;
});
afterEach(() => room.close());

const answer = (action: string, headers: Record<string, string | undefined> = {}) =>
  browser.post('/consent', { consent_token: token, action }, headers);

/** Nothing came of the request, and the person can still decide. */
async function expectNothingDone(): Promise<void> {
  expect(room.storeCalls).toEqual([]);
  expect(room.events).toEqual([]);
  expect(room.identityProvider.startedLogins).toEqual([]);
  expect([...browser.cookies.keys()]).not.toContainEqual(expect.stringContaining('flow'));
  expect((await answer('deny')).status).toBe(200);
}

describe('consent endpoint: approve', () => {
  it('leads to the identity provider by a page, with the flow cookie', async () => {
    const page = await answer('approve');

    expect(page.status).toBe(200);
    expect(page.headers.get('cache-control')).toBe('no-store');
    expect(page.headers.get('content-security-policy')).toContain("form-action 'none'");
    const url = new URL(readInterstitial(await page.text()));
    expect(url.origin).toBe('https://login.test');
    expect(url.searchParams.get('state')).toMatch(/^mgh_st_/);
    // The page's cookie stays until the page expires, the flow's has come.
    expect([...browser.cookies.keys()]).toEqual([
      expect.stringMatching(/^__Host-gatehouse-consent-/),
      expect.stringMatching(/^__Host-gatehouse-flow-/),
    ]);
    expect(room.events).toMatchObject([{ type: 'consent_decided', decision: 'approved' }]);
    expect(room.storeCalls).toEqual([{ verb: 'put', key: expect.stringMatching(/^consent:[\w-]{22}$/) }]);
  });

  it('makes state, nonce and verifier anew for each login', async () => {
    await answer('approve');
    token = await obtainConsentToken(room, browser);
    await answer('approve');

    const [first, second] = room.identityProvider.startedLogins;
    expect(first?.secrets.nonce).not.toBe(second?.secrets.nonce);
    expect(first?.secrets.codeVerifier).not.toBe(second?.secrets.codeVerifier);
    expect(first?.secrets.codeVerifier).toMatch(/^[\w-]{43}$/);
    expect(first?.state).not.toBe(second?.state);
  });

  it('tells the client when the identity provider cannot be reached', async () => {
    room.identityProvider.startLogin = () =>
      Promise.reject(new OAuthError('temporarily_unavailable', 'down', { reason: 'idp_unavailable' }));

    expect(await refusalOf(answer('approve'))).toMatchObject({
      name: 'AuthorizationError',
      code: 'temporarily_unavailable',
      redirectUri,
      state: 'client-state',
      afterHumanStep: true,
      headers: {},
    });
  });
});

describe('consent endpoint: permissions', () => {
  const ask = async (scope: string, required: readonly string[] = []): Promise<void> => {
    const declared = ['read', 'write', 'admin'].map((name) => ({
      name,
      description: undefined,
      includes: [],
    }));
    const described = { ...describeAsResource(resource), scopes: { declared, defaults: ['read'], required } };
    const resources = createResources(issuer, { resources: [described], fallback: described });
    room = createAuthorizationRoom({ resources });
    browser = new Browser(room);
    token = await obtainConsentToken(room, browser, { scope });
    room.events.length = 0;
  };
  const choose = (action: string, ...chosen: string[]): Promise<Response> => {
    const form = new URLSearchParams({ consent_token: token, action });
    for (const name of chosen) form.append('scope', name);
    return browser.post('/consent', form);
  };
  const grantedScope = async (): Promise<readonly string[] | undefined> => {
    const state = room.identityProvider.startedLogins[0]?.state ?? '';
    const answered = await browser.get(
      `/callback?${new URLSearchParams({ code: 'idp-code', state }).toString()}`,
    );
    const code = new URL(answered.headers.get('location') ?? '').searchParams.get('code') ?? '';
    return room.openCode(code)?.terms.scope;
  };

  it('grants what is left of what was asked for', async () => {
    await ask('read write offline_access');
    expect((await choose('approve', 'write')).status).toBe(200);

    expect(await grantedScope()).toEqual(['write', 'offline_access']);
  });

  it('keeps what every call needs, since nothing else would be of use without it', async () => {
    await ask('read write', ['read']);
    expect((await choose('approve')).status).toBe(200);

    expect(await grantedScope()).toEqual(['read']);
  });

  it.each(['admin', 'offline_access', 'nonsense'])('grants nothing to a form with %o added', async (name) => {
    await ask('read write offline_access');

    expect(await refusalOf(choose('approve', 'read', name))).toMatchObject({
      code: 'invalid_request',
      reason: 'parameter_malformed',
      status: 400,
    });
    await expectNothingDone();
  });

  it('shows the page again when it is approved without a single one, and that page works', async () => {
    await ask('read write');
    const page = await choose('approve');
    const text = await page.text();

    expect(text).toContain('Choose at least one, or deny');
    expect(room.storeCalls).toEqual([]);
    expect(room.events).toEqual([]);
    expect(room.identityProvider.startedLogins).toEqual([]);
    token = readForm(text)['consent_token'] ?? '';
    expect((await choose('approve', 'read')).status).toBe(200);
    expect(await grantedScope()).toEqual(['read']);
  });

  it('needs none to deny', async () => {
    await ask('read write');
    const page = await choose('deny');

    expect(readInterstitial(await page.text())).toContain('error=access_denied');
  });
});

describe('consent endpoint: deny', () => {
  it('leads back to the client by a page, and nowhere near the identity provider', async () => {
    const page = await answer('deny');

    const url = new URL(readInterstitial(await page.text()));
    expect(url.origin + url.pathname).toBe(redirectUri);
    expect(Object.fromEntries(url.searchParams)).toEqual({
      error: 'access_denied',
      error_description: 'The person denied the request',
      state: 'client-state',
      iss: issuer,
    });
    expect(room.events).toMatchObject([{ type: 'consent_decided', decision: 'denied' }]);
    expect(room.identityProvider.startedLogins).toEqual([]);
    expect([...browser.cookies.keys()]).toEqual([expect.stringMatching(/^__Host-gatehouse-consent-/)]);
  });
});

describe('consent endpoint refuses', () => {
  it('a query string', async () => {
    const refusal = await refusalOf(
      browser.post('/consent?x=1', { consent_token: token, action: 'approve' }),
    );

    expect(refusal).toMatchObject({ code: 'invalid_request', status: 400, reason: 'query_forbidden' });
    await expectNothingDone();
  });

  it('a client that was denied since the page was shown', async () => {
    room.clientIsDenied = true;
    for (const action of ['approve', 'deny'] as const) {
      expect(await refusalOf(answer(action))).toMatchObject({
        code: 'invalid_client',
        status: 401,
        reason: 'client_denied',
      });
    }
    room.clientIsDenied = false;
    await expectNothingDone();
  });

  it('client authentication', async () => {
    expect(await refusalOf(answer('approve', { Authorization: 'Basic eDp5' }))).toMatchObject({
      code: 'invalid_client',
      status: 401,
      headers: { 'www-authenticate': 'Basic realm="consent"' },
    });
    await expectNothingDone();
  });

  it('a body that is no form, or too large', async () => {
    expect(await refusalOf(answer('approve', { 'Content-Type': 'text/plain' }))).toMatchObject({
      reason: 'content_type_unsupported',
    });
    const large = { consent_token: 'x'.repeat(1024 * 1024 + 1), action: 'approve' };
    expect(await refusalOf(browser.post('/consent', large))).toMatchObject({ status: 413 });
    await expectNothingDone();
  });

  it.each([
    'action=approve',
    'consent_token=x',
    'redirect_uri=https%3A%2F%2Fevil.example',
    'scope=admin',
    'x=',
  ])('the form with %s added', async (extra) => {
    const form = new URLSearchParams({ consent_token: token, action: 'approve' });
    const body = new URLSearchParams(`${form.toString()}&${extra}`);

    expect(await refusalOf(browser.post('/consent', body))).toMatchObject({
      code: 'invalid_request',
      status: 400,
    });
    await expectNothingDone();
  });

  it.each(['', 'Approve', 'yes', 'approve '])('the action %o, without using up the form', async (action) => {
    expect(await refusalOf(answer(action))).toMatchObject({
      code: 'invalid_request',
      reason: 'parameter_malformed',
    });
    await expectNothingDone();
  });

  it('a token that is missing, altered, or of another kind', async () => {
    await answer('approve');
    const state = room.identityProvider.startedLogins[0]?.state ?? '';
    const attempt = (consentToken: string) =>
      refusalOf(browser.post('/consent', { consent_token: consentToken, action: 'approve' }));

    expect(await attempt('')).toMatchObject({ code: 'invalid_request', reason: 'parameter_missing' });
    for (const wrong of ['x', `${token}A`, state, state.replace('mgh_st_', 'mgh_cs_')]) {
      expect(await attempt(wrong)).toMatchObject({
        code: 'invalid_request',
        status: 400,
        reason: 'consent_token_invalid',
      });
    }
    expect(room.identityProvider.startedLogins).toHaveLength(1);
  });

  it('a token after five minutes', async () => {
    room.clock.advance(300);

    expect(await refusalOf(answer('approve'))).toMatchObject({ reason: 'consent_token_invalid' });
    expect(room.storeCalls).toEqual([]);
    expect(room.identityProvider.startedLogins).toEqual([]);
  });

  it('another browser, and leaves the decision to the one that was asked', async () => {
    const stranger = new Browser(room);
    await obtainConsentToken(room, stranger);
    room.events.length = 0;
    const impostor = new Browser(room);
    const [ours = ''] = browser.cookies.keys();
    impostor.cookies.set(ours, [...stranger.cookies.values()][0] ?? '');
    for (const other of [stranger, impostor, new Browser(room)]) {
      const attempt = other.post('/consent', { consent_token: token, action: 'approve' });

      expect(await refusalOf(attempt)).toMatchObject({
        code: 'access_denied',
        status: 403,
        reason: 'browser_mismatch',
      });
    }
    await expectNothingDone();
  });

  it.each([
    { Origin: 'https://evil.example' },
    { Origin: 'null' },
    { Origin: undefined, 'Sec-Fetch-Site': 'cross-site' },
    { Origin: 'https://x.gatehouse.test', 'Sec-Fetch-Site': 'same-site' },
  ])('a post from elsewhere: %o', async (headers) => {
    expect(await refusalOf(answer('approve', headers))).toMatchObject({
      code: 'access_denied',
      status: 403,
      reason: 'cross_site_post',
    });
    await expectNothingDone();
  });

  it('to decide while the store does not answer', async () => {
    room.storeIsDown = true;

    expect(await refusalOf(answer('approve'))).toMatchObject({
      code: 'temporarily_unavailable',
      status: 503,
      reason: 'replay_store_unavailable',
    });
    expect(room.events).toEqual([]);
    expect(room.identityProvider.startedLogins).toEqual([]);
  });
});

describe('consent endpoint: a form answered twice', () => {
  /** Decides once, and then once more with the same form. */
  async function answerTwice(meanwhile: () => void = () => undefined): Promise<Response> {
    await answer('deny');
    room.events.length = 0;
    meanwhile();
    return answer('approve');
  }

  it('shows the page again with a notice and decides nothing', async () => {
    const page = await answerTwice();

    expect(page.status).toBe(200);
    const text = await page.text();
    expect(text).toContain('This request was answered already');
    expect(room.identityProvider.startedLogins).toEqual([]);
    expect(room.events).toMatchObject([{ type: 'replay_detected', kind: 'consent' }]);
    const again = readForm(text)['consent_token'] ?? '';
    expect(again).not.toBe(token);
    expect(browser.cookies.size).toBe(2);
    const other = new Browser(room).post('/consent', { consent_token: again, action: 'approve' });
    expect(await refusalOf(other)).toMatchObject({ reason: 'browser_mismatch' });
    expect((await browser.post('/consent', { consent_token: again, action: 'approve' })).status).toBe(200);
    expect(room.identityProvider.startedLogins).toHaveLength(1);
  });

  it('does not get more time', async () => {
    const page = await answerTwice(() => room.clock.advance(299));
    const again = readForm(await page.text())['consent_token'] ?? '';
    room.clock.advance(1);

    const attempt = browser.post('/consent', { consent_token: again, action: 'approve' });
    expect(await refusalOf(attempt)).toMatchObject({ reason: 'consent_token_invalid' });
  });

  it('takes one decision of many at the same time', async () => {
    const pages = await Promise.all(Array.from({ length: 50 }, () => answer('approve')));

    const texts = await Promise.all(pages.map((page) => page.text()));
    expect(texts.filter((text) => text.includes('http-equiv="refresh"'))).toHaveLength(1);
    expect(room.identityProvider.startedLogins).toHaveLength(1);
    expect(room.events.filter((event) => event.type === 'consent_decided')).toHaveLength(1);
  });
});
