import { afterEach, describe, expect, it } from 'vitest';

import { createMemoryStore } from '../../src/platform/store/memory-store.ts';
import { type Store, StoreError } from '../../src/platform/store/store.ts';
import { beginAccountLogin, callbackOf, visitAccount } from '../support/account.ts';
import { Browser } from '../support/browser.ts';
import { answerDevice, beginDevice, deviceEnvironment, pollDevice } from '../support/device-flow.ts';
import { FakeClock } from '../support/fake-clock.ts';
import {
  authorizeUrl,
  obtainCode,
  redeem,
  refresh,
  registerClient,
  signIn,
  type Tokens,
} from '../support/flow.ts';
import { createGatehousePair } from '../support/gatehouse-pair.ts';
import { createTestGatehouse, type TestGatehouse, type TestGatehouseOptions } from '../support/gatehouse.ts';
import { openHouseOfTwo } from '../support/house-of-two.ts';
import { TestOpenIdProvider } from '../support/openid-provider.ts';
import { lanes, startStreamHouse } from '../support/stream-house.ts';

const closers: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

async function open(options: TestGatehouseOptions = {}): Promise<TestGatehouse> {
  const gatehouse = await createTestGatehouse(options);
  closers.push(() => gatehouse.close());
  return gatehouse;
}

async function allow(gatehouse: TestGatehouse, name: string): Promise<Tokens> {
  const client = await registerClient(gatehouse, { client_name: name });
  return signIn(gatehouse, { client });
}

async function refreshStatus(gatehouse: TestGatehouse, { client, refreshToken }: Tokens): Promise<number> {
  return (await refresh(gatehouse, client.clientId, refreshToken)).status;
}

async function callStatus(gatehouse: TestGatehouse, { accessToken }: Tokens): Promise<number> {
  const response = await gatehouse.fetch(gatehouse.mount, {
    method: 'POST',
    headers: { Authorization: `Bearer ${accessToken}`, 'Content-Type': 'application/json' },
    body: '{}',
  });
  await response.body?.cancel();
  return response.status;
}

/** 502: admitted, and nobody behind. */
const admitted = 502;

