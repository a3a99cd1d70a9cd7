import { afterEach, describe, expect, it } from 'vitest';

import { Browser } from '../support/browser.ts';
import { beginDevice, deviceEnvironment, pollDevice, typeCode } from '../support/device-flow.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { authorizeUrl, decide, postForm, refresh, registerClient } from '../support/flow.ts';
import { type HouseOfTwo, type HouseOfTwoOptions, openHouseOfTwo } from '../support/house-of-two.ts';
import { createMemoryStore } from '../../src/platform/store/memory-store.ts';

const closers: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

async function open(options?: HouseOfTwoOptions): Promise<HouseOfTwo> {
  const house = await openHouseOfTwo(options);
  closers.push(() => house.close());
  return house;
}

/** Asks for an authorization; the page that comes. */
async function ask(house: HouseOfTwo, overrides: Record<string, string> = {}) {
  const client = await registerClient(house.gatehouse);
  const browser = new Browser(house.gatehouse);
  const page = await browser.get(authorizeUrl(house.gatehouse, client, overrides));
  return { client, browser, page };
}

function refreshStatus(house: HouseOfTwo, tokens: Awaited<ReturnType<HouseOfTwo['signIn']>>) {
  return refresh(house.gatehouse, tokens.client.clientId, tokens.refreshToken);
}

