import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { GatehouseConfig } from '../../src/gateway/config/config.ts';
import type { EntrySettings } from '../../src/services/entry/entry-gate.ts';
import { type EntryRules, everybody } from '../../src/services/entry/entry-rules.ts';
import type { Authentication } from '../../src/services/identity/identity-provider.ts';
import { Browser } from '../support/browser.ts';
import { authorizeUrl, createPkce, decide, refresh, registerClient, signIn } from '../support/flow.ts';
import { atLeastOne, type MountedHouse, resourceOf, startMountedHouse } from '../support/mounted-house.ts';

let house: MountedHouse;

beforeEach(async () => {
  house = await startMountedHouse();
  // What is not open yet has nothing to go over from.
  await house.fetch('/.well-known/oauth-authorization-server');
});

afterEach(async () => {
  expect(house.logged()).not.toContain('internal_error');
  await house.close();
});

const asked = (rules: Partial<EntryRules>, contact?: string): EntrySettings => ({
  rules: { ...everybody, ...rules },
  contact,
});

/** Rules for all, or for the wiki alone. */
function reload(entry: EntrySettings | undefined, ofWiki?: EntrySettings): Promise<void> {
  const mounts: GatehouseConfig['mounts'] = atLeastOne(
    house.config.mounts.map((mount) => (mount.name === 'wiki' ? { ...mount, entry: ofWiki } : mount)),
  );
  return house.gateway.reload({ ...house.config, mounts, entry });
}

interface Attempt {
  readonly answer: Response;
  readonly location: URL | undefined;
  readonly html: string;
}

/** Consent and login at the wiki, up to what the callback answers. */
async function attempt(redirectUri?: string, headers: Record<string, string> = {}): Promise<Attempt> {
  const asking = house.asking(resourceOf.wiki);
  const metadata = redirectUri === undefined ? {} : { redirect_uris: [redirectUri] };
  const client = await registerClient(asking, metadata);
  const browser = new Browser(asking);
  const url = authorizeUrl(asking, client, { code_challenge: createPkce().challenge });
  const login = new URL(await decide(browser, await browser.get(url), 'approve'));
  const query = new URLSearchParams({ code: 'idp-code', state: login.searchParams.get('state') ?? '' });
  const answer = await browser.get(`/callback?${query.toString()}`, headers);
  const html = await answer.text();
  const href = /<a class="button" href="([^"]*)"/.exec(html)?.[1]?.replaceAll('&amp;', '&');
  const target = answer.headers.get('location') ?? href;
  return { answer, html, location: target === undefined ? undefined : new URL(target) };
}

function refusals(): readonly string[] {
  return house.events.flatMap((event) => (event.type === 'request_refused' ? [event.reason] : []));
}

const openGrants = async (): Promise<number> =>
  (await house.store.list('grant:', { cursor: '', limit: 10 })).records.length;

const now = (): number => house.clock.nowSeconds();
const alice = { issuer: undefined, subject: 'alice' };
const good = (): Authentication => ({ acr: 'gold', amr: ['pwd', 'otp'], authenticatedAt: now() - 10 });

const cases: ReadonlyArray<readonly [reason: string, status: number, rules: Partial<EntryRules>]> = [
  ['group', 403, { groups: { any: ['staff'], all: [], none: [] } }],
  ['group', 403, { groups: { any: [], all: [], none: ['engineering'] } }],
  ['entry_subject', 403, { subjects: { allow: [], deny: [alice] } }],
  ['entry_email', 403, { emails: { allow: ['bob@example.com'], deny: [] } }],
  ['entry_domain', 403, { domains: { allow: [], deny: ['example.com'] } }],
  ['entry_acr', 401, { acr: ['platinum'] }],
  ['entry_amr', 401, { amr: ['hwk'] }],
  ['entry_age', 401, { maxAuthenticationAgeSeconds: 5 }],
];

