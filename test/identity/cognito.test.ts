import { describe, expect, it } from 'vitest';

import { load, problemsOf } from '../support/configuration.ts';
import { becomeCognito } from '../support/identity/cognito.ts';
import { refusalOf } from '../support/identity/opened-provider.ts';
import { startForEachTest } from '../support/identity/started-provider.ts';

describe('IDP=cognito', () => {
  const cognito = startForEachTest(becomeCognito, () => ({ IDP: 'cognito' }));

  it.each([
    ['eu-central-1_AbCdEfGhI', 'https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_AbCdEfGhI'],
    ['us-gov-west-1_x1', 'https://cognito-idp.us-gov-west-1.amazonaws.com/us-gov-west-1_x1'],
    ['cn-north-1_x1', 'https://cognito-idp.cn-north-1.amazonaws.com.cn/cn-north-1_x1'],
  ])('finds the issuer of the pool %s', (pool, issuer) => {
    const changes = { IDP: 'cognito', OIDC_ISSUER_URL: undefined, COGNITO_USER_POOL_ID: pool };
    expect(load(changes).identityProviders[0]?.issuer).toBe(issuer);
  });

  it('refuses the domain of the login pages for an issuer', () => {
    const changes = { IDP: 'cognito', OIDC_ISSUER_URL: 'https://x.auth.eu-central-1.amazoncognito.com' };
    expect(problemsOf(changes)[0]?.fix).toContain('COGNITO_USER_POOL_ID');
  });

  it('gets a refresh token without asking for one, and the groups of the pool', async () => {
    const { searchParams } = await cognito.opened.authorizationUrl();
    expect(searchParams.get('scope')).toBe('openid email profile');
    const login = await cognito.opened.logIn();
    expect(login.identity).toMatchObject({ email: 'alice@example.com', groups: ['engineering'] });
    expect(await cognito.opened.recheck(login)).toEqual({
      outcome: 'present',
      identity: login.identity,
      refreshToken: login.refreshToken,
    });
  });

  it('would be refused with the scope of other providers', async () => {
    const opened = cognito.open({ OIDC_SCOPES: 'openid offline_access' });
    const answer = await cognito.remote.logIn(await opened.authorizationUrl());
    expect(answer.get('error')).toBe('invalid_scope');
  });

  it('refuses who is in none of ALLOWED_GROUPS, also for want of any group', async () => {
    const opened = cognito.open({ ALLOWED_GROUPS: 'engineering' });
    await opened.logIn();
    cognito.remote.person = { ...cognito.remote.person, 'cognito:groups': undefined };
    expect(await refusalOf(opened.logIn())).toMatchObject({ code: 'access_denied', reason: 'group' });
  });

  it('finds gone who was disabled, and nobody because too many asked', async () => {
    const login = await cognito.opened.logIn();
    const { misbehaviour } = cognito.remote;
    cognito.remote.misbehaviour = {
      ...misbehaviour,
      refusesRefresh: { status: 429, error: 'TooManyRequestsException' },
    };
    expect(await cognito.opened.recheck(login)).toEqual({ outcome: 'unanswered' });
    cognito.remote.misbehaviour = misbehaviour;
    cognito.remote.endSessions();
    expect(await cognito.opened.recheck(login)).toEqual({ outcome: 'gone', reason: 'identity_gone' });
  });
});