describe('the account page', () => {
  it('asks who is not signed in to sign in, and begins nothing by being looked at', async () => {
    const gatehouse = await open();
    const page = await new Browser(gatehouse).get('/account');

    expect(page.status).toBe(200);
    expect(page.headers.getSetCookie()).toEqual([]);
    expect(page.headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
    expect(page.headers.get('cache-control')).toBe('no-store');
    expect(page.headers.get('referrer-policy')).toBe('same-origin');
    const html = await page.text();
    expect(html).toContain('value="sign-in"');
    expect(html).toContain('login.test');
    expect(html).not.toContain('<script');
    expect(gatehouse.identityProvider.startedLogins).toEqual([]);
  });

  it('shows each grant with client, mount, scopes, where it went and its times', async () => {
    const file = `
mounts:
  - { name: notes, url: /mcp, title: Our notes, upstream: "http://127.0.0.1:9/mcp",
      scopes: { read: { default: true, description: Read notes }, write: {} } }
`;
    const gatehouse = await open({ file });
    const tokens = await allow(gatehouse, 'Desk <b>one</b>');
    gatehouse.clock.advance(3600);
    await refresh(gatehouse, tokens.client.clientId, tokens.refreshToken);

    const { html, grantIds } = await visitAccount(gatehouse);

    expect(grantIds).toHaveLength(1);
    for (const shown of [
      '<bdi>alice@example.com</bdi>',
      '<bdi>login.test</bdi>',
      'Desk &lt;b&gt;one&lt;/b&gt;',
      'unverified',
      'Our notes',
      gatehouse.resource,
      'Read notes',
      'https://client.example</code>',
      '21 November 2026, 12:00 UTC',
      '21 November 2026, 13:00 UTC',
      '28 November 2026, 13:00 UTC',
    ]) {
      expect(html).toContain(shown);
    }
    expect(html).not.toContain('<b>one');
    const named = { subject: 'alice', identityProvider: 'generic' };
    expect(gatehouse.events).toContainEqual({ type: 'account_login', ...named });
  });

  it('ends one grant: its refresh and its calls are refused, the other lives', async () => {
    const gatehouse = await open();
    const [one, other] = [await allow(gatehouse, 'One'), await allow(gatehouse, 'Other')];
    const visit = await visitAccount(gatehouse);
    const [ofOther, ofOne] = visit.grantIds;
    expect(visit.html.indexOf('Other')).toBeLessThan(visit.html.indexOf('One<'));

    const answer = await visit.press(`end:${ofOne}`);

    expect(answer.status).toBe(200);
    expect(visit.html).toContain('Ended: <bdi>One</bdi>');
    expect(visit.grantIds).toEqual([ofOther]);
    expect(await refreshStatus(gatehouse, one)).toBe(400);
    expect(await callStatus(gatehouse, one)).toBe(401);
    expect(await refreshStatus(gatehouse, other)).toBe(200);
    expect(await callStatus(gatehouse, other)).toBe(admitted);
    expect(gatehouse.events).toContainEqual({
      type: 'grant_revoked',
      cause: 'account_page',
      subject: 'alice',
      grant: ofOne,
      client: expect.any(String) as string,
    });
    await visit.look();
    expect(visit.grantIds).toEqual([ofOther]);
  });

  it.each(lanes)('ends the open stream of a grant (fast lane %s)', async (lane) => {
    const house = await startStreamHouse(lane);
    closers.push(() => house.close());
    const stream = await house.open();
    const visit = await visitAccount(house.gatehouse);

    await visit.press(`end:${visit.grantIds[0]}`);

    await stream.ended;
    expect(visit.grantIds).toEqual([]);
  });

  it('ends everything at once, what no list has and what is on its way included, and signs out', async () => {
    const gatehouse = await open();
    const tokens = [await allow(gatehouse, 'One'), await allow(gatehouse, 'Two')];
    const visit = await visitAccount(gatehouse);
    const underWay = await obtainCode(gatehouse);
    // As a grant of an earlier release: no list names it.
    for (const { key } of (await gatehouse.store.list('grants_of:', { cursor: '', limit: 9 })).records) {
      await gatehouse.store.delete(key);
    }
    await visit.look();
    expect(visit.grantIds).toEqual([]);
    expect(await callStatus(gatehouse, tokens[0] as Tokens)).toBe(admitted);

    const answer = await visit.press('end-all');

    expect(answer.status).toBe(200);
    expect(visit.html).toContain('All access that you allowed has ended');
    expect(visit.html).toContain('value="sign-in"');
    expect(visit.browser.cookieHeader()).toBe('');
    expect((await redeem(gatehouse, underWay)).status).toBe(400);
    for (const each of tokens) {
      expect(await refreshStatus(gatehouse, each)).toBe(400);
      expect(await callStatus(gatehouse, each)).toBe(401);
    }
    expect(gatehouse.events).toContainEqual({ type: 'account_access_ended', subject: 'alice' });
  });

  it('ends at every replica: the refresh of the other is refused at once', async () => {
    const pair = await createGatehousePair();
    closers.push(() => pair.close());
    const [here, there] = pair.both;
    const [one, two, three] = [
      await allow(here, 'One'),
      await allow(there, 'Two'),
      await allow(there, 'Three'),
    ];
    const visit = await visitAccount(here);
    expect(visit.grantIds).toHaveLength(3);

    await visit.press(`end:${visit.grantIds[1]}`);
    expect(await refreshStatus(there, two)).toBe(400);
    expect(await refreshStatus(there, one)).toBe(200);

    await visit.press('end-all');
    expect(await refreshStatus(there, three)).toBe(400);
  });

  it('lists what logins of one person at the same moment allowed, at two replicas, and loses none', async () => {
    const pair = await createGatehousePair();
    closers.push(() => pair.close());
    const client = await registerClient(pair.both[0]);
    const waiting = [];
    for (let at = 0; at < 12; at += 1) {
      const gatehouse = pair.both[at % 2] as TestGatehouse;
      waiting.push({ gatehouse, signedIn: await obtainCode(gatehouse, { client }) });
    }
    const answers = await Promise.all(waiting.map(({ gatehouse, signedIn }) => redeem(gatehouse, signedIn)));
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 12 }, () => 200));
    expect((await visitAccount(pair.both[1])).grantIds).toHaveLength(12);
  });

  it('lists what a device was allowed, and says so', async () => {
    const gatehouse = await open({ env: deviceEnvironment });
    const device = await beginDevice(gatehouse);
    await answerDevice(new Browser(gatehouse), device.userCode);
    expect((await pollDevice(gatehouse, device)).status).toBe(200);
    expect((await visitAccount(gatehouse)).html).toContain('a device that showed you a code');
  });

  it('keeps people of two identity providers apart who have the same subject', async () => {
    const house = await openHouseOfTwo();
    closers.push(() => house.close());
    const ofCorp = await house.signIn('corp');
    await house.signIn('partner');
    const logInAt = (at: 'corp' | 'partner') =>
      visitAccount(house.gatehouse, { at, logIn: (url) => house[at].logIn(url) });
    const [corp, partner] = [await logInAt('corp'), await logInAt('partner')];
    expect(corp.grantIds).toHaveLength(1);
    expect(partner.grantIds).toHaveLength(1);
    expect(corp.grantIds).not.toEqual(partner.grantIds);

    await partner.press('end-all');
    expect(await refreshStatus(house.gatehouse, ofCorp)).toBe(200);
  });

  it('offers every identity provider, and goes where the button says', async () => {
    const house = await openHouseOfTwo();
    closers.push(() => house.close());
    const browser = new Browser(house.gatehouse);
    const html = await (await browser.get('/account')).text();
    expect(html).toMatch(/value="sign-in:corp"[^<]*Continue with <bdi>Example Corp<\/bdi>/);
    expect(html).toMatch(/value="sign-in:partner"[^<]*Continue with <bdi>Our partners<\/bdi>/);
    expect((await beginAccountLogin(browser, 'partner')).origin).toBe(house.partner.issuer);
    for (const action of ['sign-in', 'sign-in:nobody', 'sign-in:']) {
      const refused = await browser.post('/account', { action });
      expect([action, refused.status]).toEqual([action, 400]);
    }
  });

  it('lets people in who may not enter any more, and asks the provider for nothing to keep', async () => {
    const clock = new FakeClock();
    const [corp, partner] = [await TestOpenIdProvider.start(clock), await TestOpenIdProvider.start(clock)];
    closers.push(
      () => corp.close(),
      () => partner.close(),
    );
    const house = await openHouseOfTwo({
      clock,
      providers: { corp, partner },
      entries: {
        corp: {
          name: 'corp',
          issuer_url: corp.issuer,
          client_id: corp.clientId,
          client_secret_file: '/provider-secret',
          allowed_groups: ['engineering'],
          scopes: ['openid', 'email', 'offline_access'],
        },
      },
    });
    closers.push(() => house.close());
    const asCorp = { at: 'corp', logIn: (url: URL) => corp.logIn(url) };
    const tokens = await house.signIn('corp');
    corp.person = { ...corp.person, email_verified: false, groups: ['left, us'] };
    expect(await obtainCode(house.gatehouse, asCorp).catch(String)).toContain('sent no code');

    const visit = await visitAccount(house.gatehouse, asCorp);
    expect(visit.html).toContain('<bdi>Alice Example</bdi>');
    const asked = corp.requests.filter(({ endpoint }) => endpoint === 'authorize');
    expect(asked.map(({ query }) => query.get('scope'))).toEqual([
      'openid email offline_access',
      'openid email offline_access',
      'openid email',
    ]);
    await visit.press(`end:${visit.grantIds[0]}`);
    expect(await refreshStatus(house.gatehouse, tokens)).toBe(400);
  });

  it('is over after ten minutes, with a logout at the provider, and by its button', async () => {
    const gatehouse = await open();
    gatehouse.identityProvider.sessionId = 'session-1';
    const visit = await visitAccount(gatehouse);
    gatehouse.clock.advance(599);
    expect((await visit.look()).status).toBe(200);
    expect(visit.html).toContain('What you allowed');
    gatehouse.clock.advance(1);
    await visit.look();
    expect(visit.html).toContain('See what you allowed');

    const again = await visitAccount(gatehouse);
    const now = gatehouse.clock.nowSeconds();
    const logout = {
      issuer: 'https://login.test',
      subject: 'alice',
      sessionId: 'session-1',
      tokenId: 'jti-1',
      issuedAt: now,
      acceptableUntil: now + 60,
    };
    const told = await gatehouse.fetch('/backchannel-logout', {
      method: 'POST',
      headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ logout_token: JSON.stringify(logout) }).toString(),
    });
    expect(told.status).toBe(200);
    await again.look();
    expect(again.html).toContain('See what you allowed');

    gatehouse.clock.advance(700);
    const third = await visitAccount(gatehouse);
    await third.press('sign-out');
    expect(third.html).toContain('You are signed out of this page');
    expect(third.browser.cookieHeader()).toBe('');
  });

  it('does not show what ended in other ways: by its client, by a logout, by age, unused for a week', async () => {
    const gatehouse = await open();
    gatehouse.identityProvider.sessionId = 'session-1';
    const loggedOut = await allow(gatehouse, 'Logged out');
    gatehouse.identityProvider.sessionId = undefined;
    const revoked = await allow(gatehouse, 'Revoked');
    await allow(gatehouse, 'Unused');
    const kept = await allow(gatehouse, 'Kept');
    await gatehouse.fetch('/revoke', {
      method: 'POST',
      headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({
        token: revoked.refreshToken,
        client_id: revoked.client.clientId,
      }).toString(),
    });
    expect((await visitAccount(gatehouse)).grantIds).toHaveLength(3);
    const now = gatehouse.clock.nowSeconds();
    await gatehouse.fetch('/backchannel-logout', {
      method: 'POST',
      headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({
        logout_token: JSON.stringify({
          issuer: 'https://login.test',
          sessionId: 'session-1',
          tokenId: 'jti-1',
          issuedAt: now,
          acceptableUntil: now + 60,
        }),
      }).toString(),
    });
    expect(await callStatus(gatehouse, loggedOut)).toBe(401);
    gatehouse.clock.advance(700);
    expect((await visitAccount(gatehouse)).html).not.toContain('Logged out');

    gatehouse.clock.advance(6 * 86_400);
    expect(await refreshStatus(gatehouse, kept)).toBe(200);
    gatehouse.clock.advance(86_400);
    const visit = await visitAccount(gatehouse);
    expect(visit.html).toContain('Kept');
    expect(visit.html).not.toContain('Unused');
    gatehouse.clock.advance(86_400 * 30);
    expect((await visitAccount(gatehouse)).html).toContain('No application has access in your name');
  });

  it('tells on the consent page where access is ended', async () => {
    const gatehouse = await open();
    const client = await registerClient(gatehouse);
    const page = await (await new Browser(gatehouse).get(authorizeUrl(gatehouse, client))).text();
    expect(page).toContain('<code>https://gatehouse.test/account</code>');
  });

  it('is not there when it is off, and nobody is put on a list', async () => {
    const gatehouse = await open({ env: { ACCOUNT_PAGE: 'off' } });
    await allow(gatehouse, 'One');
    const browser = new Browser(gatehouse);
    expect((await browser.get('/account')).status).toBe(404);
    expect((await browser.post('/account', { action: 'sign-in' })).status).toBe(404);
    const { records } = await gatehouse.store.list('grants_of:', { cursor: '', limit: 9 });
    expect(records).toEqual([]);
  });

  it('keeps no name of a client or person legible in the store', async () => {
    const gatehouse = await open();
    await allow(gatehouse, 'Very Telling Name');
    const { records } = await gatehouse.store.list('grants_of:', { cursor: '', limit: 9 });
    expect(records).toHaveLength(1);
    const text = JSON.stringify(records);
    for (const word of ['Telling', 'alice', 'client.example', 'login.test']) expect(text).not.toContain(word);
  });
});

