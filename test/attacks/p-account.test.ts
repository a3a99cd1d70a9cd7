import { afterEach, describe, expect, it } from 'vitest';

import { createMemoryStore } from '../../src/platform/store/memory-store.ts';
import { type Store, StoreError } from '../../src/platform/store/store.ts';
import { AccountVisit, beginAccountLogin, callbackOf, visitAccount } from '../support/account.ts';
import { Browser } from '../support/browser.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { FakeIdentityProvider } from '../support/fake-identity-provider.ts';
import {
  authorizeUrl,
  decide,
  obtainCode,
  postForm,
  readForm,
  redeem,
  refresh,
  registerClient,
  signIn,
  type Tokens,
} from '../support/flow.ts';
import { createTestGatehouse, type TestGatehouse, type TestGatehouseOptions } from '../support/gatehouse.ts';
import { openHouseOfTwo } from '../support/house-of-two.ts';
import { SimulatedGitHub } from '../support/identity/github.ts';
import { openProvider } from '../support/identity/opened-provider.ts';

const closers: (() => Promise<void>)[] = [];
const sessionCookie = '__Host-gatehouse-account-session';

afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

async function open(options: TestGatehouseOptions = {}): Promise<TestGatehouse> {
  const gatehouse = await createTestGatehouse(options);
  closers.push(() => gatehouse.close());
  return gatehouse;
}

function becomes(gatehouse: TestGatehouse, subject: string): void {
  const { identityProvider } = gatehouse;
  identityProvider.person = { ...identityProvider.person, subject, email: `${subject}@example.com` };
}

function reasons({ events }: TestGatehouse): readonly string[] {
  return events.flatMap((event) => (event.type === 'request_refused' ? [event.reason] : []));
}

function expectNothingEnded({ events }: TestGatehouse): void {
  const types = events.map(({ type }) => type);
  expect(types).not.toContain('grant_revoked');
  expect(types).not.toContain('account_access_ended');
}

async function statusOfRefresh(gatehouse: TestGatehouse, tokens: Tokens): Promise<number> {
  return (await refresh(gatehouse, tokens.client.clientId, tokens.refreshToken)).status;
}

/** Two replicas of one store, which fails to answer the first of them as `fails` says: by verb and key. */
async function openReplicas() {
  const clock = new FakeClock();
  const whole = createMemoryStore({ clock });
  const trouble = { fails: (_verb: string, _key: string): boolean => false };
  const orFail = <T>(verb: string, key: string, run: () => Promise<T>): Promise<T> =>
    trouble.fails(verb, key) ? Promise.reject(new StoreError(verb, undefined)) : run();
  const close = (): Promise<void> => Promise.resolve();
  const store: Store = {
    ...whole,
    close,
    get: (key) => orFail('get', key, () => whole.get(key)),
    replace: (...write) => orFail('replace', write[0], () => whole.replace(...write)),
    append: (...entry) => orFail('append', entry[0], () => whole.append(...entry)),
  };
  const identityProvider = new FakeIdentityProvider();
  const here = await open({ clock, store, identityProvider });
  const there = await open({ clock, store: { ...whole, close }, identityProvider });
  return { clock, here, there, trouble };
}

/** Two people with a grant each, and the account page of the second. */
async function openTwoPeople() {
  const gatehouse = await open();
  const alices = await signIn(gatehouse);
  const alice = await visitAccount(gatehouse);
  becomes(gatehouse, 'mallory');
  await signIn(gatehouse);
  const mallory = await visitAccount(gatehouse);
  return { gatehouse, alices, alice, mallory };
}

