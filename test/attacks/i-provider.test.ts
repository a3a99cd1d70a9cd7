import { afterEach, describe, expect, it } from 'vitest';

import { type AnsweringUpstream, callMount, startAnsweringUpstream } from '../support/answering-upstream.ts';
import { postForm, refresh } from '../support/flow.ts';
import { type Ending, openProviderHouse, type ProviderHouse } from '../support/identity/house.ts';
import type { Misbehaviour } from '../support/openid-provider.ts';

const closers: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

async function open(env: Readonly<Record<string, string>> = {}, upstream?: string): Promise<ProviderHouse> {
  const house = await openProviderHouse(env, upstream);
  closers.push(() => house.close());
  return house;
}

async function openWithUpstream(
  env: Readonly<Record<string, string>> = {},
): Promise<ProviderHouse & { upstream: AnsweringUpstream }> {
  const upstream = await startAnsweringUpstream();
  closers.push(() => upstream.close());
  return { ...(await open(env, upstream.url)), upstream };
}

/** The client is told in fixed words, nobody is let in, and nothing of the provider's answer is shown or logged. */
function expectRefused({ gatehouse }: ProviderHouse, ending: Ending, error: string, reason: string): void {
  expect(ending).toMatchObject({ status: 302, code: undefined, error, reason });
  expect(gatehouse.events.some(({ type }) => type === 'login_succeeded' || type === 'tokens_issued')).toBe(
    false,
  );
  expect(ending.body + gatehouse.logged()).not.toMatch(/eyJ|CANARY|provider-access-token|provider-refresh/);
}

/** The browser goes back to the client, not to the provider. */
function expectUnavailable({ login }: { readonly login: URL }): void {
  expect(login.origin).toBe('https://client.example');
  expect(login.searchParams.get('error')).toBe('temporarily_unavailable');
}

/** Whoever behaves gets in after what went wrong: nothing of it was kept. */
async function expectUnharmed(house: ProviderHouse): Promise<void> {
  house.remote.misbehaviour = {};
  expect((await house.attempt()).code).toBeDefined();
}

describe('I. identity provider leg: the ID token', () => {
  const forged: ReadonlyArray<readonly [string, Misbehaviour]> = [
    ['alg none', { signature: 'none' }],
    ['alg None', { signature: 'none', header: { alg: 'None' } }],
    ['HS256 with the client secret', { signature: 'hs256-secret' }],
    ['HS256 with the public key', { signature: 'hs256-public-key' }],
    ['a foreign key under a known id', { signature: 'foreign-key' }],
    ['a broken signature', { signature: 'broken' }],
    [
      'a key that it brings along',
      { signature: 'foreign-key', header: { jwk: { kty: 'EC', crv: 'P-256' } } },
    ],
    ['a key set that it names', { signature: 'foreign-key', header: { jku: 'https://evil.example/CANARY' } }],
    [
      'a certificate that it names',
      { signature: 'foreign-key', header: { x5u: 'https://evil.example/CANARY' } },
    ],
    ['a critical header', { header: { crit: ['urn:test:extension'], 'urn:test:extension': 1 } }],
    [
      'an algorithm its key is not for',
      { header: { alg: 'ES256' }, publishes: (key) => [{ ...key, alg: 'ES384' }] },
    ],
    [
      'an encrypted token',
      { tokenResponse: { id_token: 'eyJhbGciOiJkaXIiLCJ6aXAiOiJERUYifQ..e30.e30.e30' } },
    ],
  ];

  it.each(forged)(
    '122: %s is refused, and its keys are looked for nowhere else',
    async (_what, misbehaviour) => {
      const house = await open();
      house.remote.misbehaviour = misbehaviour;

      expectRefused(house, await house.attempt(), 'server_error', 'id_token_verification_failed');

      expect(new Set(house.remote.requests.map(({ endpoint }) => endpoint))).not.toContain('unknown');
      if (misbehaviour.publishes === undefined) await expectUnharmed(house);
    },
  );

  it('122: an algorithm that discovery did not offer is refused', async () => {
    const house = await open();
    house.remote.misbehaviour = {
      metadata: { id_token_signing_alg_values_supported: ['RS256', 'HS256', 'none'] },
    };

    expectRefused(house, await house.attempt(), 'server_error', 'id_token_verification_failed');
  });

  it.each([
    ['missing', undefined],
    ['different', 'nonce-of-nobody'],
    ['empty', ''],
    ['a list with the right one', ['CANARY']],
  ])('124: a nonce that is %s is refused', async (_what, nonce) => {
    const house = await open();
    house.remote.misbehaviour = { claims: { nonce } };

    expectRefused(house, await house.attempt(), 'server_error', 'id_token_verification_failed');
    await expectUnharmed(house);
  });

  it('124: the nonce of one login is refused in the next, of the same person in the same browser', async () => {
    const house = await open();
    const first = await house.begin();
    const nonce = first.login.searchParams.get('nonce');
    expect((await house.finish(first.browser, await house.remote.logIn(first.login))).code).toBeDefined();
    house.gatehouse.events.length = 0;
    house.remote.misbehaviour = { claims: { nonce } };

    expectRefused(house, await house.attempt(), 'server_error', 'id_token_verification_failed');
  });

  it.each([
    ['of another access token', 'iMS3uUMl8KYZYpJZ2iHHIg'],
    ['that is no hash', ''],
    ['of another shape', { CANARY: 1 }],
  ])('125: an at_hash %s is refused', async (_what, hash) => {
    const house = await open();
    house.remote.misbehaviour = { claims: { at_hash: hash } };

    expectRefused(house, await house.attempt(), 'server_error', 'id_token_verification_failed');
    await expectUnharmed(house);
  });

  it('125: userinfo is not asked, so that it cannot name another person', async () => {
    const house = await open();
    const userinfo = `${house.remote.origin}/userinfo`;
    house.remote.misbehaviour = { metadata: { userinfo_endpoint: userinfo } };

    expect((await house.attempt()).code).toBeDefined();

    expect(house.remote.requests.filter(({ endpoint }) => endpoint === 'unknown')).toEqual([]);
  });
});

