import { createHash } from 'node:crypto';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { GatehouseConfig } from '../../src/gateway/config/config.ts';
import type { EntrySettings } from '../../src/services/entry/entry-gate.ts';
import { type EntryRules, everybody, type GroupName } from '../../src/services/entry/entry-rules.ts';
import type { Authentication } from '../../src/services/identity/identity-provider.ts';
import { Browser } from '../support/browser.ts';
import { beginDevice, deviceEnvironment, errorOf, pollDevice, typeCode } from '../support/device-flow.ts';
import { authorizeUrl, decide, postForm, refresh, registerClient, signIn } from '../support/flow.ts';
import { createTestGatehouse, type TestGatehouse } from '../support/gatehouse.ts';
import { atLeastOne } from '../support/mounted-house.ts';
import { type RecordingUpstream, replyJson, startRecordingUpstream } from '../support/recording-upstream.ts';

let house: TestGatehouse;
let upstream: RecordingUpstream;

const introspector = 'resource-server';
const introspectorSecret = 'Wc7Nq2Rx9Tb4Lz6Hd1Jf8Vk3Ym5Ps0Ga-introspector';

beforeEach(async () => {
  upstream = await startRecordingUpstream();
  upstream.answer = replyJson({ served: true });
  house = await createTestGatehouse({
    upstream: `${upstream.origin}/mcp`,
    env: {
      ...deviceEnvironment,
      INTROSPECTION_CLIENTS: `${introspector}:${createHash('sha256').update(introspectorSecret).digest('hex')}`,
    },
  });
  await house.fetch('/.well-known/oauth-authorization-server');
});

afterEach(async () => {
  expect(house.logged()).not.toContain('internal_error');
  await house.close();
  await upstream.close();
});

const asked = (rules: Partial<EntryRules>): EntrySettings => ({
  rules: { ...everybody, ...rules },
  contact: undefined,
});
const groups = (lists: Partial<EntryRules['groups']>): Partial<EntryRules> => ({
  groups: { ...everybody.groups, ...lists },
});
const nobodyNamedAlice = { subjects: { allow: [], deny: [{ issuer: undefined, subject: 'alice' }] } };

function enforce(rules: Partial<EntryRules> | undefined): Promise<void> {
  const entry = rules === undefined ? undefined : asked(rules);
  const mounts: GatehouseConfig['mounts'] = atLeastOne(house.config.mounts);
  return house.gateway.reload({ ...house.config, mounts, entry });
}

/** The person logs in; how that ends for the client. Nothing is left behind by a login that is refused. */
async function attempt(): Promise<'a code' | 'access_denied'> {
  const client = await registerClient(house);
  const browser = new Browser(house);
  const login = new URL(await decide(browser, await browser.get(authorizeUrl(house, client))));
  const query = new URLSearchParams({ code: 'idp-code', state: login.searchParams.get('state') ?? '' });
  const answer = await browser.get(`/callback?${query.toString()}`);
  const html = await answer.text();
  if (answer.status === 302) {
    expect(new URL(answer.headers.get('location') ?? '').searchParams.has('code')).toBe(true);
    return 'a code';
  }
  const href = /<a class="button" href="([^"]*)"/.exec(html)?.[1]?.replaceAll('&amp;', '&') ?? '';
  expect([answer.status, new URL(href).searchParams.get('code')]).toEqual([403, null]);
  expect((await house.store.list('grant:', { cursor: '', limit: 1 })).records).toEqual([]);
  expect(house.events.map(({ type }) => type)).not.toContain('login_succeeded');
  expect(new URL(href).searchParams.get('error')).toBe('access_denied');
  return 'access_denied';
}

function call(accessToken: string, init: RequestInit = {}): Promise<Response> {
  const headers = { authorization: `Bearer ${accessToken}`, 'content-type': 'application/json' };
  return house.fetch(house.mount, { method: 'POST', body: '{}', headers, ...init });
}

const reasons = (): readonly string[] =>
  house.events.flatMap((event) => (event.type === 'request_refused' ? [event.reason] : []));

