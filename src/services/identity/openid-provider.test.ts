import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { FakeClock } from '../../../test/support/fake-clock.ts';
import { type Misbehaviour, TestOpenIdProvider } from '../../../test/support/openid-provider.ts';
import { createGuardedFetch } from '../../platform/outbound/guarded-fetch.ts';
import { OAuthError } from '../../protocol/oauth-error.ts';
import type { GatehouseEvent } from '../audit/events.ts';
import type { Identity, IdentityProvider, LoginAnswer, Reauthentication } from './identity-provider.ts';
import type { OpenIdSettings } from './openid-settings.ts';
import { createOpenIdProvider } from './openid-provider.ts';

const redirectUri = 'https://gatehouse.test/callback';
const state = 'mgh_st_sealed-state';
const secrets = { nonce: 'nonce-of-this-login', codeVerifier: 'v'.repeat(43) };
const login: Omit<LoginAnswer, 'query'> = {
  state,
  secrets,
  reauthentication: { prompt: undefined, maxAgeSeconds: undefined },
  startedAt: 0,
};

describe('createOpenIdProvider', () => {
  let clock: FakeClock;
  let remote: TestOpenIdProvider;
  let events: GatehouseEvent[];
  let discoveryFailures: unknown[];
  let provider: IdentityProvider;

  beforeEach(async () => {
    clock = new FakeClock();
    remote = await TestOpenIdProvider.start(clock);
    events = [];
    discoveryFailures = [];
    provider = create();
  });
  afterEach(async () => {
    provider.close();
    await remote.close();
  });

  function create(config: Partial<OpenIdSettings> = {}, allowedGroups: string[] = []): IdentityProvider {
    provider?.close();
    return createOpenIdProvider({
      config: {
        issuer: remote.issuer,
        clientId: remote.clientId,
        clientSecret: remote.clientSecret,
        scopes: ['openid', 'email', 'profile'],
        allowInsecureHttp: true,
        groupsClaim: 'groups',
        trustUnverifiedEmail: false,
        exchangeRatePerSecond: undefined,
        exchangeBurst: 1,
        ...config,
      },
      allowedGroups,
      redirectUri,
      fetch: createGuardedFetch({ totalTimeoutMs: 500, maxBytes: 64 * 1024, userAgent: 'gatehouse/test' }),
      clock,
      emit: (event) => events.push(event),
      onDiscoveryFailure: (error) => discoveryFailures.push(error),
    });
  }

  async function logIn(changes: Record<string, string> = {}): Promise<Identity> {
    const query = await remote.logIn(await provider.startLogin(login));
    for (const [name, value] of Object.entries(changes)) query.set(name, value);
    return (await provider.finishLogin({ ...login, query })).identity;
  }

  async function refusalOf(outcome: Promise<unknown>): Promise<OAuthError> {
    const error: unknown = await outcome.then(
      () => new Error('it was not refused'),
      (thrown: unknown) => thrown,
    );
    if (!(error instanceof OAuthError)) throw error;
    return error;
  }

  describe('startLogin', () => {
    it('sends the browser to the provider with state, nonce and an S256 challenge', async () => {
      const url = await provider.startLogin(login);
      expect(url.origin + url.pathname).toBe(`${remote.issuer}/authorize`);
      expect(Object.fromEntries(url.searchParams)).toEqual({
        response_type: 'code',
        client_id: remote.clientId,
        redirect_uri: redirectUri,
        scope: 'openid email profile',
        state,
        nonce: secrets.nonce,
        code_challenge: '7w_YNF9DSfIdPf_pRjSq646_kPr-2-o9NAl16JGghdM',
        code_challenge_method: 'S256',
      });
      expect(url.href).not.toContain(secrets.codeVerifier);
    });

    it('keeps the query that the authorization endpoint has', async () => {
      remote.misbehaviour = { metadata: { authorization_endpoint: `${remote.issuer}/authorize?tenant=1` } };
      const url = await provider.startLogin(login);
      expect([url.searchParams.get('tenant'), url.searchParams.get('state')]).toEqual(['1', state]);
    });
  });

  describe('discovery', () => {
    it('takes the issuer of a provider that spells it with a trailing slash', async () => {
      remote.misbehaviour = { metadata: { issuer: `${remote.issuer}/` } };
      const url = await provider.startLogin(login);
      expect(url.origin).toBe(remote.issuer);
    });
  });

  describe('a login', () => {
    it('ends with the identity of the ID token', async () => {
      expect(await logIn()).toEqual({
        issuer: remote.issuer,
        subject: 'alice',
        email: 'alice@example.com',
        name: 'Alice Example',
        groups: ['engineering'],
      });
      expect(events).toEqual([]);
    });

    it('asks discovery, token endpoint and keys once, and no userinfo', async () => {
      remote.person = { sub: 'alice' };
      remote.misbehaviour = { metadata: { userinfo_endpoint: `${remote.issuer}/userinfo` } };
      expect(await logIn()).toMatchObject({ subject: 'alice', email: undefined, groups: [] });
      await logIn();
      const asked = remote.requests.map((request) => request.endpoint);
      const expected = ['discovery', 'authorize', 'token', 'jwks', 'authorize', 'token'];
      expect(asked).toEqual(expected);
    });

    it.each([
      ['client_secret_post', ['client_secret_basic', 'client_secret_post']],
      ['client_secret_basic', ['client_secret_basic']],
      ['client_secret_basic', undefined],
    ])('authenticates with %s where %j is offered', async (method, offered) => {
      remote.misbehaviour = { metadata: { token_endpoint_auth_methods_supported: offered } };
      await logIn();
      const request = remote.requests.find(({ endpoint }) => endpoint === 'token');
      expect(request?.headers.authorization?.startsWith('Basic ') === true).toBe(
        method === 'client_secret_basic',
      );
      expect(request?.form.has('client_secret')).toBe(method === 'client_secret_post');
      expect(request?.form.get('redirect_uri')).toBe(redirectUri);
      expect(request?.form.get('code_verifier')).toBe(secrets.codeVerifier);
    });

    it('works with a provider that has no iss parameter', async () => {
      const metadata = { authorization_response_iss_parameter_supported: undefined };
      remote.misbehaviour = { issParameter: null, metadata };
      expect(await logIn()).toMatchObject({ subject: 'alice' });
    });

    it('takes clocks that are up to a minute apart', async () => {
      const now = clock.nowSeconds();
      remote.misbehaviour = { claims: { iat: now + 59, nbf: now + 59, exp: now - 59 } };
      expect(await logIn()).toMatchObject({ subject: 'alice' });
    });

    it('loses no login when the provider changes its keys, however recently they were read', async () => {
      await logIn();
      for (const keyId of ['key-2', 'key-3']) {
        remote.rotateKeys(keyId);
        expect(await logIn()).toMatchObject({ subject: 'alice' });
        expect(await logIn()).toMatchObject({ subject: 'alice' });
      }
      expect(remote.count('jwks')).toBe(3);
    });

    it('goes on with the keys it has when those of an unknown one cannot be read', async () => {
      await logIn();
      remote.misbehaviour = { header: { kid: 'nobody-has-it' }, transport: { jwks: 'error' } };
      await refusalOf(logIn());
      remote.misbehaviour = { transport: { jwks: 'error' } };
      expect(await logIn()).toMatchObject({ subject: 'alice' });
    });

    it('gives the identity of its own login when two are under way', async () => {
      const first = await remote.logIn(await provider.startLogin(login));
      const other = { nonce: 'another-nonce', codeVerifier: 'w'.repeat(43) };
      const second = await remote.logIn(
        await provider.startLogin({ ...login, state: 'other', secrets: other }),
      );
      const outcomes = await Promise.allSettled([
        provider.finishLogin({ ...login, query: first }),
        provider.finishLogin({ ...login, query: second, state: 'other', secrets: other }),
        provider.finishLogin({ ...login, query: second }),
      ]);
      expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected']);
    });
  });

  describe('a login that has to be fresh', () => {
    const hour = 3_600;

    async function logInAgain(
      reauthentication: Partial<Reauthentication>,
      changes: { readonly secondsAtProvider?: number; readonly strip?: readonly string[] } = {},
    ): Promise<Identity> {
      const fresh = {
        ...login,
        reauthentication: { ...login.reauthentication, ...reauthentication },
        startedAt: clock.nowSeconds(),
      };
      const url = await provider.startLogin(fresh);
      for (const name of changes.strip ?? []) url.searchParams.delete(name);
      const query = await remote.logIn(url);
      clock.advance(changes.secondsAtProvider ?? 0);
      return (await provider.finishLogin({ ...fresh, query })).identity;
    }

    it('asks for what the rules of the deployment need, and for the stricter age', async () => {
      const demands = { maxAgeSeconds: 600, acrValues: ['gold', 'silver'] };
      const ask = async (maxAgeSeconds: number | undefined): Promise<URLSearchParams> => {
        const reauthentication = { ...login.reauthentication, maxAgeSeconds };
        return (await provider.startLogin({ ...login, reauthentication, demands })).searchParams;
      };
      const plain = await ask(undefined);
      expect([plain.get('max_age'), plain.get('acr_values')]).toEqual(['600', 'gold silver']);
      expect((await ask(60)).get('max_age')).toBe('60');
      expect((await ask(6000)).get('max_age')).toBe('600');
    });

    it.each([
      [{ prompt: 'login' }, { prompt: 'login', max_age: '0' }],
      [
        { prompt: 'login', maxAgeSeconds: hour },
        { prompt: 'login', max_age: '0' },
      ],
      [{ prompt: 'select_account' }, { prompt: 'select_account' }],
      [{ maxAgeSeconds: 0 }, { max_age: '0' }],
      [
        { prompt: 'select_account', maxAgeSeconds: 9 },
        { prompt: 'select_account', max_age: '9' },
      ],
      [{}, {}],
    ] as const)('asks for %j with %j', async (reauthentication, expected) => {
      const asked = { ...login.reauthentication, ...reauthentication };
      const url = await provider.startLogin({ ...login, reauthentication: asked });
      const { prompt, max_age } = Object.fromEntries(url.searchParams);
      expect({ prompt, max_age }).toEqual({ prompt: undefined, max_age: undefined, ...expected });
    });

    it.each([
      [{ prompt: 'login' }, 0],
      [{ maxAgeSeconds: 0 }, 0],
      [{ maxAgeSeconds: hour - 1 }, 0],
      [{ maxAgeSeconds: hour + 1 }, -hour],
    ] as const)('is one for %j when the provider does as it is asked', async (reauthentication, age) => {
      const now = clock.nowSeconds();
      remote.authenticatedAt = now - hour;
      expect(await logInAgain(reauthentication)).toMatchObject({ subject: 'alice' });
      expect(remote.authenticatedAt).toBe(now + age);
    });

    it('may take its time at the provider, once begun', async () => {
      expect(await logInAgain({ prompt: 'login' }, { secondsAtProvider: 590 })).toMatchObject({
        subject: 'alice',
      });
    });

    it.each([
      [{ prompt: 'login' }, 61],
      [{ prompt: 'login', maxAgeSeconds: hour }, 61],
      [{ maxAgeSeconds: 0 }, 61],
      [{ maxAgeSeconds: 300 }, 361],
      [{ maxAgeSeconds: 300 }, -61],
    ] as const)('for %j is refused when it was %d seconds ago', async (reauthentication, age) => {
      remote.misbehaviour = { ignoresReauthentication: true };
      remote.authenticatedAt = clock.nowSeconds() - age;
      const error = await refusalOf(logInAgain(reauthentication));
      expect([error.code, error.reason, error.status]).toEqual(['access_denied', 'login_too_old', 403]);
      remote.authenticatedAt += Math.sign(age);
      expect(await logInAgain(reauthentication)).toMatchObject({ subject: 'alice' });
    });

    it.each([{ prompt: 'login' }, { maxAgeSeconds: 9_999_999_999 }] as const)(
      'for %j is refused when the provider does not say when it was',
      async (reauthentication) => {
        remote.misbehaviour = { claims: { auth_time: undefined } };
        const error = await refusalOf(logInAgain(reauthentication));
        expect([error.code, error.reason, error.status]).toEqual(['access_denied', 'login_time_unsaid', 403]);
        expect(error.description).toContain('nobody says when it was');
      },
    );

    it('is refused when the browser took the demand out of the request', async () => {
      remote.authenticatedAt = clock.nowSeconds() - hour;
      for (const maxAgeSeconds of [undefined, 0, 300]) {
        const attempt = logInAgain({ prompt: 'login', maxAgeSeconds }, { strip: ['prompt', 'max_age'] });
        expect(await refusalOf(attempt)).toMatchObject({
          code: 'access_denied',
          reason: 'login_time_unsaid',
        });
      }
      expect(remote.authenticatedAt).toBe(clock.nowSeconds() - hour);
    });

    it('is not demanded by a choice of account, nor by nothing', async () => {
      remote.authenticatedAt = clock.nowSeconds() - hour;
      expect(await logInAgain({ prompt: 'select_account' })).toMatchObject({ subject: 'alice' });
      expect(await logInAgain({})).toMatchObject({ subject: 'alice' });
    });
  });

  describe('an answer that is not for this login', () => {
    it.each([
      ['of another issuer', { iss: 'https://evil.example' }],
      ['with an issuer that only looks the same', { iss: 'trailing-slash' }],
      ['with an empty issuer', { iss: '' }],
    ])('%s is refused before anything is sent', async (_what, changes) => {
      const iss = changes.iss === 'trailing-slash' ? `${remote.issuer}/` : changes.iss;
      const error = await refusalOf(logIn({ iss }));
      expect([error.code, error.reason, error.status]).toEqual([
        'invalid_request',
        'idp_exchange_failed',
        400,
      ]);
      expect(remote.count('token')).toBe(0);
    });

    it('without an issuer is refused when the provider promises one', async () => {
      remote.misbehaviour = { issParameter: null };
      const error = await refusalOf(logIn());
      expect([error.code, error.reason, error.status]).toEqual([
        'invalid_request',
        'idp_exchange_failed',
        400,
      ]);
      expect(remote.count('token')).toBe(0);
    });

    it('with another state is refused before anything is sent', async () => {
      const error = await refusalOf(logIn({ state: 'another' }));
      expect([error.code, error.reason, error.status]).toEqual(['server_error', 'idp_exchange_failed', 502]);
      expect(remote.count('token')).toBe(0);
    });

    it('with a code of another login fails at the provider, by PKCE', async () => {
      const other = { nonce: secrets.nonce, codeVerifier: 'x'.repeat(43) };
      const query = await remote.logIn(await provider.startLogin({ ...login, secrets: other }));
      const error = await refusalOf(provider.finishLogin({ ...login, query }));
      expect([error.code, error.reason, error.status]).toEqual(['server_error', 'idp_exchange_failed', 502]);
    });
  });

  describe('a code exchange', () => {
    const cases: ReadonlyArray<readonly [string, Misbehaviour, string]> = [
      ['answered with 500', { transport: { token: 'error' } }, 'ProviderFailure.http_status'],
      ['that takes too long', { transport: { token: 'slow' } }, 'ProviderFailure.timeout'],
      ['answered with gzip', { transport: { token: 'gzip' } }, 'ProviderFailure.encoding'],
      ['answered without end', { transport: { token: 'endless' } }, 'ProviderFailure.too_large'],
      ['answered with a redirect', { transport: { token: 'redirect' } }, 'ProviderFailure.http_status'],
      ['answered with a page', { transport: { token: 'not-json' } }, 'ProviderFailure.not_json'],
      ['without an ID token', { tokenResponse: { id_token: undefined } }, 'ProviderFailure.malformed'],
      [
        'answered with an error',
        { tokenResponse: { error: 'invalid_client' } },
        'ProviderFailure.invalid_client',
      ],
    ];

    it.each(cases)('%s is refused', async (_what, misbehaviour, cause) => {
      remote.misbehaviour = misbehaviour;
      const error = await refusalOf(logIn());
      expect([error.code, error.reason, error.status]).toEqual(['server_error', 'idp_exchange_failed', 502]);
      expect(error.cause).toMatchObject({ name: cause });
      expect(remote.count('token')).toBe(1);
    });

    it('with a wrong secret is refused, and the cause says so', async () => {
      provider = create({ clientSecret: 'wrong' });
      const error = await refusalOf(logIn());
      expect([error.code, error.reason, error.status]).toEqual(['server_error', 'idp_exchange_failed', 502]);
      expect(error.cause).toMatchObject({ name: 'ProviderFailure.invalid_client' });
    });

    it('shows and keeps nothing of what the provider said', async () => {
      for (const misbehaviour of [
        cases[0]?.[1],
        cases[7]?.[1],
        { claims: { aud: 'other' } },
      ] as Misbehaviour[]) {
        remote.misbehaviour = misbehaviour;
        const error = await refusalOf(logIn());
        const everything = inspect(error, { depth: 9, showHidden: true });
        expect(everything).not.toMatch(/provider internals|shown to nobody|access-token|alice|eyJ|nonce-of/);
      }
    });
  });

  describe('an ID token', () => {
    const hour = 3_600;
    const cases: ReadonlyArray<readonly [string, Misbehaviour | ((now: number) => Misbehaviour)]> = [
      ['with algorithm none', { signature: 'none' }],
      ['with algorithm None', { signature: 'none', header: { alg: 'None' } }],
      ['signed with HS256 and the client secret', { signature: 'hs256-secret' }],
      ['signed with HS256 and the public key', { signature: 'hs256-public-key' }],
      ['signed with a foreign key', { signature: 'foreign-key' }],
      ['with a broken signature', { signature: 'broken' }],
      ['of an unknown key', { header: { kid: 'unknown' } }],
      [
        'that brings its own key',
        { signature: 'foreign-key', header: { jwk: { kty: 'EC' }, jku: 'http://x' } },
      ],
      ['with a critical header', { header: { crit: ['urn:test:extension'], 'urn:test:extension': 1 } }],
      ['whose keys are not published', { noKeys: true }],
      ['whose keys cannot be fetched', { transport: { jwks: 'error' } }],
      ['whose keys come too slowly', { transport: { jwks: 'slow' } }],
      ['whose keys come compressed', { transport: { jwks: 'gzip' } }],
      ['of another issuer', { claims: { iss: 'https://evil.example' } }],
      ['for another client', { claims: { aud: 'other' } }],
      ['for several clients, with nobody named', { claims: { aud: ['gatehouse', 'other'] } }],
      ['for several clients, given to another', { claims: { aud: ['gatehouse', 'other'], azp: 'other' } }],
      ['without an audience', { claims: { aud: undefined } }],
      ['that has expired', (now) => ({ claims: { exp: now - 61 } })],
      ['without an end', { claims: { exp: undefined } }],
      ['from the future', (now) => ({ claims: { iat: now + 61 } })],
      ['that is not valid yet', (now) => ({ claims: { nbf: now + hour } })],
      ['without a time of issue', { claims: { iat: undefined } }],
      ['that is no token', { tokenResponse: { id_token: 'a.b' } }],
      ['that is encrypted', { tokenResponse: { id_token: 'a.b.c.d.e' } }],
    ];

    it.each(cases)('%s is refused', async (_what, misbehaviour) => {
      remote.misbehaviour =
        typeof misbehaviour === 'function' ? misbehaviour(clock.nowSeconds()) : misbehaviour;
      const error = await refusalOf(logIn());
      const expected = ['server_error', 'id_token_verification_failed', 502];
      expect([error.code, error.reason, error.status]).toEqual(expected);
      expect(error.cause).toMatchObject({ name: expect.stringMatching(/^ProviderFailure\./) });
    });

    it.each([
      ['another nonce', 'nonce-of-another-login'],
      ['no nonce', undefined],
    ])('with %s is refused', async (_what, nonce) => {
      remote.misbehaviour = { claims: { nonce } };
      const error = await refusalOf(logIn());
      const expected = ['server_error', 'id_token_verification_failed', 403];
      expect([error.code, error.reason, error.status]).toEqual(expected);
    });

    it.each([
      ['without a subject', { sub: undefined }, 'subject_missing'],
      ['with an empty subject', { sub: '' }, 'subject_missing'],
      ['with an unverified e-mail address', { email_verified: 'false' }, 'email_unverified'],
      ['with a group that is two', { groups: ['a,admin'] }, 'group_invalid'],
    ])('%s is refused', async (_what, claims, reason) => {
      remote.misbehaviour = { claims };
      const error = await refusalOf(logIn());
      expect([error.code, error.reason, error.status]).toEqual(['access_denied', reason, 403]);
    });
  });

  describe('groups', () => {
    it('admit a member of an allowed one', async () => {
      provider = create({}, ['admins', 'engineering']);
      expect(await logIn()).toMatchObject({ subject: 'alice' });
    });

    it.each([
      ['of others', ['sales']],
      ['that are none', []],
      ['that are missing', undefined],
    ])('%s are refused when some are allowed', async (_what, groups) => {
      provider = create({}, ['admins', 'engineering']);
      remote.misbehaviour = { claims: { groups } };
      const error = await refusalOf(logIn());
      expect([error.code, error.reason, error.status]).toEqual(['access_denied', 'group', 403]);
      expect(events).toEqual([]);
    });

    it('in another shape are none, and an event says so, admitted or not', async () => {
      remote.misbehaviour = { claims: { groups: { engineering: true } } };
      const mismatch = { type: 'groups_claim_shape_mismatch', subject: 'alice', claim: 'groups' };
      expect(await logIn()).toMatchObject({ groups: [] });
      expect(events).toEqual([mismatch]);
      provider = create({}, ['engineering']);
      expect((await refusalOf(logIn())).reason).toBe('group');
      expect(events).toEqual([mismatch, mismatch]);
    });
  });

  it('holds code exchanges back beyond their rate, before anything is sent', async () => {
    provider = create({ exchangeRatePerSecond: 1, exchangeBurst: 1 });
    await logIn();
    const query = await remote.logIn(await provider.startLogin(login));
    const error = await refusalOf(provider.finishLogin({ ...login, query }));
    expect([error.code, error.reason, error.status, error.retryAfterSeconds]).toEqual([
      'temporarily_unavailable',
      'idp_exchange_throttled',
      503,
      1,
    ]);
    expect(remote.count('token')).toBe(1);
    clock.advance(1);
    expect((await provider.finishLogin({ ...login, query })).identity).toMatchObject({ subject: 'alice' });
  });

  describe('discovery', () => {
    const cases: ReadonlyArray<readonly [string, Misbehaviour, string]> = [
      ['another issuer', { metadata: { issuer: 'https://evil.example' } }, 'issuer_mismatch'],
      ['an issuer with two slashes more', { metadata: { issuer: 'slash' } }, 'issuer_mismatch'],
      ['no token endpoint', { metadata: { token_endpoint: undefined } }, 'metadata_incomplete'],
      ['no keys', { metadata: { jwks_uri: undefined } }, 'metadata_incomplete'],
      ['endpoints of another scheme', { metadata: { token_endpoint: 'file:///etc/passwd' } }, 'insecure_url'],
      [
        'symmetric and no signatures only',
        { metadata: { id_token_signing_alg_values_supported: ['HS256', 'none'] } },
        'algorithms_unsupported',
      ],
      ['an error', { transport: { discovery: 'error' } }, 'http_status'],
      ['a redirect', { transport: { discovery: 'redirect' } }, 'http_status'],
      ['nothing', { transport: { discovery: 'slow' } }, 'timeout'],
      ['gzip', { transport: { discovery: 'gzip' } }, 'encoding'],
      ['no end', { transport: { discovery: 'endless' } }, 'too_large'],
      ['a page', { transport: { discovery: 'not-json' } }, 'not_json'],
    ];

    it.each(cases)('that brings %s makes logins unavailable', async (_what, misbehaviour, kind) => {
      const isSlash = misbehaviour.metadata?.['issuer'] === 'slash';
      remote.misbehaviour = isSlash ? { metadata: { issuer: `${remote.issuer}//` } } : misbehaviour;
      const error = await refusalOf(provider.startLogin(login));
      expect([error.code, error.reason, error.status, error.retryAfterSeconds]).toEqual([
        'temporarily_unavailable',
        'idp_unavailable',
        503,
        5,
      ]);
      expect(provider.isReady()).toBe(false);
      expect(discoveryFailures).toMatchObject([{ name: `ProviderFailure.${kind}` }]);
    });

    it('refuses endpoints on plain http unless that is allowed', async () => {
      provider = create({ allowInsecureHttp: false });
      expect((await refusalOf(provider.startLogin(login))).reason).toBe('idp_unavailable');
      expect(remote.requests).toEqual([]);
    });

    it('happens by itself, once', async () => {
      expect(provider.isReady()).toBe(false);
      await until(() => provider.isReady());
      await logIn();
      expect(remote.count('discovery')).toBe(1);
      expect(discoveryFailures).toEqual([]);
    });

    it('goes on by itself until it works', async () => {
      remote.misbehaviour = { transport: { discovery: 'error' } };
      await until(() => discoveryFailures.length > 0);
      remote.misbehaviour = {};
      await until(() => provider.isReady());
      expect(await logIn()).toMatchObject({ subject: 'alice' });
    });

    it('is tried again for whoever comes, at most once a second', async () => {
      remote.misbehaviour = { transport: { discovery: 'error' } };
      await refusalOf(provider.startLogin(login));
      remote.misbehaviour = {};
      await Promise.all([1, 2, 3].map(async () => refusalOf(provider.startLogin(login))));
      expect(remote.count('discovery')).toBe(1);
      clock.advance(1);
      await Promise.all([1, 2, 3].map(async () => provider.startLogin(login)));
      expect(remote.count('discovery')).toBe(2);
    });

    it('is waited for by a callback that reaches a process that just started', async () => {
      const query = await remote.logIn(await provider.startLogin(login));
      provider = create();
      expect((await provider.finishLogin({ ...login, query })).identity).toMatchObject({ subject: 'alice' });
    });

    it('keeps what it found when the provider changes or goes away', async () => {
      await logIn();
      remote.misbehaviour = { metadata: { token_endpoint: 'https://evil.example/token' } };
      expect(await logIn()).toMatchObject({ subject: 'alice' });
      expect(provider.isReady()).toBe(true);
    });

    it('ends when the provider is closed', async () => {
      remote.misbehaviour = { transport: { discovery: 'error' } };
      await refusalOf(provider.startLogin(login));
      provider.close();
      clock.advance(10);
      await refusalOf(provider.startLogin(login));
      expect(remote.count('discovery')).toBe(1);
    });
  });
});

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise((resolve) => setTimeout(resolve, 10));
}