describe('I. identity provider leg: keys', () => {
  it.each<readonly [string, Misbehaviour]>([
    ['two keys of the same id', { publishes: (key, foreign) => [foreign, key] }],
    [
      'no id, where two keys fit',
      { header: { kid: undefined }, publishes: (key, foreign) => [key, { ...foreign, kid: 'b' }] },
    ],
    ['a key for encryption', { publishes: (key) => [{ ...key, use: 'enc' }] }],
    [
      'a symmetric key of that id',
      { publishes: ({ kid }) => [{ kty: 'oct', kid, alg: 'ES256', k: 'AAAA' }] },
    ],
    ['no key', { publishes: () => [] }],
    ['keys that are none', { publishes: () => [null, 'CANARY', 7] }],
  ])('126: %s is refused', async (_what, misbehaviour) => {
    const house = await open();
    house.remote.misbehaviour = misbehaviour;

    expectRefused(house, await house.attempt(), 'server_error', 'id_token_verification_failed');
    await expectUnharmed(house);
  });

  it('126: no id is enough where one key fits', async () => {
    const house = await open();
    house.remote.misbehaviour = { header: { kid: undefined } };

    expect((await house.attempt()).code).toBeDefined();
  });

  it('126: the keys of one provider say nothing for another, whatever ids and issuers are', async () => {
    const [one, other] = [await open(), await open()];
    expect([(await one.attempt()).code, (await other.attempt()).code]).not.toContain(undefined);
    // The same key id at both; each signs as the other.
    other.gatehouse.events.length = 0;
    other.remote.misbehaviour = { claims: { iss: one.remote.issuer } };
    expectRefused(other, await other.attempt(), 'server_error', 'id_token_verification_failed');
    const token = await one.remote.logoutToken({ sub: 'alice', iss: other.remote.issuer });
    const answer = await postForm(other.gatehouse, '/backchannel-logout', { logout_token: token });
    expect(answer.status).toBe(400);
  });

  it('127: made-up key ids of strangers make no request for keys each, and real logouts go on', async () => {
    const house = await open();
    const logOut = async (header: Record<string, unknown>): Promise<number> => {
      const token = await house.remote.logoutToken({ sub: 'nobody' }, header);
      return (await postForm(house.gatehouse, '/backchannel-logout', { logout_token: token })).status;
    };
    expect(await logOut({})).toBe(200);
    const before = house.remote.count('jwks');

    const statuses: number[] = [];
    for (let index = 0; index < 30; index += 1) statuses.push(await logOut({ kid: `made-up-${index}` }));

    expect(new Set(statuses)).not.toContain(200);
    expect(house.remote.count('jwks') - before).toBeLessThanOrEqual(2);
    expect(await logOut({})).toBe(200);
  });

  it('127: callbacks with made-up codes ask for no keys', async () => {
    const house = await open();
    for (let index = 0; index < 20; index += 1) {
      const { browser, login } = await house.begin();
      const query = new URLSearchParams({
        code: `made-up-${index}`,
        state: login.searchParams.get('state') ?? '',
        iss: house.remote.issuer,
      });
      expect(await house.finish(browser, query)).toMatchObject({
        error: 'server_error',
        reason: 'idp_exchange_failed',
      });
    }
    expect(house.remote.count('jwks')).toBe(0);
  });
});

