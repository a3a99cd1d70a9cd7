import { describe, expect, it, vi } from 'vitest';

import { becomeGoogle, privateAccount } from '../support/identity/google.ts';
import { refusalOf } from '../support/identity/opened-provider.ts';
import { startForEachTest } from '../support/identity/started-provider.ts';

describe('IDP=google', () => {
  const google = startForEachTest(becomeGoogle, () => ({
    IDP: 'google',
    GOOGLE_HOSTED_DOMAIN: 'example.com',
  }));

  it('asks for a refresh token the way Google gives one, and offers the accounts of the domain', async () => {
    const parameters = Object.fromEntries((await google.opened.authorizationUrl()).searchParams);
    expect(parameters).toMatchObject({
      scope: 'openid email profile',
      access_type: 'offline',
      prompt: 'consent',
      hd: 'example.com',
      code_challenge_method: 'S256',
    });
    expect((await google.opened.logIn()).refreshToken).toMatch(/./);
  });

  it('asks for no refresh token when nobody is asked about again', async () => {
    const opened = google.open({ IDENTITY_RECHECK: 'off' });
    const { searchParams } = await opened.authorizationUrl();
    expect([searchParams.get('access_type'), searchParams.get('prompt')]).toEqual([null, null]);
    expect((await opened.logIn()).refreshToken).toBeUndefined();
  });

  it('asks for the account that a client wants chosen, and for consent', async () => {
    const reauthentication = { prompt: 'select_account', maxAgeSeconds: undefined } as const;
    const { searchParams } = await google.opened.authorizationUrl({ reauthentication });
    expect(searchParams.getAll('prompt')).toEqual(['select_account consent']);
  });

  it('logs in an account of the domain', async () => {
    expect((await google.opened.logIn()).identity).toEqual({
      issuer: google.remote.issuer,
      subject: '110169484474386276334',
      email: 'alice@example.com',
      name: 'Alice Example',
      groups: [],
    });
  });

  it.each([
    ['a private account', privateAccount],
    ['an account of another domain', { ...privateAccount, hd: 'evil.example' }],
    ['an account of a domain that only ends alike', { ...privateAccount, hd: 'not-example.com' }],
    ['a domain in other letters', { ...privateAccount, hd: 'Example.com' }],
    ['a list of domains', { ...privateAccount, hd: ['example.com'] }],
    ['an address of the domain alone', { ...privateAccount, email: 'mallory@example.com' }],
  ])('refuses %s, whatever the request said', async (_what, person) => {
    google.remote.person = person;
    const error = await refusalOf(google.opened.logIn());
    expect([error.code, error.reason, error.status]).toEqual(['access_denied', 'claim_required', 403]);
  });

  it('admits each of several domains, and every Workspace account is offered', async () => {
    const opened = google.open({ GOOGLE_HOSTED_DOMAIN: 'other.example,example.com' });
    expect((await opened.authorizationUrl()).searchParams.get('hd')).toBe('*');
    expect((await opened.logIn()).identity.email).toBe('alice@example.com');
  });

  it('admits every account without a domain', async () => {
    google.remote.person = privateAccount;
    const opened = google.open({ GOOGLE_HOSTED_DOMAIN: undefined });
    expect((await opened.authorizationUrl()).searchParams.has('hd')).toBe(false);
    expect((await opened.logIn()).identity.subject).toBe('107698134823984793285');
  });

  describe('asking again', () => {
    it('goes on with the refresh token that Google does not repeat', async () => {
      const login = await google.opened.logIn();
      expect(await google.opened.recheck(login)).toEqual({
        outcome: 'present',
        identity: login.identity,
        refreshToken: login.refreshToken,
      });
    });

    it('finds gone whose token was revoked or account suspended', async () => {
      const login = await google.opened.logIn();
      google.remote.misbehaviour = { refusesRefresh: { status: 400, error: 'invalid_grant' } };
      expect(await google.opened.recheck(login)).toEqual({ outcome: 'gone', reason: 'identity_gone' });
    });

    it('finds gone who is no longer of the domain', async () => {
      const login = await google.opened.logIn();
      google.remote.person = { ...google.remote.person, hd: undefined };
      expect(await google.opened.recheck(login)).toEqual({ outcome: 'gone', reason: 'identity_gone' });
    });

    it.each([500, 503, 429])('has no answer when Google says %d', async (status) => {
      const login = await google.opened.logIn();
      google.remote.misbehaviour = { refusesRefresh: { status, error: 'internal_failure' } };
      expect(await google.opened.recheck(login)).toEqual({ outcome: 'unanswered' });
    });
  });

  describe('the start', () => {
    it.each([
      ['of another secret', { OIDC_CLIENT_SECRET: 'wrong' }, 'type \\"Web application\\"'],
      ['of a redirect URI', { PROXY_BASE_URL: 'https://other.test' }, 'Authorized redirect URIs'],
    ])('names the setting %s', async (_what, env, hint) => {
      const opened = google.open(env);
      await vi.waitFor(() => expect(opened.logged()).toContain('idp_start_check_failed'));
      expect(opened.logged()).toContain(hint);
    });

    it('says nothing when Google knows the client', async () => {
      const { opened } = google;
      await vi.waitFor(() => expect(google.remote.count('token')).toBe(1));
      await opened.logIn();
      expect(opened.logged()).toBe('');
    });
  });

  it('names the setting when a login fails for it', async () => {
    const { opened } = google;
    await opened.logIn();
    google.remote.shape = { ...google.remote.shape, redirectUri: 'https://former.test/callback' };
    expect((await refusalOf(opened.logIn())).reason).toBe('idp_exchange_failed');
    expect(opened.logged()).toContain('idp_console_setting');
    expect(opened.logged()).toContain('Authorized redirect URIs');
  });
});
