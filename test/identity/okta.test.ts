import { describe, expect, it, vi } from 'vitest';

import { becomeOkta } from '../support/identity/okta.ts';
import { refusalOf } from '../support/identity/opened-provider.ts';
import { startForEachTest } from '../support/identity/started-provider.ts';

describe('IDP=okta', () => {
  const okta = startForEachTest(
    (remote) => becomeOkta(remote),
    () => ({ IDP: 'okta' }),
  );
  const reissue = (): void => becomeOkta(okta.remote, 'default');
  const customServer = (): Record<string, string> => ({
    OIDC_ISSUER_URL: okta.remote.issuer,
    OKTA_AUTHORIZATION_SERVER: 'default',
  });

  it('asks the server of the organisation for groups', async () => {
    const { searchParams } = await okta.opened.authorizationUrl();
    expect(searchParams.get('scope')).toBe('openid email profile offline_access groups');
    expect((await okta.opened.logIn()).identity).toMatchObject({
      subject: '00uid4BxXw6I6TV4m0g3',
      groups: ['Everyone', 'Engineering'],
    });
  });

  it('asks a server of your own for no scope that it may lack', async () => {
    reissue();
    const opened = okta.open(customServer());
    const url = await opened.authorizationUrl();
    expect(url.pathname).toBe('/oauth2/default/v1/authorize');
    expect(url.searchParams.get('scope')).toBe('openid email profile offline_access');
    expect((await opened.logIn()).identity.groups).toEqual(['Everyone', 'Engineering']);
  });

  it('would be refused with that scope', async () => {
    reissue();
    const opened = okta.open({ ...customServer(), OIDC_SCOPES: 'openid groups' });
    const answer = await okta.remote.logIn(await opened.authorizationUrl());
    expect(answer.get('error')).toBe('invalid_scope');
  });

  it('refuses who is in none of ALLOWED_GROUPS', async () => {
    const opened = okta.open({ ALLOWED_GROUPS: 'Sales' });
    expect(await refusalOf(opened.logIn())).toMatchObject({ code: 'access_denied', reason: 'group' });
  });

  it('asks for no refresh token when nobody is asked about again', async () => {
    const opened = okta.open({ IDENTITY_RECHECK: 'off' });
    expect((await opened.authorizationUrl()).searchParams.get('scope')).toBe('openid email profile groups');
    expect((await opened.logIn()).refreshToken).toBeUndefined();
  });

  it('finds gone who was deactivated, and nobody else', async () => {
    const login = await okta.opened.logIn();
    okta.remote.misbehaviour = { refusesRefresh: { status: 429, error: 'too_many_requests' } };
    expect(await okta.opened.recheck(login)).toEqual({ outcome: 'unanswered' });
    okta.remote.misbehaviour = {};
    okta.remote.endSessions();
    expect(await okta.opened.recheck(login)).toEqual({ outcome: 'gone', reason: 'identity_gone' });
  });

  it('names the setting of another secret at the start', async () => {
    const opened = okta.open({ OIDC_CLIENT_SECRET: 'wrong' });
    await vi.waitFor(() => expect(opened.logged()).toContain('idp_start_check_failed'));
    expect(opened.logged()).toContain('Client authentication');
  });
});