describe('the account page while the store is away', () => {
  async function openBeside(): Promise<{
    gatehouse: TestGatehouse;
    away: (verbs: readonly string[]) => void;
  }> {
    const clock = new FakeClock();
    const whole = createMemoryStore({ clock });
    let down: readonly string[] = [];
    const orFail = <T>(verb: string, run: () => Promise<T>): Promise<T> =>
      down.includes(verb) ? Promise.reject(new StoreError(verb, new Error('down'))) : run();
    const store: Store = {
      ...whole,
      get: (key) => orFail('get', () => whole.get(key)),
      putIfAbsent: (...put) => orFail('put', () => whole.putIfAbsent(...put)),
      replace: (...change) => orFail('replace', () => whole.replace(...change)),
      append: (...entry) => orFail('append', () => whole.append(...entry)),
    };
    const gatehouse = await open({ clock, store });
    return {
      gatehouse,
      away: (verbs) => {
        down = verbs;
      },
    };
  }

  it('says so with 503 and a way back, and does not say that anything ended', async () => {
    const { gatehouse, away } = await openBeside();
    const tokens = await allow(gatehouse, 'One');
    const visit = await visitAccount(gatehouse);
    const [grantId] = visit.grantIds;
    const formToken = visit.formToken;

    away(['get']);
    expect((await visit.look()).status).toBe(503);
    expect(visit.html).toContain('href="/account"');
    expect(visit.html).not.toContain('Ended');
    away(['append']);
    const answer = await visit.press(`end:${grantId}`, { form_token: formToken });
    expect(answer.status).toBe(503);
    expect(answer.headers.get('retry-after')).toBe('2');
    const all = await visit.press('end-all', { form_token: formToken });
    expect(all.status).toBe(503);
    away([]);
    // Of a feed that could not be written, this process alone knew; the person is told to try again.
    expect(gatehouse.events).not.toContainEqual(expect.objectContaining({ type: 'grant_revoked' }));
    expect(await callStatus(gatehouse, tokens)).toBe(401);
  });

  it('finishes no login that it cannot claim', async () => {
    const { gatehouse, away } = await openBeside();
    const browser = new Browser(gatehouse);
    const login = await beginAccountLogin(browser);
    away(['put']);
    expect((await browser.get(callbackOf(login))).status).toBe(503);
    expect(gatehouse.identityProvider.finishedLogins).toEqual([]);
  });

  it('gives no tokens for a grant that its person could not see', async () => {
    const { gatehouse, away } = await openBeside();
    const signedIn = await obtainCode(gatehouse);
    away(['put']);
    const refused = await redeem(gatehouse, signedIn);
    expect(refused.status).toBe(503);
    expect(await refused.json()).toMatchObject({ error: 'temporarily_unavailable' });
    away([]);
    expect((await visitAccount(gatehouse)).grantIds).toEqual([]);
    expect((await redeem(gatehouse, signedIn)).status).toBe(200);
    expect((await visitAccount(gatehouse)).grantIds).toHaveLength(1);
  });
});
