import { describe, expect, it } from 'vitest';

import { complaintsOf } from '../support/configuration.ts';
import { becomeAuthentik } from '../support/identity/authentik.ts';
import { refusalOf } from '../support/identity/opened-provider.ts';
import { startForEachTest } from '../support/identity/started-provider.ts';

describe('IDP=authentik', () => {
  const authentik = startForEachTest(becomeAuthentik, ({ origin }) => ({
    IDP: 'authentik',
    OIDC_ISSUER_URL: undefined,
    AUTHENTIK_URL: origin,
    AUTHENTIK_APPLICATION: 'gatehouse',
  }));

  it('needs to be told where, and which application', () => {
    expect(complaintsOf({ IDP: 'authentik', OIDC_ISSUER_URL: undefined })).toEqual([
      'AUTHENTIK_URL is not set, and IDP=authentik needs it',
      'AUTHENTIK_APPLICATION is not set, and IDP=authentik needs it',
    ]);
  });

  it('logs in where the issuer ends with a slash', async () => {
    const url = await authentik.opened.authorizationUrl();
    expect(url.pathname).toBe('/application/o/authorize/');
    expect(url.searchParams.get('scope')).toBe('openid email profile offline_access');
    expect((await authentik.opened.logIn()).identity).toMatchObject({
      issuer: `${authentik.remote.origin}/application/o/gatehouse/`,
      groups: ['engineering', 'authentik Admins'],
    });
  });

  it('refuses an address that is said to be unverified, and names the mapping', async () => {
    authentik.remote.person = { ...authentik.remote.person, email_verified: false };
    const { opened } = authentik;
    expect(await refusalOf(opened.logIn())).toMatchObject({
      code: 'access_denied',
      reason: 'email_unverified',
    });
    expect(opened.logged()).toContain('Property Mappings');
  });

  it('refuses who is in none of ALLOWED_GROUPS', async () => {
    const opened = authentik.open({ ALLOWED_GROUPS: 'sales' });
    expect(await refusalOf(opened.logIn())).toMatchObject({ code: 'access_denied', reason: 'group' });
  });

  it('finds gone who was deactivated', async () => {
    const login = await authentik.opened.logIn();
    expect(await authentik.opened.recheck(login)).toMatchObject({ outcome: 'present' });
    authentik.remote.endSessions();
    expect(await authentik.opened.recheck({ ...login, refreshToken: 'another' })).toEqual({
      outcome: 'gone',
      reason: 'identity_gone',
    });
  });
});
