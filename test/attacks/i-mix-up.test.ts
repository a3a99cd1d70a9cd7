import { afterEach, describe, expect, it } from 'vitest';

import { Browser } from '../support/browser.ts';
import { authorizeUrl, decide, postForm, readForm, refresh, registerClient } from '../support/flow.ts';
import { type HouseOfTwo, openHouseOfTwo } from '../support/house-of-two.ts';

const closers: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

async function open(): Promise<HouseOfTwo> {
  const house = await openHouseOfTwo();
  closers.push(() => house.close());
  return house;
}

/** Neither says in its answers who it is. */
function silence({ corp, partner }: HouseOfTwo): void {
  for (const provider of [corp, partner]) {
    provider.shape = { metadata: { authorization_response_iss_parameter_supported: false } };
    provider.misbehaviour = { issParameter: null };
  }
}

/** Approves at one of the two; the login page's URL. */
async function begin(house: HouseOfTwo, at: 'corp' | 'partner') {
  const client = await registerClient(house.gatehouse);
  const browser = new Browser(house.gatehouse);
  const page = await browser.get(authorizeUrl(house.gatehouse, client));
  return { browser, login: new URL(await decide(browser, page, `approve:${at}`)) };
}

function nobodyAsked({ gatehouse, corp, partner }: HouseOfTwo): void {
  expect([corp.count('token'), partner.count('token')]).toEqual([0, 0]);
  const types = gatehouse.events.map(({ type }) => type);
  expect(types).not.toContain('login_succeeded');
}

describe('I. identity provider leg: mix-up of several', () => {
  it.each([true, false])(
    '134: the answer of one at the callback of another stays on a page, and its code is sent nowhere (iss left out: %s)',
    async (isSilent) => {
      const house = await open();
      if (isSilent) silence(house);
      const { browser, login } = await begin(house, 'corp');
      const query = await house.corp.logIn(login);

      const astray = await browser.get(`/callback/partner?${query.toString()}`);

      expect(astray.status).toBe(400);
      expect(astray.headers.get('location')).toBeNull();
      expect(house.gatehouse.events).toContainEqual(
        expect.objectContaining({ type: 'request_refused', reason: 'identity_provider_mismatch' }),
      );
      nobodyAsked(house);

      // Nothing was claimed: the person finishes where the login belongs.
      const answer = await browser.get(`/callback/corp?${query.toString()}`);
      expect(new URL(answer.headers.get('location') ?? '').searchParams.has('code')).toBe(true);
    },
  );

  it('134: an error, too, is taken from the one alone that the login was started at', async () => {
    const house = await open();
    const { browser, login } = await begin(house, 'corp');
    const query = new URLSearchParams({
      error: 'access_denied',
      state: login.searchParams.get('state') ?? '',
    });

    const answer = await browser.get(`/callback/partner?${query.toString()}`);

    expect(answer.status).toBe(400);
    expect(answer.headers.get('location')).toBeNull();
    nobodyAsked(house);
  });

  it.each(['/callback', '/callback/', '/callback/CORP', '/callback/corp/', '/callback/other'])(
    '134: %s is nobody’s callback',
    async (path) => {
      const house = await open();
      const { browser, login } = await begin(house, 'corp');
      const query = await house.corp.logIn(login);

      expect((await browser.get(`${path}?${query.toString()}`)).status).toBe(404);
      nobodyAsked(house);
    },
  );

  it('130: a code of one that says its issuer is never shown to another', async () => {
    const house = await open();
    const victim = await begin(house, 'partner');
    const stolen = await house.partner.logIn(victim.login);
    const { browser, login } = await begin(house, 'corp');
    stolen.set('state', login.searchParams.get('state') ?? '');

    const answer = await browser.get(`/callback/corp?${stolen.toString()}`);

    expect(new URL(answer.headers.get('location') ?? '').searchParams.get('error')).toBe('server_error');
    nobodyAsked(house);
  });

  it('130: a code of one is worth nothing in a login at another, though it says no issuer', async () => {
    const house = await open();
    silence(house);
    const victim = await begin(house, 'partner');
    const stolen = await house.partner.logIn(victim.login);
    const { browser, login } = await begin(house, 'corp');
    stolen.set('state', login.searchParams.get('state') ?? '');

    const answer = await browser.get(`/callback/corp?${stolen.toString()}`);

    const sent = new URL(answer.headers.get('location') ?? '').searchParams;
    expect([sent.get('code'), sent.get('error')]).toEqual([null, 'server_error']);
    expect(house.partner.count('token')).toBe(0);
  });

  it.each(['approve', 'approve:', 'approve:corp', 'approve:other', 'approve:__proto__'])(
    '19: %s on the form of a mount for partners alone begins no login elsewhere',
    async (action) => {
      const house = await open();
      const client = await registerClient(house.gatehouse);
      const browser = new Browser(house.gatehouse);
      const url = authorizeUrl(house.gatehouse, client, {
        resource: action === 'approve' ? house.gatehouse.resource : house.partnersOnly,
      });
      const token = readForm(await (await browser.get(url)).text())['consent_token'] ?? '';

      const answer = await browser.post('/consent', { consent_token: token, action });

      expect(answer.status).toBe(400);
      expect(house.gatehouse.events).toContainEqual(
        expect.objectContaining({ type: 'request_refused', reason: 'identity_provider_refused' }),
      );
      expect(house.gatehouse.events.map(({ type }) => type)).not.toContain('consent_decided');
    },
  );

  it('131: the same subject and address at two of them are two people', async () => {
    const house = await open();
    const [atCorp, atPartner] = [await house.signIn('corp'), await house.signIn('partner')];
    house.clock.advance(5);

    const token = await house.corp.logoutToken({ sub: 'alice' });
    await postForm(house.gatehouse, '/backchannel-logout', { logout_token: token });

    const status = async (tokens: typeof atCorp): Promise<number> =>
      (await refresh(house.gatehouse, tokens.client.clientId, tokens.refreshToken)).status;
    expect(await status(atCorp)).toBe(400);
    expect(await status(atPartner)).toBe(200);
  });

  it('107: none of them logs out people of another, whatever issuer its token says', async () => {
    const house = await open();
    const atCorp = await house.signIn('corp');
    const forged = [
      await house.partner.logoutToken({ sub: 'alice', iss: house.corp.issuer }),
      await house.partner.logoutToken({ sub: 'alice', iss: undefined }),
      await house.partner.logoutToken({ sub: 'alice', iss: 'https://other.test' }),
      'no token',
    ];

    for (const token of forged) {
      const answer = await postForm(house.gatehouse, '/backchannel-logout', { logout_token: token });
      expect(answer.status).toBe(400);
    }
    expect(house.gatehouse.events.map(({ type }) => type)).not.toContain('backchannel_logout');
    const { client, refreshToken } = atCorp;
    expect((await refresh(house.gatehouse, client.clientId, refreshToken)).status).toBe(200);
  });

  it('107: one of them cannot use up the names of another’s logout tokens', async () => {
    const house = await open();
    await house.signIn('corp');
    const post = async (token: string): Promise<number> =>
      (await postForm(house.gatehouse, '/backchannel-logout', { logout_token: token })).status;

    expect(await post(await house.partner.logoutToken({ sub: 'x', jti: 'guessed' }))).toBe(200);
    expect(await post(await house.corp.logoutToken({ sub: 'alice', jti: 'guessed' }))).toBe(200);
  });
});
