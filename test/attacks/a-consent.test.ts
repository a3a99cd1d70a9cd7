import { afterEach, describe, expect, it } from 'vitest';

import { Browser } from '../support/browser.ts';
import {
  authorizeUrl,
  decide,
  obtainCode,
  postForm,
  readForm,
  readInterstitial,
  registerClient,
  type TestClient,
} from '../support/flow.ts';
import { createTestGatehouse, type TestGatehouse, type TestGatehouseOptions } from '../support/gatehouse.ts';

const closers: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

/** A gatehouse, an attacker with a client of his own, and a victim: two people, two cookie jars. */
async function open(options: TestGatehouseOptions = {}) {
  const gatehouse = await createTestGatehouse(options);
  closers.push(() => gatehouse.close());
  const client = await registerClient(gatehouse, { redirect_uris: ['https://attacker.example/callback'] });
  return { gatehouse, client, attacker: new Browser(gatehouse), victim: new Browser(gatehouse) };
}

async function fetchConsentToken(
  gatehouse: TestGatehouse,
  browser: Browser,
  client: TestClient,
): Promise<string> {
  const page = await browser.get(authorizeUrl(gatehouse, client));
  return readForm(await page.text())['consent_token'] ?? '';
}

/** Approves in one browser; returns the callback the identity provider will send whoever logs in to. */
async function approve(gatehouse: TestGatehouse, browser: Browser, client: TestClient): Promise<string> {
  const login = new URL(await decide(browser, await browser.get(authorizeUrl(gatehouse, client))));
  const state = login.searchParams.get('state') ?? '';
  return `/callback?${new URLSearchParams({ code: 'idp-code', state }).toString()}`;
}

/** The callback stayed on a page of ours, nobody was asked, and nothing was made. */
async function expectForeignBrowser(gatehouse: TestGatehouse, answer: Response): Promise<void> {
  expect(answer.status).toBe(403);
  expect(answer.headers.get('location')).toBeNull();
  expect(answer.headers.get('content-type')).toContain('text/html');
  expect(await answer.text()).not.toContain('attacker.example');
  expect(gatehouse.identityProvider.finishedLogins).toEqual([]);
  expect(eventsOf(gatehouse, 'login_succeeded')).toEqual([]);
  expect(eventsOf(gatehouse, 'request_refused')).toMatchObject([
    { reason: 'browser_mismatch', endpoint: 'callback' },
  ]);
}

function eventsOf(gatehouse: TestGatehouse, type: string) {
  return gatehouse.events.filter((event) => event.type === type);
}

const hostile = `"><svg onload=1><script>1</script>{{7*7}}\${7*7}</title>`;