/** The refresh is refused and has ended the grant: it stays refused when the rules are gone. */
async function expectEnded(clientId: string, refreshToken: string, reason: string): Promise<void> {
  const answer = await refresh(house, clientId, refreshToken);
  expect([answer.status, await errorOf(answer), reasons().at(-1)]).toEqual([400, 'invalid_grant', reason]);
  await enforce(undefined);
  expect((await refresh(house, clientId, refreshToken)).status).toBe(400);
}

describe('P. who may enter: what they are called', () => {
  const denied = { domains: { allow: [], deny: ['evil.example'] } };
  const allowed = { domains: { allow: ['example.com'], deny: [] } };
  const her = { emails: { allow: ['kate@example.com'], deny: [] } };

  it.each<[string, Partial<EntryRules>, string | undefined]>([
    ['another case of a denied domain', denied, 'mallory@EVIL.Example'],
    ['no address, where some are denied', denied, undefined],
    ['a domain that ends in an allowed one', allowed, 'mallory@evilexample.com'],
    ['a domain below an allowed one', allowed, 'mallory@evil.example.com'],
    ['an allowed domain before the last @', allowed, '"x@example.com"@evil.example'],
    ['an allowed domain with a dot behind it', allowed, 'mallory@example.com.'],
    ['a letter that looks like one of the domain', allowed, 'mallory@ex\u0430mple.com'],
    ['a sign whose lower case is a letter of the address', her, '\u212aate@example.com'],
    ['a tag behind the name', her, 'kate+x@example.com'],
    ['an invisible character in the name', her, 'ka\u200bte@example.com'],
    ['full-width letters', her, '\uff4bate@example.com'],
  ])('300: %s lets nobody in', async (_, rules, email) => {
    await enforce(rules);
    house.identityProvider.person = { ...house.identityProvider.person, email };
    expect(await attempt()).toBe('access_denied');
  });

  it.each<[string, Partial<EntryRules['groups']>, readonly string[]]>([
    ['another case', { any: ['Engineering'] }, ['engineering']],
    ['a name that begins so', { any: ['eng'] }, ['engineering']],
    ['a path above', { any: ['acme/ops'] }, ['acme']],
    ['a letter that looks the same', { any: ['admins'] }, ['\u0430dmins']],
    ['composed and decomposed letters', { any: ['caf\u00e9'] }, ['cafe\u0301']],
    ['one of two that are needed', { all: ['staff', 'engineering'] }, ['engineering']],
    ['no groups at all', { any: ['staff'] }, []],
    ['one that is too much, among others', { any: ['staff'], none: ['suspended'] }, ['staff', 'suspended']],
  ])('301: %s is another group', async (_, lists, own) => {
    await enforce(groups(lists));
    house.identityProvider.person = { ...house.identityProvider.person, groups: own };
    expect(await attempt()).toBe('access_denied');
    expect(reasons()).toContain('group');
  });
});

describe('P. who may enter: at which provider', () => {
  const elsewhere = 'https://other.test';
  const there = (group: string): GroupName => ({ issuer: elsewhere, group });

  function comeFromElsewhere(): void {
    const { person } = house.identityProvider;
    house.identityProvider.person = { ...person, issuer: elsewhere };
  }

  it.each<[string, Partial<EntryRules>]>([
    ['any', groups({ any: ['engineering'] })],
    ['all', groups({ all: ['engineering'] })],
    ['none, by its mere name', groups({ none: ['engineering'] })],
    ['none, of that provider', groups({ none: [there('engineering')] })],
    ['the subject', { subjects: { allow: [{ issuer: undefined, subject: 'alice' }], deny: [] } }],
  ])('302: the same name at another provider is another group and another person: %s', async (_, rules) => {
    await enforce(rules);
    comeFromElsewhere();
    expect(await attempt()).toBe('access_denied');
  });

  it('302: whom the rules name there may enter, and nobody here by that', async () => {
    await enforce(groups({ any: [there('engineering')] }));
    expect(await attempt()).toBe('access_denied');
    comeFromElsewhere();
    expect(await attempt()).toBe('a code');
  });
});