describe('P. the account page', () => {
  it('270: no other site begins a login there, by a link or by a form', async () => {
    const gatehouse = await open();
    const victim = new Browser(gatehouse);
    for (const path of ['/account', '/account?action=sign-in', '/account?action=sign-in:main']) {
      const page = await victim.get(path, { 'Sec-Fetch-Site': 'cross-site' });
      expect(page.headers.get('location')).toBeNull();
    }
    const posted = await victim.postFromElsewhere('/account', { action: 'sign-in' });
    expect(posted.status).toBe(403);
    expect((await victim.post('/account', { action: 'sign-in' }, { Origin: 'null' })).status).toBe(403);
    expect(reasons(gatehouse)).toEqual(['cross_site_post', 'cross_site_post']);
    expect(gatehouse.identityProvider.startedLogins).toEqual([]);
    expect(victim.cookieHeader()).toBe('');
  });

  it('270: a login that the attacker began does not sign the victim in as the attacker', async () => {
    const gatehouse = await open();
    becomes(gatehouse, 'mallory');
    const mallorys = callbackOf(await beginAccountLogin(new Browser(gatehouse)));
    const victim = new Browser(gatehouse);
    await beginAccountLogin(victim);

    const answer = await victim.get(mallorys);

    expect(answer.status).toBe(403);
    expect(victim.cookies.has(sessionCookie)).toBe(false);
    expect(reasons(gatehouse)).toEqual(['browser_mismatch']);
    expect(gatehouse.identityProvider.finishedLogins).toEqual([]);
  });

  it('271: a login for the page makes no code, and one of an authorization no session', async () => {
    const gatehouse = await open();
    const browser = new Browser(gatehouse);
    const forPage = await beginAccountLogin(browser);
    const consent = await browser.get(authorizeUrl(gatehouse, await registerClient(gatehouse)));
    const forClient = new URL(await decide(browser, consent));

    const asClient = await browser.get(callbackOf(forClient));
    expect(asClient.headers.get('location')).toContain('https://client.example/callback?');
    expect(browser.cookies.has(sessionCookie)).toBe(false);
    const asPage = await browser.get(callbackOf(forPage));
    expect(asPage.headers.get('location')).toBe('https://gatehouse.test/account');
    expect(gatehouse.events.filter(({ type }) => type === 'login_succeeded')).toHaveLength(1);
    expect(gatehouse.events.filter(({ type }) => type === 'account_login')).toHaveLength(1);
  });

  it('271: the cookie of one flow does not stand in for that of the other', async () => {
    const gatehouse = await open();
    const browser = new Browser(gatehouse);
    const login = await beginAccountLogin(browser);
    const [[name, value] = []] = browser.cookies;
    const consent = await browser.get(authorizeUrl(gatehouse, await registerClient(gatehouse)));
    const other = await decide(browser, consent);
    const ofFlow = [...browser.cookies].find(([each]) => each.includes('gatehouse-flow-'));

    browser.cookies.clear();
    browser.cookies.set(String(name), String(ofFlow?.[1]));
    expect((await browser.get(callbackOf(login))).status).toBe(403);
    browser.cookies.clear();
    browser.cookies.set(String(name).replace('account-flow', 'flow'), String(value));
    expect((await browser.get(callbackOf(login))).status).toBe(403);
    browser.cookies.clear();
    browser.cookies.set(String(ofFlow?.[0]).replace('flow', 'account-flow'), String(ofFlow?.[1]));
    expect((await browser.get(callbackOf(new URL(other)))).status).toBe(403);
    expect(gatehouse.identityProvider.finishedLogins).toEqual([]);
  });

  it('271: nothing else that this server seals is a session, a form of the page, or the other way round', async () => {
    const gatehouse = await open();
    const tokens = await signIn(gatehouse);
    const { code } = await obtainCode(gatehouse);
    const visit = await visitAccount(gatehouse);
    const session = String(visit.browser.cookies.get(sessionCookie));
    const state = (await beginAccountLogin(new Browser(gatehouse))).searchParams.get('state') ?? '';
    const { records } = await gatehouse.store.list('grants_of:', { cursor: '', limit: 1 });
    const ofList = records[0]?.value.split('\n')[0]?.split(' ')[2] ?? '';
    expect(ofList).toMatch(/^mgh_pg_/);

    for (const sealed of [tokens.accessToken, tokens.refreshToken, code, state, visit.formToken, ofList]) {
      const browser = new Browser(gatehouse);
      browser.cookies.set(sessionCookie, sealed);
      expect(await (await browser.get('/account')).text()).toContain('See what you allowed');
      browser.cookies.set(sessionCookie, sealed.replace(/^mgh_.._/, 'mgh_as_'));
      expect(await (await browser.get('/account')).text()).toContain('See what you allowed');
    }
    for (const sealed of [session, state, ofList, tokens.accessToken]) {
      const refused = await visit.browser.post('/account', { form_token: sealed, action: 'end-all' });
      expect(refused.status).toBe(403);
    }
    const consent = await visit.browser.get(authorizeUrl(gatehouse, await registerClient(gatehouse)));
    const { consent_token: consentToken = '' } = readForm(await consent.text());
    for (const sealed of [session, visit.formToken, state]) {
      const refused = await visit.browser.post('/consent', { consent_token: sealed, action: 'approve' });
      expect(refused.status).toBe(400);
      const asBearer = await gatehouse.fetch(gatehouse.mount, {
        method: 'POST',
        headers: { Authorization: `Bearer ${sealed}` },
      });
      expect(asBearer.status).toBe(401);
    }
    const asForm = await visit.browser.post('/account', { form_token: consentToken, action: 'end-all' });
    expect(asForm.status).toBe(403);
    expectNothingEnded(gatehouse);
  });

  it('272: a callback counts once', async () => {
    const gatehouse = await open();
    const browser = new Browser(gatehouse);
    const callback = callbackOf(await beginAccountLogin(browser));
    const cookies = new Map(browser.cookies);
    expect((await browser.get(callback)).status).toBe(302);

    const again = new Browser(gatehouse);
    for (const [name, value] of cookies) again.cookies.set(name, value);
    const answers = await Promise.all([again.get(callback), again.get(callback)]);

    expect(answers.map(({ status }) => status)).toEqual([400, 400]);
    expect(again.cookies.has(sessionCookie)).toBe(false);
    expect(gatehouse.identityProvider.finishedLogins).toHaveLength(1);
    expect(gatehouse.events).toContainEqual({ type: 'replay_detected', kind: 'callback_state' });
    expect(await (await again.get(callback)).text()).toContain('href="/account"');
  });

  it('272: a callback that is old, altered, of another deployment or without its cookie begins no session', async () => {
    const [gatehouse, other] = [
      await open(),
      await open({ env: { TOKEN_SIGNING_SECRET: 'Zq3v9Zt7Xw1Lr5Np8Bd2Fh6Jm4Sg0Yc-other-secret' } }),
    ];
    const browser = new Browser(gatehouse);
    const callback = callbackOf(await beginAccountLogin(browser));
    const foreign = callbackOf(await beginAccountLogin(new Browser(other)));
    expect((await new Browser(gatehouse).get(callback)).status).toBe(403);
    expect((await browser.get(foreign)).status).toBe(400);
    expect((await browser.get(callback.replace('mgh_al_', 'mgh_st_'))).status).toBe(400);
    expect((await browser.get(`${callback.slice(0, -3)}AAA`)).status).toBe(400);
    expect((await browser.get(callback.replace('code=idp-code', 'error=access_denied'))).status).toBe(403);
    gatehouse.clock.advance(600);
    expect((await browser.get(callback)).status).toBe(400);
    expect(reasons(gatehouse).at(-1)).toBe('callback_state_invalid');
    expect(browser.cookies.has(sessionCookie)).toBe(false);
    expect(gatehouse.identityProvider.finishedLogins).toEqual([]);
  });

  it("273: somebody else's grant is not ended, and whether there is one is not told", async () => {
    const { gatehouse, alices, alice, mallory } = await openTwoPeople();
    const [target] = alice.grantIds;
    const withoutIds = (html: string): string => html.replaceAll(/mgh_af_[\w-]+/g, '');

    const ofAlice = await mallory.press(`end:${target}`);
    const html = mallory.html;
    const ofNobody = await mallory.press(`end:${'A'.repeat(22)}`);

    expect([ofAlice.status, ofNobody.status]).toEqual([404, 404]);
    expect(withoutIds(html)).toBe(withoutIds(mallory.html));
    expect(html).not.toContain(String(target));
    expectNothingEnded(gatehouse);
    expect((await refresh(gatehouse, alices.client.clientId, alices.refreshToken)).status).toBe(200);
    for (const id of ['', '*', '../grant', `${target}\n`, `${target},${mallory.grantIds[0]}`, '__proto__']) {
      expect((await mallory.press(`end:${id}`)).status).toBe(404);
    }
    expectNothingEnded(gatehouse);
    await mallory.press('end-all');
    await alice.look();
    expect(alice.grantIds).toEqual([target]);
  });

  it("273: not even by a list that was tampered with: the grant's own record says whose it is", async () => {
    const { gatehouse, alices, alice, mallory } = await openTwoPeople();
    const { records } = await gatehouse.store.list('grants_of:', { cursor: '', limit: 9 });
    const line = records
      .flatMap(({ value }) => value.split('\n'))
      .find((each) => each.startsWith(String(alice.grantIds[0])));
    for (const { key, value } of records) {
      const end = gatehouse.clock.nowSeconds() + 1000;
      expect(await gatehouse.store.replace(key, value, `${value}\n${line}\nno line\n${line} x`, end)).toBe(
        true,
      );
    }
    await mallory.look();
    expect(mallory.grantIds).not.toContain(alice.grantIds[0]);
    expect((await mallory.press(`end:${alice.grantIds[0]}`)).status).toBe(404);
    expectNothingEnded(gatehouse);
    expect((await refresh(gatehouse, alices.client.clientId, alices.refreshToken)).status).toBe(200);
  });

  it('274: a form of another site, or without the value of this very sign-in, ends nothing', async () => {
    const { gatehouse, alice, mallory } = await openTwoPeople();
    const sameAgain = await visitAccount(gatehouse);
    const action = `end:${alice.grantIds[0]}`;
    const { browser, formToken } = alice;
    const refusals = [
      await browser.post('/account', { form_token: formToken, action }, { Origin: 'https://evil.example' }),
      await browser.post('/account', { form_token: formToken, action }, { 'Sec-Fetch-Site': 'same-site' }),
      await browser.post('/account', { form_token: formToken, action }, { Origin: 'null' }),
      await browser.post('/account', { action }),
      await browser.post('/account', { form_token: mallory.formToken, action }),
      await browser.post('/account', { form_token: sameAgain.formToken, action }),
      await browser.post('/account', { form_token: `${formToken}A`, action }),
      await mallory.browser.post('/account', { form_token: formToken, action: 'end-all' }),
    ];
    expect(refusals.map(({ status }) => status)).toEqual(refusals.map(() => 403));
    const malformed = [
      await browser.post('/account', { form_token: formToken }),
      await browser.post('/account', { form_token: formToken, action: 'END' }),
      await browser.post('/account', { form_token: formToken, action, grant: 'x' }),
      await browser.post('/account?action=end-all', { form_token: formToken, action }),
      await browser.post(
        '/account',
        new URLSearchParams([
          ['action', action],
          ['action', 'end-all'],
          ['form_token', formToken],
        ]),
      ),
    ];
    expect(malformed.map(({ status }) => status)).toEqual(malformed.map(() => 400));
    for (const path of [`/account?action=${action}&form_token=${formToken}`, '/account?action=end-all']) {
      expect((await browser.get(path)).status).toBe(200);
    }
    const elsewhere = await browser.postFromElsewhere('/account', { form_token: formToken, action });
    expect(elsewhere.status).toBe(403);
    expectNothingEnded(gatehouse);
  });

  it('275: a session that is altered, over, planted under another name or doubled is none', async () => {
    const gatehouse = await open();
    const { browser, formToken, grantIds } = await visitAccount(gatehouse);
    const value = String(browser.cookies.get(sessionCookie));
    const signedIn = async (headers: Record<string, string>): Promise<boolean> => {
      const page = await gatehouse.fetch('/account', { headers });
      return (await page.text()).includes('You are signed in as');
    };
    expect(grantIds).toEqual([]);
    expect(await signedIn({ Cookie: `${sessionCookie}=${value}` })).toBe(true);
    const others = [
      `${sessionCookie}=${value.slice(0, -2)}`,
      `${sessionCookie}=${value.slice(0, 20)}B${value.slice(21)}`,
      `gatehouse-account-session=${value}`,
      `${sessionCookie}-x=${value}`,
      `${sessionCookie}=${value}; ${sessionCookie}=${value}`,
    ];
    for (const Cookie of others) expect(await signedIn({ Cookie })).toBe(false);

    gatehouse.clock.advance(600);
    expect(await signedIn({ Cookie: `${sessionCookie}=${value}` })).toBe(false);
    const late = await browser.post('/account', { form_token: formToken, action: 'end-all' });
    expect(late.status).toBe(403);
    expect(reasons(gatehouse)).toEqual(['account_session_over']);
    expectNothingEnded(gatehouse);
  });

  it('275: the session travels to this host alone, out of reach of scripts, for ten minutes', async () => {
    const gatehouse = await open();
    const browser = new Browser(gatehouse);
    const answer = await browser.get(callbackOf(await beginAccountLogin(browser)));
    const [cookie = '', flow = ''] = answer.headers.getSetCookie();
    expect(cookie).toMatch(
      /^__Host-gatehouse-account-session=mgh_as_[\w-]+; Max-Age=600; Path=\/; HttpOnly; SameSite=Lax; Secure$/,
    );
    expect(flow).toMatch(/^__Host-gatehouse-account-flow-[\w-]+=; Max-Age=0;/);
    expect(gatehouse.logged()).not.toContain(cookie.split(/[=;]/)[1]);
  });

  it('276: the answer of one identity provider does not sign in at the callback of another', async () => {
    const house = await openHouseOfTwo();
    closers.push(() => house.close());
    const browser = new Browser(house.gatehouse);
    const query = await house.corp.logIn(await beginAccountLogin(browser, 'corp'));

    const astray = await browser.get(`/callback/partner?${query.toString()}`);

    expect(astray.status).toBe(400);
    expect(reasons(house.gatehouse)).toEqual(['identity_provider_mismatch']);
    expect([house.corp.count('token'), house.partner.count('token')]).toEqual([0, 0]);
    expect((await browser.get(`/callback/corp?${query.toString()}`)).status).toBe(302);
    const visit = new AccountVisit(browser);
    await visit.look();
    expect(visit.html).toContain('alice@example.com');
  });

  it('277: what a client calls itself is text on the page, and no more', async () => {
    const gatehouse = await open();
    const name = '"><script>alert(1)</script><button name="action" value="end-all">';
    const client = await registerClient(gatehouse, { client_name: name });
    await signIn(gatehouse, { client });
    await signIn(gatehouse, { client: await registerClient(gatehouse, { client_name: 'Сlaude' }) });
    const visit = await visitAccount(gatehouse);
    expect(visit.html).not.toContain('<script');
    expect(visit.html.match(/value="end-all"/g)).toHaveLength(1);
    expect(visit.html).toContain('mixes letters of different alphabets');
    const [, oldest] = visit.grantIds;
    await visit.press(`end:${oldest}`);
    expect(visit.html).toContain('Ended: <bdi>&quot;&gt;&lt;script&gt;');
  });

  it('278: a list is bounded, and takes no line for a code that comes again', async () => {
    const gatehouse = await open();
    const client = await registerClient(gatehouse);
    const signedIn = await obtainCode(gatehouse, { client });
    await redeem(gatehouse, signedIn);
    await redeem(gatehouse, signedIn);
    const lines = async (): Promise<number> => {
      const { records } = await gatehouse.store.list('grants_of:', { cursor: '', limit: 9 });
      return records.flatMap(({ value }) => value.split('\n')).length;
    };
    expect(await lines()).toBe(1);
    await signIn(gatehouse, { client });
    const [record] = (await gatehouse.store.list('grants_of:', { cursor: '', limit: 9 })).records;
    const { key = '', value = '' } = record ?? {};
    const [newest = '', ...rest] = value.split('\n')[0]?.split(' ') ?? [];
    const full = Array.from({ length: 200 }, (_, at) => [`g-${at}`, ...rest].join(' ')).join('\n');
    const end = gatehouse.clock.nowSeconds() + 1000;
    expect(await gatehouse.store.replace(key, value, full, end)).toBe(true);
    const alive = String(await gatehouse.store.get(`grant:${newest}`));
    for (let at = 0; at < 200; at += 1) await gatehouse.store.putIfAbsent(`grant:g-${at}`, alive, end);
    await signIn(gatehouse, { client });
    expect(await lines()).toBe(200);
    const { grantIds } = await visitAccount(gatehouse);
    expect([grantIds.length, grantIds[1], grantIds.at(-1)]).toEqual([200, 'g-0', 'g-198']);
  });

  it('279: one login ends everything once: a copied session cannot fill the feed that every process reads', async () => {
    const gatehouse = await open();
    const visit = await visitAccount(gatehouse);
    const { formToken } = visit;
    const copy = new Browser(gatehouse);
    for (const [name, value] of visit.browser.cookies) copy.cookies.set(name, value);
    expect((await visit.press('end-all')).status).toBe(200);

    for (let count = 0; count < 3; count += 1) {
      const again = await copy.post('/account', { form_token: formToken, action: 'end-all' });
      expect(again.status).toBe(403);
    }

    expect((await gatehouse.store.read('revocations', '')).entries).toHaveLength(1);
    expect(gatehouse.events.filter(({ type }) => type === 'account_access_ended')).toHaveLength(1);
  });

  it('279: the page is asked for thirty times a minute from one address, and no more', async () => {
    const gatehouse = await open({ env: { RATE_LIMIT_ENABLED: 'true' } });
    const browser = new Browser(gatehouse);
    for (let count = 0; count < 30; count += 1) expect((await browser.get('/account')).status).toBe(200);
    expect((await browser.get('/account')).status).toBe(429);
  });

  it.each([
    ['the feed', (verb: string) => verb === 'append'],
    ['the record', (verb: string, key: string) => verb === 'replace' && key.startsWith('grant:')],
  ])(
    '330: an end that broke off at %s hides no grant that is alive, and is pressed again',
    async (_, fails) => {
      const { here, there, trouble } = await openReplicas();
      const tokens = await signIn(here);
      const visit = await visitAccount(here);
      const { grantIds } = visit;
      trouble.fails = fails;
      expect((await visit.press(`end:${grantIds[0]}`)).status).toBe(503);
      trouble.fails = () => false;

      await visit.look();
      expect(visit.grantIds).toEqual(grantIds);
      expect((await visit.press(`end:${grantIds[0]}`)).status).toBe(200);
      expect(visit.grantIds).toEqual([]);
      expect(await statusOfRefresh(there, tokens)).toBe(400);
    },
  );

  it('331: "end all" that broke off is not forgotten: it reaches every process when the store is back', async () => {
    const { here, there, trouble } = await openReplicas();
    const tokens = await signIn(here);
    const visit = await visitAccount(here);
    trouble.fails = (verb) => verb === 'append';
    expect((await visit.press('end-all')).status).toBe(503);
    expect((await there.store.read('revocations', '')).entries).toEqual([]);
    trouble.fails = () => false;
    becomes(there, 'bob');
    await signIn(there);
    // Whatever the feed gets makes the others read it, and what they owe it follows.
    await (await visitAccount(there)).press('end-all');

    const entries = async () => (await there.store.read('revocations', '')).entries.join();
    await expect.poll(entries, { timeout: 10_000 }).toContain('alice');
    await expect.poll(() => statusOfRefresh(there, tokens), { timeout: 10_000 }).toBe(400);
  });

  it('332: grants that are over do not push one that is alive off the list', async () => {
    const gatehouse = await open();
    const old = await signIn(gatehouse);
    const [record] = (await gatehouse.store.list('grants_of:', { cursor: '', limit: 9 })).records;
    const { key = '', value = '' } = record ?? {};
    const [, ...rest] = value.split(' ');
    const busy = await registerClient(gatehouse);
    const { refreshToken } = await signIn(gatehouse, { client: busy });
    await postForm(gatehouse, '/revoke', { token: refreshToken, client_id: busy.clientId });
    const ended = String(await gatehouse.store.get(key)).split('\n')[0];
    const gone = Array.from({ length: 198 }, (_, at) => [`g-${at}`, ...rest].join(' '));
    const full = [ended, ...gone, value].join('\n');
    const present = String(await gatehouse.store.get(key));
    const end = gatehouse.clock.nowSeconds() + 10_000;
    expect(await gatehouse.store.replace(key, present, full, end)).toBe(true);

    await signIn(gatehouse, { client: busy });

    expect((await visitAccount(gatehouse)).grantIds).toHaveLength(2);
    expect(String(await gatehouse.store.get(key)).split('\n')).toHaveLength(2);
    expect(await statusOfRefresh(gatehouse, old)).toBe(200);
  });

  it('332: what was ended elsewhere is off the list when its person has looked', async () => {
    const { here, trouble } = await openReplicas();
    const { client, refreshToken } = await signIn(here);
    await signIn(here);
    await postForm(here, '/revoke', { token: refreshToken, client_id: client.clientId });
    const lines = async (): Promise<number> => {
      const { records } = await here.store.list('grants_of:', { cursor: '', limit: 9 });
      return records.flatMap(({ value }) => value.split('\n')).length;
    };
    // Tidying keeps nobody from looking.
    trouble.fails = (verb, key) => verb === 'replace' && key.startsWith('grants_of:');
    expect((await visitAccount(here)).grantIds).toHaveLength(1);
    expect(await lines()).toBe(2);
    trouble.fails = () => false;
    expect((await visitAccount(here)).grantIds).toHaveLength(1);
    expect(await lines()).toBe(1);
  });

  it('333: at GitHub it asks who it is and nothing else, and takes no token from a grant', async () => {
    const gatehouse = await open();
    const github = await SimulatedGitHub.start();
    closers.push(() => github.close());
    const { provider } = openProvider(github, gatehouse.clock, {
      IDP: 'github',
      ALLOWED_GROUPS: 'acme/engineering',
    });
    closers.push(() => Promise.resolve(provider.close()));
    Object.assign(gatehouse.identityProvider, provider);
    const logIn = (url: URL): Promise<URLSearchParams> => github.logIn(url);
    const all: Tokens[] = [];
    for (let count = 0; count < 10; count += 1) all.push(await signIn(gatehouse, { logIn }));
    const { person } = github;
    github.person = {
      ...person,
      emails: [{ email: 'a@b.example', primary: true, verified: false, visibility: null }],
    };
    github.misbehaviour = { api: 'endless-pages' };
    const before = github.requests.length;

    const visit = await visitAccount(gatehouse, { logIn });

    expect(visit.grantIds).toHaveLength(10);
    expect(visit.html).toContain('You are signed in as <bdi>alice</bdi>');
    expect(github.requests.slice(before)).toEqual([
      '/login/oauth/authorize',
      '/login/oauth/access_token',
      '/api/v3/user',
      `/api/v3/applications/${github.clientId}/token`,
    ]);
    expect(github.tokens).toBe(10);
    github.person = person;
    github.misbehaviour = {};
    expect(await statusOfRefresh(gatehouse, all[0] as Tokens)).toBe(200);
  });

  it('334: the page does not say that a client has no access while it has', async () => {
    const gatehouse = await open();
    const client = await registerClient(gatehouse, { client_name: 'Twice' });
    await signIn(gatehouse, { client });
    await signIn(gatehouse, { client });
    await signIn(gatehouse, { client: await registerClient(gatehouse, { client_name: 'Twice' }) });
    const visit = await visitAccount(gatehouse);
    for (let left = visit.grantIds.length - 1; left > 0; left -= 1) {
      await visit.press(`end:${visit.grantIds[0]}`);
      expect(visit.grantIds).toHaveLength(left);
      expect(visit.html).toContain('Ended: this access of <bdi>Twice</bdi>');
      expect(visit.html).not.toContain('has no access');
    }
    await visit.press(`end:${visit.grantIds[0]}`);
    expect(visit.html).toContain('<bdi>Twice</bdi> has no access');
  });

  it('335: a record or a list that cannot be read keeps nobody from ending all', async () => {
    for (const unreadable of ['grant:', 'grants_of:']) {
      const { here, there, trouble } = await openReplicas();
      const all = [await signIn(here), await signIn(here)];
      const visit = await visitAccount(here);
      const [, one = ''] = visit.grantIds;
      trouble.fails = (verb, key) =>
        verb === 'get' && key.startsWith(unreadable === 'grant:' ? `grant:${one}` : unreadable);
      expect((await visit.press('end-all')).status).toBe(200);
      expect(visit.html).toContain('All access that you allowed has ended');
      for (const tokens of all) {
        await expect.poll(() => statusOfRefresh(there, tokens), { timeout: 10_000 }).toBe(400);
      }
    }
  });

  it('336: another site does not use up the requests that somebody has for the page', async () => {
    const gatehouse = await open({ env: { RATE_LIMIT_ENABLED: 'true' } });
    await signIn(gatehouse);
    const visit = await visitAccount(gatehouse);
    const embeddings = [
      ['image', 'no-cors'],
      ['iframe', 'navigate'],
      ['empty', 'no-cors'],
    ] as const;
    for (let count = 0; count < 45; count += 1) {
      const [dest, mode] = embeddings[count % 3] ?? embeddings[0];
      const headers = { 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Dest': dest, 'Sec-Fetch-Mode': mode };
      expect((await gatehouse.fetch('/account', { headers })).status).toBe(403);
    }
    expect(new Set(reasons(gatehouse))).toEqual(new Set(['cross_site_background']));
    expect((await visit.press(`end:${visit.grantIds[0]}`)).status).toBe(200);
  });

  it('337: who can write to the store shows no grant under the name of another', async () => {
    const gatehouse = await open();
    for (const name of ['Evil', 'Good']) {
      await signIn(gatehouse, { client: await registerClient(gatehouse, { client_name: name }) });
    }
    const [record] = (await gatehouse.store.list('grants_of:', { cursor: '', limit: 9 })).records;
    const { key = '', value = '' } = record ?? {};
    const [good = [], evil = []] = value.split('\n').map((line) => line.split(' '));
    const swapped = [good, [evil[0], evil[1], good[2]]].map((line) => line.join(' ')).join('\n');
    const end = gatehouse.clock.nowSeconds() + 1000;
    expect(await gatehouse.store.replace(key, value, swapped, end)).toBe(true);

    const visit = await visitAccount(gatehouse);

    expect(visit.grantIds).toHaveLength(2);
    expect(visit.html.match(/<bdi>Good<\/bdi>/g)).toHaveLength(1);
    expect(visit.html).toContain('cannot be read any more');
    expect((await visit.press(`end:${evil[0]}`)).status).toBe(200);
  });
});