describe('A. consent, browser binding, cross-user fixation', () => {
  it('1: an approval given in one browser cannot be completed in another', async () => {
    const { gatehouse, client, attacker, victim } = await open();
    const callback = await approve(gatehouse, attacker, client);
    // The victim is no stranger to this gatehouse: cookies of other flows must not help.
    await approve(gatehouse, victim, client);

    await expectForeignBrowser(gatehouse, await victim.get(callback));

    const cookies = new Map(attacker.cookies);
    expect((await attacker.get(callback)).status).toBe(302);
    for (const [name, value] of cookies) attacker.cookies.set(name, value);
    expect((await attacker.get(callback)).status).toBe(400);
    expect(eventsOf(gatehouse, 'login_succeeded')).toHaveLength(1);
  });

  it('1: nor can a login that was begun without a consent page', async () => {
    const { gatehouse, client, attacker, victim } = await open({ env: { RENDER_CONSENT_PAGE: 'false' } });
    const redirect = await attacker.get(authorizeUrl(gatehouse, client));
    const state = new URL(redirect.headers.get('location') ?? '').searchParams.get('state') ?? '';

    const answer = await victim.get(`/callback?${new URLSearchParams({ code: 'c', state }).toString()}`);

    await expectForeignBrowser(gatehouse, answer);
  });

  it('2: a callback that the attacker hands over does not log the victim in as the attacker', async () => {
    const { gatehouse, client, attacker, victim } = await open();
    gatehouse.identityProvider.person = { ...gatehouse.identityProvider.person, subject: 'mallory' };

    const answer = await victim.get(await approve(gatehouse, attacker, client));

    await expectForeignBrowser(gatehouse, answer);
  });

  it('4: cookies planted by a sibling host are not read', async () => {
    const { gatehouse, client, attacker, victim } = await open();
    const consentToken = await fetchConsentToken(gatehouse, attacker, client);
    const callback = await approve(gatehouse, attacker, client);
    const kinds = new Set([...attacker.cookies.keys()].map((name) => name.split('-')[2]));
    expect([...kinds]).toEqual(['consent', 'flow']);
    // A sibling host cannot set a __Host- name; it can set any other, and all of them reach us.
    for (const [name, value] of attacker.cookies) {
      expect(name).toMatch(/^__Host-/);
      victim.cookies.set(name.replace('__Host-', ''), value);
      victim.cookies.set(name.replace('__Host-', '__host-'), value);
    }

    const consent = await victim.post('/consent', { consent_token: consentToken, action: 'approve' });
    const answer = await victim.get(callback);

    expect([consent.status, answer.status]).toEqual([403, 403]);
    expect(gatehouse.identityProvider.finishedLogins).toEqual([]);
    expect(eventsOf(gatehouse, 'request_refused')).toMatchObject([
      { endpoint: 'consent', reason: 'browser_mismatch' },
      { endpoint: 'callback', reason: 'browser_mismatch' },
    ]);
  });

  it('4: a cookie that comes twice counts for nothing', async () => {
    const { gatehouse, client, victim } = await open();
    const consentToken = await fetchConsentToken(gatehouse, victim, client);
    const callback = await approve(gatehouse, victim, client);
    gatehouse.identityProvider.startedLogins.length = 0;
    const twice = { Cookie: `${victim.cookieHeader()}; ${victim.cookieHeader()}` };

    const form = { consent_token: consentToken, action: 'approve' };
    const consent = await postForm(gatehouse, '/consent', form, twice);
    const answer = await gatehouse.fetch(callback, { headers: twice });

    expect([consent.status, answer.status]).toEqual([403, 403]);
    expect(gatehouse.identityProvider.startedLogins).toEqual([]);
    expect(gatehouse.identityProvider.finishedLogins).toEqual([]);
    // Once each, they are good.
    expect((await victim.post('/consent', form)).status).toBe(200);
    expect((await victim.get(callback)).status).toBe(302);
  });

  it.each([
    ['from another origin', { Origin: 'https://attacker.example', 'Sec-Fetch-Site': 'cross-site' }],
    ['with a null origin', { Origin: 'null', 'Sec-Fetch-Site': undefined }],
    ['without origin, cross-site', { Origin: undefined, 'Sec-Fetch-Site': 'cross-site' }],
  ])('5: a consent form that is posted %s approves nothing', async (_how, headers) => {
    const { gatehouse, client, attacker, victim } = await open();
    // Worst case: the form is the victim's own, and the browser sends every cookie along.
    const own = await fetchConsentToken(gatehouse, victim, client);
    const fetched = await fetchConsentToken(gatehouse, attacker, client);

    for (const consentToken of [own, fetched]) {
      const answer = await victim.post(
        '/consent',
        { consent_token: consentToken, action: 'approve' },
        headers,
      );

      expect(answer.status).toBe(403);
      expect(answer.headers.get('location')).toBeNull();
      expect(await answer.text()).not.toContain('http-equiv="refresh"');
    }
    expect(gatehouse.identityProvider.startedLogins).toEqual([]);
    expect(eventsOf(gatehouse, 'consent_decided')).toEqual([]);
  });

  it('5: a consent form that the attacker fetched is refused even when it looks same-origin', async () => {
    const { gatehouse, client, attacker, victim } = await open();
    await fetchConsentToken(gatehouse, victim, client);
    const fetched = await fetchConsentToken(gatehouse, attacker, client);

    const answer = await victim.post('/consent', { consent_token: fetched, action: 'approve' });

    expect(answer.status).toBe(403);
    expect(gatehouse.identityProvider.startedLogins).toEqual([]);
  });

  it('6: a sibling host cannot post the consent form', async () => {
    const { gatehouse, client, victim } = await open();
    const consentToken = await fetchConsentToken(gatehouse, victim, client);
    for (const headers of [
      { Origin: 'https://x.gatehouse.test', 'Sec-Fetch-Site': 'same-site' },
      { Origin: undefined, 'Sec-Fetch-Site': 'same-site' },
      { Origin: 'https://x.gatehouse.test', 'Sec-Fetch-Site': undefined },
      { Origin: 'http://gatehouse.test', 'Sec-Fetch-Site': 'same-site' },
    ]) {
      const answer = await victim.post(
        '/consent',
        { consent_token: consentToken, action: 'approve' },
        headers,
      );

      expect(answer.status).toBe(403);
    }
    expect(gatehouse.identityProvider.startedLogins).toEqual([]);
    expect(eventsOf(gatehouse, 'consent_decided')).toEqual([]);
  });

  it('7: a consent form decides once, however often it is posted', async () => {
    const { gatehouse, client, victim } = await open();
    const other = await fetchConsentToken(gatehouse, victim, client);
    const form = { consent_token: await fetchConsentToken(gatehouse, victim, client), action: 'approve' };
    const cookies = new Map(victim.cookies);

    const pages = await Promise.all(Array.from({ length: 50 }, () => victim.post('/consent', form)));
    // A browser that cancels a request keeps no cookie of its answer.
    victim.cookies.clear();
    for (const [name, value] of cookies) victim.cookies.set(name, value);
    pages.push(await victim.post('/consent', form));

    const texts = await Promise.all(pages.map((page) => page.text()));
    expect(texts.filter((text) => text.includes('http-equiv="refresh"'))).toHaveLength(1);
    expect(gatehouse.identityProvider.startedLogins).toHaveLength(1);
    expect(eventsOf(gatehouse, 'consent_decided')).toHaveLength(1);
    expect(eventsOf(gatehouse, 'replay_detected')).toHaveLength(50);
    // Another form of the same browser is none the worse.
    const denial = await victim.post('/consent', { consent_token: other, action: 'deny' });
    expect(readInterstitial(await denial.text())).toContain('error=access_denied');
  });

  it('8: a denial cannot be turned into an approval by posting the form again', async () => {
    const { gatehouse, client, victim } = await open();
    const consentToken = await fetchConsentToken(gatehouse, victim, client);
    const denial = await victim.post('/consent', { consent_token: consentToken, action: 'deny' });

    const flip = await victim.post('/consent', { consent_token: consentToken, action: 'approve' });

    expect(readInterstitial(await denial.text())).toContain('error=access_denied');
    const text = await flip.text();
    expect(text).not.toContain('http-equiv="refresh"');
    expect(text).toContain('answered already');
    expect(gatehouse.identityProvider.startedLogins).toEqual([]);
    expect(eventsOf(gatehouse, 'consent_decided')).toMatchObject([{ decision: 'denied' }]);
  });

  // Remembering approvals is not offered. In its place: every authorization asks, the very same one too.
  it('10: no approval is ever reused', async () => {
    const { gatehouse, client, victim } = await open();
    await obtainCode(gatehouse, { client, browser: victim });
    for (const overrides of [
      {},
      { scope: 'admin' },
      { resource: gatehouse.publicUrl },
      { prompt: 'login' },
    ]) {
      const page = await victim.get(authorizeUrl(gatehouse, client, overrides));

      expect(page.status).toBe(200);
      expect(readForm(await page.text())['consent_token']).toMatch(/^mgh_cs_/);
    }
    expect(gatehouse.identityProvider.startedLogins).toHaveLength(1);
  });

  it.each([
    ['a right-to-left override', 'Cl\u202Eedua'],
    ['isolates', 'a\u2066b\u2067c\u2068d\u2069'],
    ['zero-width characters', 'a\u200Bb\u200Cc\u200Dd\u200Ee\u200Ff'],
    ['a byte order mark', '\uFEFFa\uFEFFb'],
    ['a soft hyphen', 'Clau\u00ADde'],
    ['tag characters', 'Claude\u{E0041}\u{E007F}'],
    ['200 combining marks', `a${'\u0301'.repeat(200)}`],
    ['private use characters', 'a\uE000'],
  ])('11: a client name with %s does not register', async (_what, name) => {
    const { gatehouse } = await open();

    const attempt = registerClient(gatehouse, { client_name: name });

    await expect(attempt).rejects.toThrow('invalid_client_metadata');
  });

  it('11: a name is shown as it was registered, isolated from the text around it', async () => {
    const { gatehouse, victim } = await open();
    const client = await registerClient(gatehouse, { client_name: 'שלום App' });

    const text = await (await victim.get(authorizeUrl(gatehouse, client))).text();

    expect(text).toContain('<bdi class="name">שלום App</bdi>');
  });

  it('12: a name that imitates another is flagged, and no name counts as verified', async () => {
    const { gatehouse, victim } = await open();
    for (const [name, flagged] of [
      ['Cl\u0430ude', true],
      ['Cursor\u03BF', true],
      ['Claude', false],
    ] as const) {
      const client = await registerClient(gatehouse, { client_name: name });
      const page = await victim.get(authorizeUrl(gatehouse, client));
      const text = (await page.text()).replaceAll(/\s+/g, ' ');

      expect(text).toContain('unverified — chosen by the application itself');
      expect(text.includes('It may imitate another application')).toBe(flagged);
      expect(text).toContain('<strong>https://client.example</strong>');
    }
  });

  it.each([
    ['emoji', '😀'.repeat(128)],
    ['markup', hostile.slice(0, 200)],
    ['markdown', '[click](https://attacker.example) **bold**'],
    ['quotes', `'"&<>\`=`],
  ])('13: a name made of %s is text and nothing else', async (_what, name) => {
    const { gatehouse, victim } = await open();
    const client = await registerClient(gatehouse, { client_name: name });

    const text = await (await victim.get(authorizeUrl(gatehouse, client))).text();

    expect(text).toContain(`<bdi class="name">${escapeHtml(name)}</bdi>`);
    expect(text.match(/<title>/g)).toHaveLength(1);
    expect(text.match(/<\/title>/g)).toHaveLength(1);
  });

  it.each(['a\u2028b', 'a\nb', 'x'.repeat(513)])('13: the name %j does not register', async (name) => {
    const { gatehouse } = await open();

    await expect(registerClient(gatehouse, { client_name: name })).rejects.toThrow('invalid_client_metadata');
  });

  it('14: nothing from a request becomes markup on any page', async () => {
    const { gatehouse, client, victim } = await open();
    for (const value of [hostile, 'javascript:alert(1)', `'onmouseover='1`]) {
      for (const name of [
        'client_id',
        'state',
        'scope',
        'resource',
        'redirect_uri',
        'response_type',
        'prompt',
      ]) {
        await expectNoMarkup(await victim.get(authorizeUrl(gatehouse, client, { [name]: value })), value);
      }
      await expectNoMarkup(await victim.post('/consent', { consent_token: value, action: value }), value);
      for (const name of ['state', 'error', 'error_description', 'code']) {
        const query = new URLSearchParams({ [name]: value }).toString();
        await expectNoMarkup(await victim.get(`/callback?${query}`), value);
      }
    }
  });

  it('14: a hostile state stays text on the way back to the client', async () => {
    const { gatehouse, client, victim } = await open();
    const page = await victim.get(authorizeUrl(gatehouse, client, { state: hostile }));
    const consentToken = readForm(await page.text())['consent_token'] ?? '';

    const text = await (
      await victim.post('/consent', { consent_token: consentToken, action: 'deny' })
    ).text();

    expect(text).not.toMatch(/<svg|<script/);
    expect(new URL(readInterstitial(text)).searchParams.get('state')).toBe(hostile);
  });

  it('16: no page can be framed, and Approve is not armed at once', async () => {
    const { gatehouse, client, victim } = await open();
    const consent = await victim.get(authorizeUrl(gatehouse, client));
    const text = await consent.clone().text();
    const form = { consent_token: readForm(text)['consent_token'] ?? '', action: 'approve' };
    const pages = [
      consent,
      await victim.get('/authorize'),
      await victim.get('/callback?code=x&state=x'),
      await victim.post('/consent', form),
      await victim.post('/consent', form),
    ];

    for (const page of pages) {
      expect(page.headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
      expect(page.headers.get('x-frame-options')).toBe('DENY');
    }
    expect(text).toMatch(/class="arming"[^>]*>\s*<button[^>]*value="approve"/);
    expect(text).toMatch(/@keyframes arm \{ from, 99% \{ visibility: hidden/);
  });

  // A famous client id can be claimed by any program: its metadata document is public, and so is its loopback target.
  // So every loopback target is warned of, whoever asks.
  it('17: a loopback target is warned of and shown with its port', async () => {
    const { gatehouse, victim } = await open();
    const client = await registerClient(gatehouse, { redirect_uris: ['http://localhost/callback'] });

    const page = await victim.get(
      authorizeUrl(gatehouse, client, { redirect_uri: 'http://localhost:49152/callback' }),
    );

    const text = await page.text();
    expect(text).toContain('<strong>http://localhost:49152</strong>/callback');
    expect(text).toContain('any program on it can claim to be this one');
  });

  it.each([
    'https://claude.ai:443@evil.example/callback',
    'https://claude.ai%2f@evil.example/callback',
    'https://claude.ai\\@evil.example/callback',
    'https://clаude.ai/callback',
    'https://evil.example/callback#claude.ai',
  ])('18: the look-alike %o does not register', async (redirectUri) => {
    const { gatehouse } = await open();

    await expect(registerClient(gatehouse, { redirect_uris: [redirectUri] })).rejects.toThrow(
      'invalid_redirect_uri',
    );
  });

  it.each([
    ['https://claude.ai.evil.example:8443', `/${'claude.ai/'.repeat(40)}callback`],
    ['https://xn--clude-2ve.ai', '/callback'],
  ])('18: the target %s is shown whole, with its host in bold', async (origin, path) => {
    const { gatehouse, victim } = await open();
    const client = await registerClient(gatehouse, { redirect_uris: [`${origin}${path}`] });

    const text = await (await victim.get(authorizeUrl(gatehouse, client))).text();

    expect(text).toContain(`<strong>${origin}</strong>${path}</code>`);
  });

  it('19: the form has no parameter to edit, and takes none', async () => {
    const { gatehouse, client, victim } = await open();
    const text = await (await victim.get(authorizeUrl(gatehouse, client))).text();
    const form = readForm(text);
    expect(Object.keys(form)).toEqual(['consent_token']);
    const consentToken = form['consent_token'] ?? '';
    const good = new URLSearchParams({ consent_token: consentToken, action: 'approve' }).toString();

    for (const extra of [
      'redirect_uri=https%3A%2F%2Fattacker.example%2F',
      'scope=admin',
      'client_id=x',
      'state=x',
      'action=approve',
      'action=deny',
      `consent_token=${consentToken}`,
    ]) {
      const answer = await victim.post('/consent', new URLSearchParams(`${good}&${extra}`));

      expect(answer.status).toBe(400);
    }
    const altered = `${consentToken.slice(0, -1)}${consentToken.endsWith('A') ? 'B' : 'A'}`;
    expect((await victim.post('/consent', { consent_token: altered, action: 'approve' })).status).toBe(400);
    expect(gatehouse.identityProvider.startedLogins).toEqual([]);
    // None of it used up the form.
    expect((await victim.post('/consent', new URLSearchParams(good))).status).toBe(200);
    expect(gatehouse.identityProvider.startedLogins).toHaveLength(1);
  });

  it('20: two hundred flows and pages leave twelve cookies at most, and the newest six of each work', async () => {
    const { gatehouse, client, victim } = await open();
    const callbacks: string[] = [];
    const forms: Record<string, string>[] = [];
    for (let flow = 0; flow < 200; flow += 1) {
      callbacks.push(await approve(gatehouse, victim, client));
      gatehouse.clock.advance(1);
    }
    for (let page = 0; page < 200; page += 1) {
      const consentToken = await fetchConsentToken(gatehouse, victim, client);
      forms.push({ consent_token: consentToken, action: 'deny' });
      gatehouse.clock.advance(1);
      expect(victim.cookies.size).toBeLessThanOrEqual(12);
      expect(victim.cookieHeader().length).toBeLessThan(1500);
    }

    for (const callback of callbacks.slice(-6)) {
      const answer = await victim.get(callback);

      expect(answer.status).toBe(302);
      expect(new URL(answer.headers.get('location') ?? '').searchParams.get('code')).toMatch(/^mgh_ac_/);
    }
    for (const form of forms.slice(-6)) expect((await victim.post('/consent', form)).status).toBe(200);
    expect(victim.cookies.size).toBeLessThanOrEqual(6);
    expect((await victim.get(callbacks.at(-7) ?? '')).status).toBe(403);
    expect((await victim.post('/consent', forms.at(-7) ?? {})).status).toBe(403);
  });

  it('20: pages that are opened at once, in a browser new to us, can all be answered', async () => {
    const { gatehouse, client, victim } = await open();
    const other = await registerClient(gatehouse);

    // Neither request carries the cookie that the other's answer sets.
    const tabs = await Promise.all([
      fetchConsentToken(gatehouse, victim, client),
      fetchConsentToken(gatehouse, victim, other),
    ]);

    for (const consentToken of tabs) {
      const answer = await victim.post('/consent', { consent_token: consentToken, action: 'approve' });
      expect(answer.status).toBe(200);
      expect(readInterstitial(await answer.text())).toContain('state=mgh_st_');
    }
  });

  it('20: a form that another site posts here takes no open page away, and is held to its own cookie', async () => {
    const { gatehouse, client, attacker, victim } = await open();
    const before = await fetchConsentToken(gatehouse, victim, client);
    const cookies = new Map(victim.cookies);

    const { searchParams } = new URL(authorizeUrl(gatehouse, client));
    const redirect = await victim.postFromElsewhere('/authorize', searchParams);
    expect([redirect.status, victim.cookies]).toEqual([303, cookies]);
    const posted = await victim.get(redirect.headers.get('location') ?? '');

    const consentToken = readForm(await posted.text())['consent_token'] ?? '';
    expect([...victim.cookies].slice(0, cookies.size)).toEqual([...cookies]);
    const stolen = await attacker.post('/consent', { consent_token: consentToken, action: 'approve' });
    expect(stolen.status).toBe(403);
    for (const token of [before, consentToken]) {
      const answer = await victim.post('/consent', { consent_token: token, action: 'approve' });
      expect(answer.status).toBe(200);
      expect(readInterstitial(await answer.text())).toContain('state=mgh_st_');
    }
    expect(gatehouse.identityProvider.startedLogins).toHaveLength(2);
  });

  it('20: however many forms another site posts here, six pages are remembered at most', async () => {
    const { gatehouse, client, victim } = await open();
    const { searchParams } = new URL(authorizeUrl(gatehouse, client));
    for (let post = 0; post < 200; post += 1) {
      const redirect = await victim.postFromElsewhere('/authorize', searchParams);
      await victim.get(redirect.headers.get('location') ?? '');
      expect(victim.cookies.size).toBeLessThanOrEqual(6);
    }

    const consentToken = await fetchConsentToken(gatehouse, victim, client);

    expect(victim.cookies.size).toBe(6);
    const answer = await victim.post('/consent', { consent_token: consentToken, action: 'approve' });
    expect(answer.status).toBe(200);
  });
});

function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}

async function expectNoMarkup(response: Response, value: string): Promise<void> {
  const text = await response.text();
  expect(text).not.toContain(value);
  expect(text).not.toMatch(/<svg|<script|\bhref="javascript:|\sonmouseover=/i);
  const policy = response.headers.get('content-security-policy') ?? '';
  expect(policy).toContain("default-src 'none'");
  expect(policy).not.toContain('script-src');
}