describe('P. who may enter: how they logged in', () => {
  const now = (): number => house.clock.nowSeconds();

  it.each<[string, Partial<EntryRules>, () => Authentication]>([
    ['acr is not said', { acr: ['gold'] }, () => ({ amr: ['pwd'], authenticatedAt: now() })],
    ['acr is another one', { acr: ['gold'] }, () => ({ acr: 'Gold' })],
    ['amr is not said', { amr: ['mfa'] }, () => ({ acr: 'gold' })],
    ['amr lacks one', { amr: ['mfa', 'hwk'] }, () => ({ amr: ['mfa'] })],
    ['auth_time is not said', { maxAuthenticationAgeSeconds: 600 }, () => ({ acr: 'gold' })],
    ['auth_time is long ago', { maxAuthenticationAgeSeconds: 600 }, () => ({ authenticatedAt: now() - 601 })],
    ['auth_time is to come', { maxAuthenticationAgeSeconds: 600 }, () => ({ authenticatedAt: now() + 61 })],
  ])('303: a login of which %s is none that the rules ask for', async (_, rules, said) => {
    await enforce(rules);
    house.identityProvider.authentication = said();
    expect(await attempt()).toBe('access_denied');
  });

  it('303: a refresh does not make a login stronger or younger than it was', async () => {
    house.identityProvider.givesRefreshTokens = true;
    house.identityProvider.authentication = { acr: 'silver', amr: ['pwd'], authenticatedAt: now() };
    const { client, refreshToken } = await signIn(house);
    // What the provider would say of a login of now.
    house.identityProvider.authentication = { acr: 'gold', amr: ['mfa'], authenticatedAt: now() + 900 };
    house.clock.advance(900);
    const answer = await refresh(house, client.clientId, refreshToken);
    const tokens = (await answer.json()) as { access_token: string; refresh_token: string };
    const rules: Partial<EntryRules>[] = [
      { acr: ['gold'] },
      { amr: ['mfa'] },
      { maxAuthenticationAgeSeconds: 600 },
    ];
    for (const each of rules) {
      await enforce(each);
      expect((await call(tokens.access_token)).status).toBe(401);
    }
    expect(upstream.requests).toEqual([]);
    await expectEnded(client.clientId, tokens.refresh_token, 'entry_age');
  });

  it('303: what the login said is not lost by a refresh that says nothing of it', async () => {
    house.identityProvider.givesRefreshTokens = true;
    house.identityProvider.authentication = { acr: 'gold', amr: ['mfa'], authenticatedAt: now() };
    await enforce({ acr: ['gold'], amr: ['mfa'], maxAuthenticationAgeSeconds: 3600 });
    const { client, refreshToken } = await signIn(house);
    house.identityProvider.authentication = {};
    const answer = await refresh(house, client.clientId, refreshToken);
    const tokens = (await answer.json()) as { access_token: string };
    expect((await call(tokens.access_token)).status).toBe(200);
  });
});