describe('I. identity provider leg: discovery', () => {
  const crooked: ReadonlyArray<readonly [string, Record<string, unknown>]> = [
    ['another issuer', { issuer: 'https://evil.example' }],
    ['an issuer that only begins alike', { issuer: 'suffix' }],
    ['an issuer that is the same for URLs alone', { issuer: 'capitals' }],
    ['a token endpoint that is a file', { token_endpoint: 'file:///etc/passwd' }],
    ['keys that are data', { jwks_uri: 'data:application/json,{"keys":[]}' }],
    ['an authorization endpoint that is a script', { authorization_endpoint: 'javascript:alert(1)' }],
    ['no token endpoint', { token_endpoint: undefined }],
  ];

  it.each(crooked)('128: %s: nobody is sent there, and it is said', async (_what, metadata) => {
    const house = await open();
    const { issuer } = house.remote;
    const issuers: Record<string, string> = {
      suffix: `${issuer}.evil.example`,
      capitals: issuer.replace('http:', 'HTTP:'),
    };
    const named = issuers[String(metadata['issuer'])];
    house.remote.misbehaviour = { metadata: named === undefined ? metadata : { issuer: named } };

    expectUnavailable(await house.begin());

    expect(house.opened.provider.isReady()).toBe(false);
    expect(house.opened.logged()).toContain('oidc_discovery_retry');
    expect(house.remote.count('token') + house.remote.count('jwks')).toBe(0);
  });

  it('128: endpoints on plain http are refused, were the provider itself on https', async () => {
    const house = await open({ OIDC_ISSUER_URL: 'https://127.0.0.1:9' });

    expectUnavailable(await house.begin());
  });

  it('128: what discovery says later changes nothing: neither endpoints nor algorithms', async () => {
    const house = await open();
    const { browser, login } = await house.begin();
    house.remote.misbehaviour = {
      metadata: {
        token_endpoint: 'https://evil.example/token',
        jwks_uri: 'https://evil.example/keys',
        authorization_endpoint: 'https://evil.example/authorize',
      },
    };

    expect((await house.finish(browser, await house.remote.logIn(login))).code).toBeDefined();
    expect((await house.begin()).login.origin).toBe(house.remote.origin);
    expect(house.remote.count('discovery')).toBe(1);
  });
});

describe('I. identity provider leg: codes', () => {
  it('130: the code of a victim in the callback of an attacker is refused, and the state is burnt', async () => {
    const house = await open();
    const victim = await house.begin();
    const stolen = await house.remote.logIn(victim.login);
    const attacker = await house.begin();
    const own = await house.remote.logIn(attacker.login);
    const query = new URLSearchParams(own);
    query.set('code', stolen.get('code') ?? '');

    expectRefused(house, await house.finish(attacker.browser, query), 'server_error', 'idp_exchange_failed');

    // Neither with the right code afterwards: one callback, one exchange.
    expect(await house.finish(attacker.browser, own)).toMatchObject({ code: undefined, status: 403 });
    expect(house.remote.count('token')).toBe(1);
  });

  it('130: a provider that forgets PKCE still has the nonce to answer for', async () => {
    const house = await open();
    const attacker = await house.begin();
    const victimNonce = 'nonce-of-the-victim';
    house.remote.misbehaviour = { claims: { nonce: victimNonce } };

    const ending = await house.finish(attacker.browser, await house.remote.logIn(attacker.login));

    expectRefused(house, ending, 'server_error', 'id_token_verification_failed');
  });

  it('80: every login goes out with an S256 challenge, and its verifier goes to the token endpoint alone', async () => {
    const house = await open();
    const { browser, login } = await house.begin();
    expect(login.searchParams.get('code_challenge_method')).toBe('S256');
    expect((await house.finish(browser, await house.remote.logIn(login))).code).toBeDefined();

    const [exchange] = house.remote.requests.filter(({ endpoint }) => endpoint === 'token');
    const verifier = exchange?.form.get('code_verifier') ?? '';
    expect(verifier).toMatch(/^[\w-]{43,128}$/);
    expect(login.href + house.gatehouse.logged()).not.toContain(verifier);
    // Another login, another verifier.
    expect((await house.attempt()).code).toBeDefined();
    const verifiers = house.remote.requests
      .map(({ form }) => form.get('code_verifier'))
      .filter((v) => v !== null);
    expect(new Set(verifiers).size).toBe(2);
  });

  it('1, 2: a callback in the browser of somebody else reaches neither the provider nor the client', async () => {
    const house = await open();
    const attacker = await house.begin();
    const victim = await house.begin();
    const query = await house.remote.logIn(attacker.login);

    const ending = await house.finish(victim.browser, query);

    expect(ending).toMatchObject({
      status: 403,
      code: undefined,
      error: undefined,
      reason: 'browser_mismatch',
    });
    expect(house.remote.count('token')).toBe(0);
  });
});

