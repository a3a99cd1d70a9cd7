import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { problemsOf } from '../support/configuration.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { SimulatedGitHub } from '../support/identity/github.ts';
import { openProvider, type OpenedProvider, refusalOf } from '../support/identity/opened-provider.ts';

describe('IDP=github', () => {
  let clock: FakeClock;
  let github: SimulatedGitHub;
  let opened: OpenedProvider;

  beforeEach(async () => {
    clock = new FakeClock();
    github = await SimulatedGitHub.start();
    opened = open();
  });
  afterEach(async () => {
    opened.provider.close();
    await github.close();
  });

  function open(env: Record<string, string> = {}): OpenedProvider {
    opened?.provider.close();
    return openProvider(github, clock, { IDP: 'github', ...env });
  }

  describe('a login', () => {
    it('asks for organisations and the address, with state and an S256 challenge', async () => {
      const url = await opened.authorizationUrl();
      expect(url.origin + url.pathname).toBe(`${github.issuer}/login/oauth/authorize`);
      expect(Object.fromEntries(url.searchParams)).toEqual({
        client_id: github.clientId,
        redirect_uri: 'https://gatehouse.test/callback',
        scope: 'read:org user:email',
        state: 'mgh_st_sealed-state',
        code_challenge: '7w_YNF9DSfIdPf_pRjSq646_kPr-2-o9NAl16JGghdM',
        code_challenge_method: 'S256',
      });
    });

    it('adds the parameters of the settings, and a choice of account when it is asked for', async () => {
      opened = open({ OIDC_AUTHORIZATION_PARAMETERS: 'allow_signup=false' });
      const reauthentication = { prompt: 'select_account', maxAgeSeconds: undefined } as const;
      const { searchParams } = await opened.authorizationUrl({ reauthentication });
      expect([searchParams.get('allow_signup'), searchParams.get('prompt')]).toEqual([
        'false',
        'select_account',
      ]);
    });

    it('ends with the numeric id, the verified primary address, organisations and teams', async () => {
      const { identity, refreshToken, sessionId } = await opened.logIn();
      expect(identity).toEqual({
        issuer: github.issuer,
        subject: '583231',
        email: 'alice@example.com',
        name: 'Alice Example',
        groups: ['acme', 'acme/engineering'],
      });
      expect(refreshToken).toMatch(/^gho_/);
      expect(sessionId).toBeUndefined();
    });

    it('takes the login for the name of who has given none', async () => {
      github.person.name = null;
      expect((await opened.logIn()).identity.name).toBe('alice');
    });

    it('reads every page, and goes to no address that a page names', async () => {
      github.person.organizations = Array.from({ length: 101 }, (_, index) => `org-${index}`);
      github.person.teams = Array.from({ length: 60 }, (_, index) => `org-0/team-${index}`);
      const { identity } = await opened.logIn();
      expect(identity.groups).toHaveLength(161);
      expect(github.requests.filter((path) => path.startsWith('/api/v3/user/orgs'))).toHaveLength(3);
    });

    it('is refused rather than made with some of the groups', async () => {
      github.misbehaviour = { api: 'endless-pages' };
      const error = await refusalOf(opened.logIn());
      expect([error.code, error.reason, error.status]).toEqual(['server_error', 'idp_exchange_failed', 502]);
    });

    it('is refused when the primary address is not verified', async () => {
      github.person.emails = [{ email: 'a@b.example', primary: true, verified: false, visibility: null }];
      expect(await refusalOf(opened.logIn())).toMatchObject({
        code: 'access_denied',
        reason: 'email_unverified',
      });
      github.misbehaviour = { tokenError: 'unverified_user_email' };
      expect(await refusalOf(opened.logIn())).toMatchObject({
        code: 'access_denied',
        reason: 'email_unverified',
      });
    });

    it.each([['583231'], [0.5], [null], [2 ** 60]])('is refused with the id %j', async (id) => {
      github.person.id = id;
      expect((await refusalOf(opened.logIn())).reason).toBe('idp_exchange_failed');
    });

    it.each([['acme/engineering'], ['ac me'], ['']])('is refused with the organisation %j', async (name) => {
      github.person.organizations = [name];
      expect((await refusalOf(opened.logIn())).reason).toBe('idp_exchange_failed');
    });
  });

  describe('ALLOWED_GROUPS', () => {
    it.each([['acme'], ['acme/engineering'], ['other,acme']])('%s admits a member', async (groups) => {
      opened = open({ ALLOWED_GROUPS: groups });
      expect((await opened.logIn()).identity.subject).toBe('583231');
    });

    it.each([['other'], ['engineering'], ['acme/sales'], ['other/engineering']])(
      '%s refuses who is in none',
      async (groups) => {
        opened = open({ ALLOWED_GROUPS: groups });
        expect(await refusalOf(opened.logIn())).toMatchObject({ code: 'access_denied', reason: 'group' });
      },
    );
  });

  describe('an error that comes with status 200', () => {
    it.each([
      ['bad_verification_code', 'bad_verification_code'],
      ['redirect_uri_mismatch', 'redirect_uri_mismatch'],
      ['incorrect_client_credentials', 'incorrect_client_credentials'],
      ['something_new', 'oauth_error'],
    ])('%s ends the login', async (tokenError, kind) => {
      github.misbehaviour = { tokenError };
      const error = await refusalOf(opened.logIn());
      expect([error.code, error.reason, error.status]).toEqual(['server_error', 'idp_exchange_failed', 502]);
      expect(error.cause).toMatchObject({ name: `ProviderFailure.${kind}` });
      expect(github.requests.filter((path) => path.startsWith('/api/'))).toEqual([]);
    });

    it('names the setting of the console in the log', async () => {
      github.misbehaviour = { tokenError: 'redirect_uri_mismatch' };
      await refusalOf(opened.logIn());
      expect(opened.logged()).toContain('idp_console_setting');
      expect(opened.logged()).toContain('Authorization callback URL');
    });
  });

  it.each([
    ['without a token', { access_token: undefined }],
    ['with an empty token', { access_token: '' }],
    ['with a token of another type', { token_type: 'mac' }],
    ['with a token that ends by itself', { expires_in: 28_800, refresh_token: 'ghr_x' }],
    ['with a token that may not ask for organisations', { scope: 'user:email' }],
    ['with a token that may not ask for addresses', { scope: 'read:org' }],
    ['with the token of a GitHub App', { scope: '' }],
    ['that does not say what it may ask for', { scope: undefined }],
    ['with scopes that are no text', { scope: ['read:org', 'user:email'] }],
  ])('takes no token response %s', async (_what, tokenResponse) => {
    github.misbehaviour = { tokenResponse };
    const error = await refusalOf(opened.logIn());
    expect([error.code, error.reason, error.status]).toEqual(['server_error', 'idp_exchange_failed', 502]);
    expect(opened.logged()).not.toMatch(/gh[or]_/);
  });

  it.each([{ scope: 'read:org,user:email' }, { scope: 'user admin:org repo' }])(
    'takes the scopes %j',
    async (tokenResponse) => {
      github.misbehaviour = { tokenResponse };
      expect((await opened.logIn()).identity.groups).toContain('acme');
    },
  );

  it('has scopes of its own, which the check of the configuration names', () => {
    const changes = { IDP: 'github', OIDC_ISSUER_URL: undefined, OIDC_SCOPES: 'user:email' };
    expect(problemsOf(changes)[0]?.fix).toContain('read:org and user:email are asked for');
  });

  it('names the scopes in the log when GitHub gave less', async () => {
    github.misbehaviour = { tokenResponse: { scope: 'user:email' } };
    await refusalOf(opened.logIn());
    expect(opened.logged()).toContain('without read:org or user:email');
    expect(github.requests.filter((path) => path.startsWith('/api/'))).toEqual([]);
  });

  it.each(['rate-limited', 'down', 'unauthorized', 'forbidden', 'html'] as const)(
    'lets nobody in while the interface is %s',
    async (api) => {
      github.misbehaviour = { api };
      const error = await refusalOf(opened.logIn());
      expect([error.code, error.reason, error.status]).toEqual(['server_error', 'idp_exchange_failed', 502]);
    },
  );

  describe('an answer that is not for this login', () => {
    it.each([
      [
        'of another issuer',
        new URLSearchParams({ code: 'c', state: 'mgh_st_sealed-state', iss: 'https://x' }),
      ],
      ['with another state', new URLSearchParams({ code: 'c', state: 'other' })],
    ])('%s is refused before anything is sent', async (_what, query) => {
      await vi.waitFor(() => expect(github.requests).toHaveLength(1));
      expect(await refusalOf(opened.logIn({ query }))).toMatchObject({
        code: 'invalid_request',
        reason: 'idp_exchange_failed',
      });
      expect(github.requests.filter((path) => path === '/login/oauth/access_token')).toHaveLength(1);
    });

    it('with a code of another login fails at GitHub, by PKCE', async () => {
      const secrets = { nonce: 'n', codeVerifier: 'x'.repeat(43) };
      const query = await github.logIn(await opened.authorizationUrl({ secrets }));
      expect(await refusalOf(opened.logIn({ query }))).toMatchObject({ reason: 'idp_exchange_failed' });
    });

    it('may name GitHub', async () => {
      const query = await github.logIn(await opened.authorizationUrl());
      query.set('iss', `${github.issuer}/login/oauth`);
      expect((await opened.logIn({ query })).identity.subject).toBe('583231');
    });
  });

  it('cannot say how recent a login is, and refuses who asks for that', async () => {
    const reauthentication = { prompt: 'login', maxAgeSeconds: undefined } as const;
    expect(await refusalOf(opened.logIn({ reauthentication }))).toMatchObject({
      code: 'access_denied',
      reason: 'login_time_unsaid',
    });
    expect(github.requests.some((path) => path.startsWith('/api/'))).toBe(false);
  });

  it('holds logins back beyond the rate, before anything is sent', async () => {
    opened = open({ IDP_EXCHANGE_RATE_PER_SEC: '0.1', IDP_EXCHANGE_BURST: '1' });
    await opened.logIn();
    const asked = github.requests.length;
    expect(await refusalOf(opened.logIn())).toMatchObject({ reason: 'idp_exchange_throttled' });
    // The browser's own request, and nothing of ours.
    expect(github.requests.slice(asked)).toEqual(['/login/oauth/authorize']);
  });

  describe('asking again', () => {
    it('says who it is now', async () => {
      const login = await opened.logIn();
      github.person = { ...github.person, name: 'Alice Other', organizations: ['acme', 'new'], teams: [] };
      expect(await opened.recheck(login)).toEqual({
        outcome: 'present',
        identity: { ...login.identity, name: 'Alice Other', groups: ['acme', 'new'] },
        refreshToken: login.refreshToken,
      });
    });

    it('finds who has disconnected the app or closed the account gone', async () => {
      const login = await opened.logIn();
      github.revokeTokens();
      expect(await opened.recheck(login)).toEqual({ outcome: 'gone', reason: 'identity_gone' });
    });

    it('finds a suspended account gone', async () => {
      const login = await opened.logIn();
      github.suspended = true;
      expect(await opened.recheck(login)).toEqual({ outcome: 'gone', reason: 'identity_gone' });
    });

    it('finds who left the organisation gone', async () => {
      opened = open({ ALLOWED_GROUPS: 'acme' });
      const login = await opened.logIn();
      github.person = { ...github.person, organizations: [], teams: [] };
      expect(await opened.recheck(login)).toEqual({ outcome: 'gone', reason: 'group' });
    });

    it('finds another person, and one of another issuer, gone', async () => {
      const login = await opened.logIn();
      const elsewhere = { ...login, identity: { ...login.identity, issuer: 'https://login.test' } };
      const asked = github.requests.length;
      expect(await opened.recheck(elsewhere)).toEqual({ outcome: 'gone', reason: 'identity_gone' });
      expect(github.requests).toHaveLength(asked);
      github.person.id = 1;
      expect(await opened.recheck(login)).toEqual({ outcome: 'gone', reason: 'identity_gone' });
    });

    it.each(['rate-limited', 'down', 'unauthorized', 'forbidden', 'html', 'endless-pages'] as const)(
      'has no answer while the interface is %s and the token lives',
      async (api) => {
        const login = await opened.logIn();
        github.misbehaviour = { api };
        expect(await opened.recheck(login)).toEqual({ outcome: 'unanswered' });
        github.misbehaviour = {};
        expect(await opened.recheck(login)).toMatchObject({ outcome: 'present' });
      },
    );

    it('leaves a GitHub alone that is down, and finds out later', async () => {
      const login = await opened.logIn();
      github.misbehaviour = { api: 'down' };
      for (let at = 0; at < 3; at += 1) await opened.recheck(login);
      const asked = github.requests.length;
      github.misbehaviour = {};
      expect(await opened.recheck(login)).toEqual({ outcome: 'unanswered' });
      expect(github.requests).toHaveLength(asked);
      clock.advance(3);
      expect(await opened.recheck(login)).toMatchObject({ outcome: 'present' });
    });
  });

  describe('the start', () => {
    const said = (text: string) => vi.waitFor(() => expect(opened.logged()).toContain(text));

    it('says nothing when GitHub knows the client', async () => {
      await opened.logIn();
      expect(opened.logged()).toBe('');
      expect(opened.provider.isReady()).toBe(true);
    });

    it.each([
      ['of another secret', { OIDC_CLIENT_SECRET: 'wrong' }, 'Client secrets'],
      ['of another callback', { PROXY_BASE_URL: 'https://other.test' }, 'Authorization callback URL'],
    ])('names the setting %s', async (_what, env, hint) => {
      opened = open(env);
      await said('idp_start_check_failed');
      await said(hint);
      expect(opened.logged()).not.toContain('wrong');
    });
  });

  it('sends no logout tokens', async () => {
    await expect(opened.provider.verifyLogout('x')).rejects.toMatchObject({
      code: 'invalid_request',
      reason: 'logout_token_invalid',
    });
  });
});