describe('P. who may enter: rules that change', () => {
  it('304: a stream that is open ends with the reload that keeps its person out, and no other', async () => {
    const alice = await signIn(house);
    house.identityProvider.person = { ...house.identityProvider.person, subject: 'bob' };
    const bob = await signIn(house);
    const tell: (() => void)[] = [];
    upstream.answer = (_, socket) => {
      socket.write('HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: first\n\n');
      tell.push(() => socket.write('data: second\n\n'));
    };
    const streams = await Promise.all(
      [alice, bob].map(({ accessToken }) => call(accessToken, { method: 'GET', body: null })),
    );
    const [hers, his] = streams.map(({ body }) => body?.getReader());
    await Promise.all([hers?.read(), his?.read()]);

    await enforce(nobodyNamedAlice);

    expect((await hers?.read())?.done).toBe(true);
    for (const each of tell) each();
    expect((await his?.read())?.done).toBe(false);
    await his?.cancel();
    expect((await call(alice.accessToken)).status).toBe(403);
  });

  it('304: a code from before the rules is worth no call', async () => {
    const { accessToken } = await signIn(house);
    await enforce(groups({ none: ['engineering'] }));
    expect((await call(accessToken)).status).toBe(403);
    expect(upstream.requests).toEqual([]);
  });

  it('305: rules that come while the provider is asked decide about that refresh', async () => {
    const { identityProvider } = house;
    identityProvider.givesRefreshTokens = true;
    const { client, refreshToken } = await signIn(house);
    let answer = (): void => undefined;
    identityProvider.hold = new Promise((resolve) => (answer = resolve));
    const pending = refresh(house, client.clientId, refreshToken);
    while (identityProvider.rechecks.length === 0) await new Promise((resolve) => setImmediate(resolve));

    await enforce(nobodyNamedAlice);
    answer();

    const refused = await pending;
    expect([refused.status, await errorOf(refused), reasons().at(-1)]).toEqual([
      400,
      'invalid_grant',
      'entry_subject',
    ]);
    expect(house.events).toContainEqual(expect.objectContaining({ type: 'grant_revoked', cause: 'entry' }));
    await enforce(undefined);
    expect((await refresh(house, client.clientId, refreshToken)).status).toBe(400);
  });

  it('305: rules that come while the person is at the provider decide about that login', async () => {
    const client = await registerClient(house);
    const browser = new Browser(house);
    const login = new URL(await decide(browser, await browser.get(authorizeUrl(house, client))));
    await enforce(nobodyNamedAlice);
    const query = new URLSearchParams({ code: 'idp-code', state: login.searchParams.get('state') ?? '' });
    expect((await browser.get(`/callback?${query.toString()}`)).status).toBe(403);
    expect(house.events.map(({ type }) => type)).not.toContain('login_succeeded');
  });
});

describe('P. who may enter: by other ways', () => {
  it('306: a device gets nothing by the approval of somebody who may not enter', async () => {
    await enforce(nobodyNamedAlice);
    const device = await beginDevice(house);
    const browser = new Browser(house);
    const login = new URL(await decide(browser, await typeCode(browser, device.userCode)));
    const query = new URLSearchParams({ code: 'idp-code', state: login.searchParams.get('state') ?? '' });
    const answer = await browser.get(`/callback?${query.toString()}`);
    expect([answer.status, answer.headers.get('location')]).toEqual([403, null]);
    expect(reasons()).toContain('entry_subject');

    // The link of the page is for the device: no, and not to be asked again.
    const href = /<a class="button" href="([^"]*)"/.exec(await answer.text())?.[1] ?? '';
    await browser.get(href.replaceAll('&amp;', '&'));
    const poll = await pollDevice(house, device);
    expect([poll.status, await errorOf(poll)]).toEqual([400, 'access_denied']);
    expect(house.events.map(({ type }) => type)).not.toContain('tokens_issued');
  });

  it('306: an approval from before the rules is worth no call', async () => {
    const device = await beginDevice(house);
    const browser = new Browser(house);
    const login = new URL(await decide(browser, await typeCode(browser, device.userCode)));
    const query = new URLSearchParams({ code: 'idp-code', state: login.searchParams.get('state') ?? '' });
    const callback = await browser.get(`/callback?${query.toString()}`);
    await browser.get(callback.headers.get('location') ?? '');
    await enforce(nobodyNamedAlice);
    const poll = await pollDevice(house, device);
    const tokens = (await poll.json()) as { access_token: string; refresh_token: string };
    expect((await call(tokens.access_token)).status).toBe(403);
    await expectEnded(device.client.clientId, tokens.refresh_token, 'entry_subject');
  });

  it.each<[string, Partial<EntryRules>]>([
    ['a group', groups({ none: ['engineering'] })],
    ['the account', nobodyNamedAlice],
    ['the login', { acr: ['gold'] }],
  ])('309: whoever asks about a token is told nothing of who may not enter: by %s', async (_, rules) => {
    const { accessToken } = await signIn(house);
    const ask = async (): Promise<unknown> => {
      const basic = Buffer.from(`${introspector}:${introspectorSecret}`).toString('base64');
      const headers = { authorization: `Basic ${basic}` };
      return (await postForm(house, '/introspect', { token: accessToken }, headers)).json();
    };
    expect(await ask()).toMatchObject({ active: true, sub: 'alice' });
    await enforce(rules);
    expect(await ask()).toEqual({ active: false });
    await enforce(undefined);
    expect(await ask()).toMatchObject({ active: true });
  });
});