describe('several identity providers', () => {
  it('each let people in, at a callback of its own', async () => {
    const house = await open();

    await house.signIn('corp');
    await house.signIn('partner');

    const callbacks = [house.corp, house.partner].map((provider) =>
      provider.requests.find(({ endpoint }) => endpoint === 'authorize')?.query.get('redirect_uri'),
    );
    expect(callbacks).toEqual([
      'https://gatehouse.test/callback/corp',
      'https://gatehouse.test/callback/partner',
    ]);
    expect([house.corp.count('token'), house.partner.count('token')]).toEqual([1, 1]);
  });

  it('are buttons of the consent page, and the browser goes where the button says', async () => {
    const { browser, page } = await ask(await open());
    const copy = page.clone();
    const html = await page.text();

    expect(html).toMatch(/value="approve:corp"[^<]*Continue with <bdi>Example Corp<\/bdi>/);
    expect(html).toMatch(/value="approve:partner"[^<]*Continue with <bdi>Our partners<\/bdi>/);
    expect(html).not.toContain('value="approve"');
    expect(new URL(await decide(browser, copy, 'approve:partner')).searchParams.get('redirect_uri')).toBe(
      'https://gatehouse.test/callback/partner',
    );
  });

  it('are no choice at a mount that names one: its page approves, and leads there', async () => {
    const house = await open();
    const { browser, page } = await ask(house, { resource: house.partnersOnly });
    const copy = page.clone();

    expect(await page.text()).toContain('value="approve"');
    const login = new URL(await decide(browser, copy));
    expect(login.origin).toBe(house.partner.issuer);
  });

  it('are asked about on a page of their own where no consent is asked', async () => {
    const house = await open({ env: { RENDER_CONSENT_PAGE: 'false' } });
    const { browser, page } = await ask(house);
    const copy = page.clone();

    expect(await page.text()).toContain('Choose where to log in');
    expect(new URL(await decide(browser, copy, 'approve:corp')).origin).toBe(house.corp.issuer);
    expect(house.gatehouse.events.map(({ type }) => type)).not.toContain('consent_decided');

    const only = await ask(house, { resource: house.partnersOnly });
    expect(only.page.status).toBe(302);
    expect(new URL(only.page.headers.get('location') ?? '').origin).toBe(house.partner.issuer);
  });

  it.each([undefined, 'Tenants'])(
    'are told on that page which of many servers it is for, with the title %s',
    async (title) => {
      const env = { RENDER_CONSENT_PAGE: 'false' };
      const house = await open({ env, mount: { url: 'https://*.mcp.test/mcp', default: false, title } });
      const { page } = await ask(house, { resource: 'https://red.mcp.test/mcp' });

      expect(await page.text()).toContain(
        `for ${title === undefined ? '' : `<bdi>${title} (red)</bdi>, `}<code>https://red.mcp.test/mcp</code>.`,
      );
    },
  );

  it('can be declined on that page: the application is told', async () => {
    const house = await open({ env: { RENDER_CONSENT_PAGE: 'false' } });
    const { browser, page } = await ask(house);

    const answer = new URL(await decide(browser, page, 'deny'));

    expect(answer.searchParams.get('error')).toBe('access_denied');
    expect(house.corp.requests.concat(house.partner.requests).map(({ endpoint }) => endpoint)).not.toContain(
      'authorize',
    );
  });

  it('do not stop each other: while one is away, people log in at the other, and readiness names it', async () => {
    const house = await open();
    await house.signIn('corp');
    const { metricsPort } = await house.gatehouse.listen();
    house.partner.misbehaviour = { transport: { discovery: 'error' } };
    const other = await open({
      providers: { corp: house.corp, partner: house.partner },
      clock: house.clock,
    });

    const { browser, page } = await ask(other);
    const answer = new URL(await decideAtDown(browser, page));
    expect(answer.searchParams.get('error')).toBe('temporarily_unavailable');
    await other.signIn('corp');

    const ports = await other.gatehouse.listen();
    const readyz = async (port: number): Promise<unknown> =>
      (await fetch(`http://127.0.0.1:${port}/readyz`)).json();
    expect(await readyz(ports.metricsPort)).toMatchObject({
      status: 'ok',
      identity_provider: 'unavailable',
      identity_providers: { corp: 'ok', partner: 'unavailable' },
    });
    expect(await readyz(metricsPort)).toMatchObject({ identity_providers: { corp: 'ok' } });
  });

  it('sign devices in as well: the page with the code asks where', async () => {
    const house = await open({ env: deviceEnvironment });
    const device = await beginDevice(house.gatehouse);
    const browser = new Browser(house.gatehouse);

    const login = await decide(browser, await typeCode(browser, device.userCode), 'approve:partner');
    const query = await house.partner.logIn(new URL(login));
    const callback = await browser.get(`/callback/partner?${query.toString()}`);
    await browser.get(callback.headers.get('location') ?? '');

    expect((await pollDevice(house.gatehouse, device)).status).toBe(200);
    expect([house.corp.count('token'), house.partner.count('token')]).toEqual([0, 1]);
  });

  it('are each asked again about their own people', async () => {
    const house = await open();
    house.corp.refreshTokens = 'replaced';
    house.partner.refreshTokens = 'replaced';
    const [atCorp, atPartner] = [await house.signIn('corp'), await house.signIn('partner')];

    house.partner.endSessions();

    expect((await refreshStatus(house, atCorp)).status).toBe(200);
    const refused = await refreshStatus(house, atPartner);
    expect(refused.status).toBe(400);
    expect(await refused.json()).toMatchObject({ error: 'invalid_grant' });
  });

  it('end the grants of their people when they are removed, and nobody else’s', async () => {
    const clock = new FakeClock();
    const store = createMemoryStore({ clock });
    const house = await open({ clock, store });
    const [atCorp, atPartner] = [await house.signIn('corp'), await house.signIn('partner')];
    const entry = { name: 'other', issuer_url: 'https://other.test', client_id: 'x' };
    const next = await open({
      clock,
      store,
      providers: house,
      entries: { partner: undefined, other: { ...entry, client_secret_file: '/provider-secret' } },
    });

    expect((await refreshStatus(next, atCorp)).status).toBe(200);
    expect(await (await refreshStatus(next, atPartner)).json()).toMatchObject({ error: 'invalid_grant' });
    expect(next.gatehouse.events).toContainEqual(
      expect.objectContaining({ type: 'grant_revoked', cause: 'identity_gone' }),
    );
  });

  it('end the grants of their people at a mount that is no longer for them', async () => {
    const clock = new FakeClock();
    const store = createMemoryStore({ clock });
    const house = await open({ clock, store });
    const [atCorp, atPartner] = [await house.signIn('corp'), await house.signIn('partner')];
    const next = await open({ clock, store, providers: house, mount: { identity_providers: ['corp'] } });

    expect((await refreshStatus(next, atCorp)).status).toBe(200);
    expect(await (await refreshStatus(next, atPartner)).json()).toMatchObject({ error: 'invalid_grant' });
  });

  it('log people out by the issuer of the logout token, and not their namesakes elsewhere', async () => {
    const house = await open();
    const [atCorp, atPartner] = [await house.signIn('corp'), await house.signIn('partner')];
    house.clock.advance(5);

    const token = await house.partner.logoutToken({ sub: 'alice' });
    const answer = await postForm(house.gatehouse, '/backchannel-logout', { logout_token: token });

    expect(answer.status).toBe(200);
    expect((await refreshStatus(house, atCorp)).status).toBe(200);
    expect((await refreshStatus(house, atPartner)).status).toBe(400);
  });
});

/** Approves at `partner`, which does not answer; where the browser is sent instead. */
async function decideAtDown(browser: Browser, page: Response): Promise<string> {
  const token = /name="consent_token" value="([^"]*)"/.exec(await page.text())?.[1] ?? '';
  const answer = await browser.post('/consent', { consent_token: token, action: 'approve:partner' });
  const html = await answer.text();
  return (/content="0;\s*url=([^"]*)"/.exec(html)?.[1] ?? '').replaceAll('&amp;', '&');
}
