import { describe, expect, it, vi } from 'vitest';

import { complaintsOf } from '../support/configuration.ts';
import { becomeAuth0, groupsClaim } from '../support/identity/auth0.ts';
import { refusalOf } from '../support/identity/opened-provider.ts';
import { startForEachTest } from '../support/identity/started-provider.ts';

describe('IDP=auth0', () => {
  const auth0 = startForEachTest(becomeAuth0, () => ({ IDP: 'auth0', GROUPS_CLAIM: groupsClaim }));

  it('asks for a refresh token, and for an audience that is set', async () => {
    const { searchParams } = await auth0.opened.authorizationUrl();
    expect(searchParams.get('scope')).toBe('openid email profile offline_access');
    expect(searchParams.has('audience')).toBe(false);
    const opened = auth0.open({ AUTH0_AUDIENCE: 'https://api.example.com' });
    expect((await opened.authorizationUrl()).searchParams.get('audience')).toBe('https://api.example.com');
  });

  it('logs in where the issuer ends with a slash, with the groups of a namespaced claim', async () => {
    expect((await auth0.opened.logIn()).identity).toMatchObject({
      subject: 'auth0|5f7c8ec7c33c6c004bbafe82',
      email: 'alice@example.com',
      groups: ['engineering'],
    });
  });

  it('refuses who is in none of ALLOWED_GROUPS, and groups without a claim', async () => {
    const opened = auth0.open({ ALLOWED_GROUPS: 'sales' });
    expect(await refusalOf(opened.logIn())).toMatchObject({ code: 'access_denied', reason: 'group' });
    expect(complaintsOf({ IDP: 'auth0', ALLOWED_GROUPS: 'sales' })).toEqual([
      'ALLOWED_GROUPS is set, and Auth0 says no groups by itself: nobody could enter',
    ]);
  });

  it('names the setting of another secret at the start', async () => {
    const opened = auth0.open({ OIDC_CLIENT_SECRET: 'wrong' });
    await vi.waitFor(() => expect(opened.logged()).toContain('idp_start_check_failed'));
    expect(opened.logged()).toContain('Client Secret');
  });

  it('finds gone whose token is over, which Auth0 says with 403', async () => {
    const login = await auth0.opened.logIn();
    expect(await auth0.opened.recheck(login)).toMatchObject({ outcome: 'present', identity: login.identity });
    auth0.remote.misbehaviour = {
      ...auth0.remote.misbehaviour,
      refusesRefresh: { status: 403, error: 'invalid_grant' },
    };
    expect(await auth0.opened.recheck(login)).toEqual({ outcome: 'gone', reason: 'identity_gone' });
  });

  it('finds nobody gone because our own secret was changed, or too many asked', async () => {
    const login = await auth0.opened.logIn();
    for (const refusesRefresh of [
      { status: 401, error: 'access_denied' },
      { status: 429, error: 'too_many_requests' },
    ]) {
      auth0.remote.misbehaviour = { ...auth0.remote.misbehaviour, refusesRefresh };
      expect(await auth0.opened.recheck(login)).toEqual({ outcome: 'unanswered' });
    }
  });
});