describe('I. identity provider leg: who somebody is', () => {
  it('131: two persons with one address are two persons', async () => {
    const house = await openWithUpstream();
    const enterAs = async (sub: string): Promise<string> => {
      house.remote.person = { sub, email: 'ceo@example.com', email_verified: true };
      return (await house.enter()).accessToken;
    };
    const alice = await enterAs('alice');
    const mallory = await enterAs('mallory');
    for (const token of [alice, mallory]) await callMount(house.gatehouse, token);

    expect(house.upstream.calls.map((headers) => headers['x-user-sub'])).toEqual(['alice', 'mallory']);
    const logout = await house.remote.logoutToken({ sub: 'mallory' });
    await postForm(house.gatehouse, '/backchannel-logout', { logout_token: logout });
    const statuses = [alice, mallory].map(async (token) => (await callMount(house.gatehouse, token)).status);
    expect(await Promise.all(statuses)).toEqual([200, 401]);
  });

  it.each([
    ['unverified by silence', 'ceo@example.com', undefined],
    ['with two @', 'mallory@evil.example@example.com', true],
    ['with an @ in quotes', '"ceo@example.com"@evil.example', true],
    ['with a letter that folds to another', 'ceo@ﬁnance.example', true],
    ['with a domain that ends in a dot', 'ceo@example.com.', true],
    ['with a space in it', 'ceo@example.com, cto@example.com', true],
    ['with a line break', 'ceo@example.com\r\nx-user-sub: admin', true],
    ['that is a list', ['ceo@example.com'], true],
    ['verified by the number one', 'ceo@example.com', 1],
  ])('131: an address %s never reaches the upstream', async (_what, email, verified) => {
    const house = await openWithUpstream();
    house.remote.person = { sub: 'mallory', email, email_verified: verified };

    const { accessToken } = await house.enter();
    expect((await callMount(house.gatehouse, accessToken)).status).toBe(200);

    expect(house.upstream.calls).toHaveLength(1);
    expect(house.upstream.calls[0]).toMatchObject({ 'x-user-sub': 'mallory', 'x-user-email': '' });
  });

  it('131: an address that the provider says nobody verified keeps its owner out', async () => {
    const house = await open();
    house.remote.person = { sub: 'mallory', email: 'ceo@example.com', email_verified: false };
    expectRefused(house, await house.attempt(), 'access_denied', 'email_unverified');
  });

  it.each([
    ['that is missing', undefined],
    ['that is empty', []],
    ['that is null', null],
    ['of other groups', ['sales']],
    ['of a group in other letters', ['Engineering']],
    ['of a group that only begins alike', ['engineering-guests']],
    ['whose names are numbers', [7]],
    ['nested one deeper', [['engineering']]],
    ['as an object', { engineering: true }],
    ['as one text of several', 'sales,engineering'],
    ['as an overage', { _claim_names: { groups: 'src1' } }],
  ])('132: a groups claim %s keeps out where groups are asked for', async (_what, groups) => {
    const house = await open({ ALLOWED_GROUPS: 'engineering' });
    house.remote.person = { ...house.remote.person, groups };

    const ending = await house.attempt();

    expect(['group', 'group_invalid']).toContain(ending.reason);
    expectRefused(house, ending, 'access_denied', ending.reason ?? '');
  });

  it.each([
    ['a comma', ['engineering', 'a,admin']],
    ['a line break', ['engineering', 'a\r\nx-user-sub: admin']],
    ['a space at its end', ['engineering', 'admin ']],
    ['nothing in it', ['engineering', '']],
    ['letters that nobody sees', ['engineering', 'ad​min']],
  ])('132: a group whose name has %s keeps its member out', async (_what, groups) => {
    const house = await open();
    house.remote.person = { ...house.remote.person, groups };
    expectRefused(house, await house.attempt(), 'access_denied', 'group_invalid');
  });

  it('132: a group said twice is one, and one said as a text counts', async () => {
    const house = await openWithUpstream({ ALLOWED_GROUPS: 'engineering' });
    for (const groups of [['engineering', 'engineering'], 'engineering']) {
      house.remote.person = { ...house.remote.person, groups };
      await callMount(house.gatehouse, (await house.enter()).accessToken);
    }
    expect(house.upstream.calls.map((headers) => headers['x-user-groups'])).toEqual([
      'engineering',
      'engineering',
    ]);
  });

  it('132: ten thousand groups end the login, and no later one', async () => {
    const house = await open();
    const groups = Array.from({ length: 10_000 }, (_, index) => `group-${index}`);
    house.remote.person = { ...house.remote.person, groups };

    expect((await house.attempt()).code).toBeUndefined();

    house.remote.person = { sub: 'alice' };
    await expectUnharmed(house);
  });
});

