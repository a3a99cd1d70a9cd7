import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { FakeClock } from '../../../test/support/fake-clock.ts';
import { TestOpenIdProvider } from '../../../test/support/openid-provider.ts';
import { createGuardedFetch } from '../../platform/outbound/guarded-fetch.ts';
import type { IdentityProvider, Login, Recheck } from './identity-provider.ts';
import type { OpenIdSettings } from './openid-settings.ts';
import { createOpenIdProvider } from './openid-provider.ts';

const state = 'mgh_st_sealed-state';
const secrets = { nonce: 'nonce-of-this-login', codeVerifier: 'v'.repeat(43) };

describe('asking the identity provider again (OpenID Connect Core §12)', () => {
  let clock: FakeClock;
  let remote: TestOpenIdProvider;
  let provider: IdentityProvider;

  beforeEach(async () => {
    clock = new FakeClock();
    remote = await TestOpenIdProvider.start(clock);
    remote.refreshTokens = 'replaced';
    provider = create();
  });
  afterEach(async () => {
    provider.close();
    await remote.close();
  });

  function create(
    allowedGroups: string[] = [],
    config: Partial<OpenIdSettings> = {},
    totalTimeoutMs = 500,
  ): IdentityProvider {
    provider?.close();
    return createOpenIdProvider({
      config: {
        issuer: remote.issuer,
        clientId: remote.clientId,
        clientSecret: remote.clientSecret,
        scopes: ['openid', 'offline_access'],
        allowInsecureHttp: true,
        groupsClaim: 'groups',
        trustUnverifiedEmail: false,
        exchangeRatePerSecond: undefined,
        exchangeBurst: 1,
        ...config,
      },
      allowedGroups,
      redirectUri: 'https://gatehouse.test/callback',
      fetch: createGuardedFetch({ totalTimeoutMs, maxBytes: 64 * 1024, userAgent: 'gatehouse/test' }),
      clock,
      emit: () => undefined,
      onDiscoveryFailure: () => undefined,
    });
  }

  async function logIn(): Promise<Login & { readonly refreshToken: string }> {
    const reauthentication = { prompt: undefined, maxAgeSeconds: undefined };
    const query = await remote.logIn(await provider.startLogin({ state, secrets, reauthentication }));
    const login = await provider.finishLogin({ state, secrets, reauthentication, startedAt: 0, query });
    return { ...login, refreshToken: login.refreshToken ?? '' };
  }

  function recheck({ refreshToken, identity }: Login, token = refreshToken ?? ''): Promise<Recheck> {
    return provider.recheck({ refreshToken: token, known: identity });
  }

  it('is possible when a login comes with a refresh token, and says when it does not', async () => {
    expect((await logIn()).refreshToken).toMatch(/^provider-refresh-/);
    remote.refreshTokens = 'none';
    const reauthentication = { prompt: undefined, maxAgeSeconds: undefined };
    const query = await remote.logIn(await provider.startLogin({ state, secrets, reauthentication }));
    const login = await provider.finishLogin({ state, secrets, reauthentication, startedAt: 0, query });
    expect(login.refreshToken).toBeUndefined();
  });

  it('never hands the token of one provider to another that took its place', async () => {
    const login = await logIn();
    const before = remote.requests.length;
    const known = { ...login.identity, issuer: 'https://former.test' };
    expect(await provider.recheck({ refreshToken: login.refreshToken, known })).toEqual({
      outcome: 'gone',
      reason: 'identity_gone',
    });
    expect(remote.requests).toHaveLength(before);
  });

  it('finds the person as they are now, and the token for the next time', async () => {
    const login = await logIn();
    remote.person = { ...remote.person, email: 'alice.new@example.com', name: 'A. New', groups: ['sales'] };
    const first = await recheck(login);
    expect(first).toEqual({
      outcome: 'present',
      identity: {
        issuer: remote.issuer,
        subject: 'alice',
        email: 'alice.new@example.com',
        name: 'A. New',
        groups: ['sales'],
      },
      refreshToken: expect.stringMatching(/^provider-refresh-/),
    });
    const next = first.outcome === 'present' ? first.refreshToken : '';
    expect(next).not.toBe(login.refreshToken);
    expect(await recheck(login, next)).toMatchObject({ outcome: 'present' });
    const form = remote.requests.filter(({ endpoint }) => endpoint === 'token').at(-1)?.form;
    expect(form?.get('grant_type')).toBe('refresh_token');
  });

  it('keeps the token of a provider that keeps it', async () => {
    remote.refreshTokens = 'kept';
    const login = await logIn();
    expect(await recheck(login)).toMatchObject({ outcome: 'present', refreshToken: login.refreshToken });
    remote.endSessions();
    expect(await recheck(login)).toEqual({ outcome: 'gone', reason: 'identity_gone' });
  });

  it('repeats the answer to a token that was replaced, since the next asking would look like theft', async () => {
    const login = await logIn();
    const first = await recheck(login);
    expect(await recheck(login)).toEqual(first);
    expect(remote.count('token')).toBe(2);
    clock.advance(60);
    expect(await recheck(login)).toEqual({ outcome: 'gone', reason: 'identity_gone' });
  });

  it('keeps what is known when the provider sends no ID token', async () => {
    const login = await logIn();
    remote.misbehaviour = { refreshesWithoutIdToken: true };
    expect(await recheck(login)).toMatchObject({ outcome: 'present', identity: login.identity });
  });

  it('keeps address and name that a refreshed ID token leaves out, but no groups', async () => {
    const login = await logIn();
    remote.person = { sub: 'alice' };
    expect(await recheck(login)).toMatchObject({
      outcome: 'present',
      identity: { email: 'alice@example.com', name: 'Alice Example', groups: [] },
    });
  });

  it.each([
    ['is in no allowed group any more', { groups: ['sales'] }, 'group'],
    ['is not said to be in any group', { groups: undefined }, 'group'],
    ['has an address that is no longer verified', { email_verified: false }, 'email_unverified'],
    ['has a group that would split a header', { groups: ['engineering', 'a,b'] }, 'group_invalid'],
    ['is somebody else', { sub: 'mallory' }, 'identity_gone'],
  ])('is gone when the person %s', async (_, claims, reason) => {
    provider = create(['engineering']);
    const login = await logIn();
    remote.misbehaviour = { claims };
    expect(await recheck(login)).toEqual({ outcome: 'gone', reason });
  });

  it.each([
    [400, 'invalid_grant'],
    [403, 'invalid_grant'],
    [403, 'access_denied'],
    [400, 'interaction_required'],
    [400, 'login_required'],
    [400, 'consent_required'],
  ])('is gone when the provider says %i %s', async (status, error) => {
    const login = await logIn();
    remote.misbehaviour = { refusesRefresh: { status, error } };
    expect(await recheck(login)).toEqual({ outcome: 'gone', reason: 'identity_gone' });
  });

  it.each([
    [401, 'invalid_client'],
    [400, 'invalid_request'],
    [400, 'unauthorized_client'],
    [400, 'unsupported_grant_type'],
    [400, 'invalid_scope'],
    [400, 'temporarily_unavailable'],
    [429, 'invalid_grant'],
    [500, 'invalid_grant'],
    [503, 'temporarily_unavailable'],
  ])('has no answer when the provider says %i %s', async (status, error) => {
    const login = await logIn();
    remote.misbehaviour = { refusesRefresh: { status, error } };
    expect(await recheck(login)).toEqual({ outcome: 'unanswered' });
  });

  it.each(['slow', 'error', 'redirect', 'endless', 'not-json', 'gzip'] as const)(
    'has no answer when the token endpoint is %s',
    async (transport) => {
      const login = await logIn();
      remote.misbehaviour = { transport: { token: transport } };
      expect(await recheck(login)).toEqual({ outcome: 'unanswered' });
    },
  );

  it('has no answer after five seconds, however long a login may take', { timeout: 20_000 }, async () => {
    provider = create([], {}, 60_000);
    const login = await logIn();
    remote.misbehaviour = { transport: { token: 'slow' } };
    expect(await recheck(login)).toEqual({ outcome: 'unanswered' });
  });

  it.each([
    { signature: 'none', is: 'unsigned' },
    { signature: 'foreign-key', is: 'signed by somebody else' },
    { signature: 'hs256-secret', is: 'signed with our secret' },
    { signature: 'broken', is: 'altered' },
  ] as const)('believes no ID token that is $is', async ({ signature }) => {
    const login = await logIn();
    remote.misbehaviour = { signature, claims: { groups: ['administrators'] } };
    expect(await recheck(login)).toEqual({ outcome: 'unanswered' });
  });

  it.each([
    ['of another issuer', { iss: 'https://evil.test' }],
    ['for another client', { aud: 'someone-else' }],
    ['from the future', { iat: 4_000_000_000 }],
    ['that has expired', { exp: 1_000_000_000 }],
  ])('believes no ID token %s', async (_, claims) => {
    const login = await logIn();
    remote.misbehaviour = { claims };
    expect(await recheck(login)).toEqual({ outcome: 'unanswered' });
  });

  it('goes on asking about others after one question that broke', async () => {
    const login = await logIn();
    remote.misbehaviour = { transport: { token: 'error' } };
    expect(await recheck(login)).toEqual({ outcome: 'unanswered' });
    remote.misbehaviour = {};
    expect(await recheck(login)).toMatchObject({ outcome: 'present' });
  });

  it('leaves a provider in trouble alone for two seconds', async () => {
    const login = await logIn();
    remote.misbehaviour = { transport: { token: 'error' } };
    for (let failure = 0; failure < 3; failure += 1) await recheck(login);
    const asked = remote.count('token');
    remote.misbehaviour = {};
    clock.advance(1.999);
    expect(await recheck(login)).toEqual({ outcome: 'unanswered' });
    expect(remote.count('token')).toBe(asked);
    clock.advance(0.001);
    expect(await recheck(login)).toMatchObject({ outcome: 'present' });
  });

  it.each([
    ['an ID token that is not to be believed', { claims: { iss: 'https://evil.test' } }],
    ['a token that it does not understand', { refusesRefresh: { status: 400, error: 'invalid_request' } }],
  ])('does not let one person with %s keep others from an answer', async (_, misbehaviour) => {
    remote.refreshTokens = 'kept';
    const login = await logIn();
    remote.misbehaviour = misbehaviour;
    for (let failure = 0; failure < 5; failure += 1) {
      expect(await recheck(login)).toEqual({ outcome: 'unanswered' });
    }
    remote.misbehaviour = {};
    expect(await recheck(login)).toMatchObject({ outcome: 'present' });
  });

  it('has no answer while the provider was never found', async () => {
    const login = await logIn();
    remote.misbehaviour = { transport: { discovery: 'error' } };
    provider = create();
    expect(await recheck(login)).toEqual({ outcome: 'unanswered' });
  });

  it('asks no more often than logins may be finished, and takes nothing from them', async () => {
    provider = create([], { exchangeRatePerSecond: 1, exchangeBurst: 1 });
    remote.refreshTokens = 'kept';
    const login = await logIn();
    expect((await recheck(login)).outcome).toBe('present');
    expect((await recheck(login)).outcome).toBe('unanswered');
    clock.advance(1);
    expect((await recheck(login)).outcome).toBe('present');
    await logIn();
  });

  it('admits by group without asking anybody', () => {
    provider = create(['engineering']);
    expect(provider.admits(['sales', 'engineering'])).toBe(true);
    expect(provider.admits(['sales'])).toBe(false);
    expect(provider.admits([])).toBe(false);
    expect(create().admits([])).toBe(true);
  });
});