describe.each(cases)('an entry rule that refuses with %s', (reason, status, rules) => {
  it('stops a login before there is a code, and says so to the person', async () => {
    house.identityProvider.authentication = good();
    await reload(undefined, asked(rules, 'the <wiki> team'));
    const { answer, html, location } = await attempt();
    expect([answer.status, answer.headers.get('location')]).toEqual([403, null]);
    expect(html).toContain('alice@example.com');
    expect(html).toContain('The wiki');
    expect(html).toContain('the &lt;wiki&gt; team');
    for (const secret of ['staff', 'bob@', 'platinum', 'hwk', reason]) expect(html).not.toContain(secret);
    expect(location?.searchParams.get('error')).toBe('access_denied');
    expect(location?.searchParams.get('code')).toBeNull();
    expect(answer.headers.getSetCookie().join()).toContain('Max-Age=0');
    expect(refusals()).toContain(reason);
    expect(house.events).toContainEqual({
      type: 'entry_refused',
      reason,
      subject: 'alice',
      client: expect.any(String) as string,
      resource: resourceOf.wiki,
      identityProvider: 'generic',
    });
    expect(await openGrants()).toBe(0);
    // The rule is the wiki's alone.
    await signIn(house.asking(resourceOf.notes));
  });

  it('refuses calls at once, and ends the grant with its next refresh', async () => {
    house.identityProvider.authentication = good();
    const { accessToken, refreshToken, client } = await signIn(house.asking(resourceOf.wiki));
    expect((await house.call(resourceOf.wiki, accessToken)).status).toBe(200);
    await reload(asked(rules));
    const calls = house.upstreams.wiki.requests.length;
    const refused = await house.call(resourceOf.wiki, accessToken);
    expect(refused.status).toBe(status);
    expect(refused.headers.has('www-authenticate')).toBe(status === 401);
    expect(house.upstreams.wiki.requests).toHaveLength(calls);
    expect(house.events).toContainEqual(
      expect.objectContaining({ type: 'request_refused', reason, subject: 'alice' }),
    );

    const answer = await refresh(house, client.clientId, refreshToken);
    expect([answer.status, await answer.json()]).toMatchObject([400, { error: 'invalid_grant' }]);
    await reload(undefined);
    expect((await refresh(house, client.clientId, refreshToken)).status).toBe(400);
  });

  it('lets in again whom it does not refuse any more', async () => {
    house.identityProvider.authentication = good();
    const { accessToken } = await signIn(house.asking(resourceOf.wiki));
    await reload(asked(rules));
    expect((await house.call(resourceOf.wiki, accessToken)).status).toBe(status);
    await reload(undefined);
    expect((await house.call(resourceOf.wiki, accessToken)).status).toBe(200);
  });
});