describe('I. identity provider leg: what it gives and how', () => {
  it('136: tokens of the provider are in nothing that leaves the house', async () => {
    const house = await openWithUpstream();
    house.remote.refreshTokens = 'replaced';
    const tokens = await house.enter();
    await callMount(house.gatehouse, tokens.accessToken);
    const refreshed = await refresh(house.gatehouse, tokens.client.clientId, tokens.refreshToken);
    const answer = await refreshed.text();

    const outputs = [
      tokens.accessToken,
      tokens.refreshToken,
      answer,
      house.gatehouse.logged(),
      house.opened.logged(),
      JSON.stringify(house.gatehouse.events),
      JSON.stringify(house.upstream.calls),
      [...tokens.browser.cookies].join(),
    ];
    expect(refreshed.status).toBe(200);
    for (const output of outputs) expect(output).not.toMatch(/provider-(?:access|refresh)|provider-secret/);
    expect(house.upstream.calls[0]).not.toHaveProperty('authorization');
  });

  it.each<readonly [string, Misbehaviour, string]>([
    ['a token answer of 10 MB', { padding: { token: 10_000_000 } }, 'idp_exchange_failed'],
    ['a token answer without end', { transport: { token: 'endless' } }, 'idp_exchange_failed'],
    ['a compressed token answer', { transport: { token: 'gzip' } }, 'idp_exchange_failed'],
    ['a token endpoint that sends elsewhere', { transport: { token: 'redirect' } }, 'idp_exchange_failed'],
    ['keys of 10 MB', { padding: { jwks: 10_000_000 } }, 'id_token_verification_failed'],
    ['keys without end', { transport: { jwks: 'endless' } }, 'id_token_verification_failed'],
    ['compressed keys', { transport: { jwks: 'gzip' } }, 'id_token_verification_failed'],
    ['keys that are elsewhere', { transport: { jwks: 'redirect' } }, 'id_token_verification_failed'],
    [
      '5,000 keys',
      { publishes: (key) => Array.from({ length: 5_000 }, (_, index) => ({ ...key, kid: `k${index}` })) },
      'id_token_verification_failed',
    ],
  ])('137: %s: the login fails, calls and later logins go on', async (_what, misbehaviour, reason) => {
    const house = await openWithUpstream();
    const { accessToken } = await house.enter();
    house.gatehouse.events.length = 0;
    // The keys it has would do.
    house.remote.rotateKeys('key-2');
    house.remote.misbehaviour = misbehaviour;

    expectRefused(house, await house.attempt(), 'server_error', reason);

    expect((await callMount(house.gatehouse, accessToken)).status).toBe(200);
    await expectUnharmed(house);
  });

  it.each<readonly [string, Misbehaviour]>([
    ['of 10 MB', { padding: { discovery: 10_000_000 } }],
    ['without end', { transport: { discovery: 'endless' } }],
    ['that is compressed', { transport: { discovery: 'gzip' } }],
    ['that is elsewhere', { transport: { discovery: 'redirect' } }],
  ])('137: a discovery document %s: logins wait, and the house stands', async (_what, misbehaviour) => {
    const house = await open();
    house.remote.misbehaviour = misbehaviour;
    expectUnavailable(await house.begin());

    house.remote.misbehaviour = {};
    house.gatehouse.clock.advance(2);
    expect((await house.attempt()).code).toBeDefined();
  });

  it.each([
    ['an old login', (now: number) => now - 3_600, 'login_too_old'],
    ['a login of no time', () => undefined, 'login_time_unsaid'],
    ['a login yet to come', (now: number) => now + 3_600, 'login_too_old'],
  ])('138: %s is refused where a fresh one was asked for', async (_what, timeOf, reason) => {
    const house = await open();
    house.remote.misbehaviour = { claims: { auth_time: timeOf(house.gatehouse.clock.nowSeconds()) } };

    expectRefused(house, await house.attempt({ max_age: '60' }), 'access_denied', reason);
    expectRefused(house, await house.attempt({ prompt: 'login' }), 'access_denied', reason);
  });
});
