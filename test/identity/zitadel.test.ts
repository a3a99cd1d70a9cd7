import { describe, expect, it } from 'vitest';

import { becomeZitadel, rolesClaim } from '../support/identity/zitadel.ts';
import { refusalOf } from '../support/identity/opened-provider.ts';
import { startForEachTest } from '../support/identity/started-provider.ts';

describe('IDP=zitadel', () => {
  const zitadel = startForEachTest(becomeZitadel, ({ origin }) => ({
    IDP: 'zitadel',
    OIDC_ISSUER_URL: undefined,
    ZITADEL_URL: origin,
  }));

  it('asks for the roles of the project, and takes them for groups', async () => {
    const { searchParams } = await zitadel.opened.authorizationUrl();
    expect(searchParams.get('scope')).toBe(`openid email profile offline_access ${rolesClaim}`);
    expect((await zitadel.opened.logIn()).identity).toMatchObject({
      subject: '268937402311049217',
      groups: ['engineering'],
    });
  });

  it('has nobody in a group when the application keeps roles out of ID tokens', async () => {
    zitadel.remote.person = { ...zitadel.remote.person, [rolesClaim]: undefined };
    expect((await zitadel.opened.logIn()).identity.groups).toEqual([]);
    const opened = zitadel.open({ ALLOWED_GROUPS: 'engineering' });
    expect(await refusalOf(opened.logIn())).toMatchObject({ code: 'access_denied', reason: 'group' });
  });

  it('takes no inherited member of the claim for a role', async () => {
    const opened = zitadel.open({ ALLOWED_GROUPS: 'constructor,toString' });
    expect(await refusalOf(opened.logIn())).toMatchObject({ code: 'access_denied', reason: 'group' });
  });

  it('finds a role that was taken away at the next refresh, and a person who was', async () => {
    const opened = zitadel.open({ ALLOWED_GROUPS: 'engineering' });
    const login = await opened.logIn();
    zitadel.remote.person = { ...zitadel.remote.person, [rolesClaim]: {} };
    expect(await opened.recheck(login)).toEqual({ outcome: 'gone', reason: 'group' });
    zitadel.remote.endSessions();
    expect(await opened.recheck({ ...login, refreshToken: 'another' })).toEqual({
      outcome: 'gone',
      reason: 'identity_gone',
    });
  });
});