describe('entry rules', () => {
  it('end a stream that is open when a reload denies its person', async () => {
    const { accessToken } = await signIn(house.asking(resourceOf.wiki));
    house.upstreams.wiki.answer = (_, socket) => {
      socket.write('HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: first\n\n');
    };
    const { body } = await house.call(resourceOf.wiki, accessToken, { method: 'GET', body: null });
    const reader = body?.getReader();
    expect((await reader?.read())?.done).toBe(false);
    await reload(asked({ subjects: { allow: [], deny: [alice] } }));
    expect((await reader?.read())?.done).toBe(true);
  });

  it('hold for calls on both lanes', async () => {
    const { accessToken } = await signIn(house.asking(resourceOf.wiki));
    await reload(asked({ subjects: { allow: [], deny: [alice] } }));
    // A chunked body is not for the fast lane.
    const body = new Blob(['{}']).stream();
    const slow = { body, duplex: 'half' } as RequestInit;
    expect((await house.call(resourceOf.wiki, accessToken)).status).toBe(403);
    expect((await house.call(resourceOf.wiki, accessToken, slow)).status).toBe(403);
  });

  it('ask the provider for what they need of the login', async () => {
    house.identityProvider.authentication = good();
    await reload(
      asked({ acr: ['gold', 'silver'], maxAuthenticationAgeSeconds: 600 }),
      asked({ acr: ['gold'], maxAuthenticationAgeSeconds: 300 }),
    );
    await signIn(house.asking(resourceOf.wiki));
    const { startedLogins } = house.identityProvider;
    expect(startedLogins.at(-1)?.demands).toEqual({ maxAgeSeconds: 300, acrValues: ['gold'] });
    await signIn(house.asking(resourceOf.notes));
    expect(startedLogins.at(-1)?.demands).toEqual({ maxAgeSeconds: 600, acrValues: ['gold', 'silver'] });
  });

  it('refuse calls from the moment at which the login is too old', async () => {
    house.identityProvider.authentication = { authenticatedAt: now() };
    await reload(asked({ maxAuthenticationAgeSeconds: 600 }));
    const { accessToken } = await signIn(house.asking(resourceOf.wiki));
    house.clock.advance(600);
    expect((await house.call(resourceOf.wiki, accessToken)).status).toBe(200);
    house.clock.advance(1);
    expect((await house.call(resourceOf.wiki, accessToken)).status).toBe(401);
    expect(refusals()).toContain('entry_age');
  });

  it('go by the groups of now at a refresh', async () => {
    house.identityProvider.givesRefreshTokens = true;
    await reload(asked({ groups: { any: ['engineering'], all: [], none: [] } }));
    const { refreshToken, client } = await signIn(house.asking(resourceOf.wiki));
    const { person } = house.identityProvider;
    house.identityProvider.person = { ...person, groups: [] };
    const answer = await refresh(house, client.clientId, refreshToken);
    expect([answer.status, await answer.json()]).toMatchObject([400, { error: 'invalid_grant' }]);
    expect(house.events).toContainEqual(expect.objectContaining({ type: 'grant_revoked', cause: 'group' }));
  });

  it('tell a script by the redirect alone', async () => {
    await reload(asked({ subjects: { allow: [], deny: [alice] } }));
    const { answer, location } = await attempt(undefined, {
      accept: '*/*',
      Accept: '*/*',
      'Sec-Fetch-Mode': 'cors',
    });
    expect([answer.status, location?.searchParams.get('error')]).toEqual([302, 'access_denied']);
  });
});

describe('whoever wants to get around entry rules', () => {
  const denied = asked({ domains: { allow: [], deny: ['evil.example'] } });

  it.each<[string, string | undefined]>([
    ['writes the domain in another case', 'mallory@EVIL.example'],
    ['hides the address', undefined],
  ])('gets nowhere: %s', async (_, email) => {
    await reload(denied);
    house.identityProvider.person = { ...house.identityProvider.person, email };
    const { answer } = await attempt();
    expect(answer.status).toBe(403);
    expect(refusals()).toContain('entry_domain');
  });

  it('is not who has the same subject at another provider', async () => {
    const elsewhere = { issuer: 'https://other.test', subject: 'alice' };
    await reload(asked({ subjects: { allow: [], deny: [elsewhere] } }));
    await signIn(house.asking(resourceOf.wiki));
    await reload(asked({ subjects: { allow: [elsewhere], deny: [] } }));
    expect((await attempt()).answer.status).toBe(403);
    await reload(asked({ subjects: { allow: [{ ...alice, issuer: 'https://login.test' }], deny: [] } }));
    await signIn(house.asking(resourceOf.wiki));
  });

  it.each<[string, () => Authentication]>([
    ['a provider that says nothing of the login', () => ({})],
    ['a login of the future', () => ({ ...good(), authenticatedAt: now() + 3600 })],
    ['a provider that does not heed max_age', () => ({ ...good(), authenticatedAt: now() - 3600 })],
  ])('gets nowhere with %s', async (_, say) => {
    await reload(asked({ maxAuthenticationAgeSeconds: 600 }));
    house.identityProvider.authentication = say();
    expect((await attempt()).answer.status).toBe(403);
    expect(refusals()).toContain('entry_age');
  });
});
