import { describe, expect, it, vi } from 'vitest';

import { becomeKeycloak } from '../support/identity/keycloak.ts';
import { refusalOf } from '../support/identity/opened-provider.ts';
import { startForEachTest } from '../support/identity/started-provider.ts';

describe('IDP=keycloak', () => {
  const keycloak = startForEachTest(becomeKeycloak, ({ origin }) => ({
    IDP: 'keycloak',
    OIDC_ISSUER_URL: undefined,
    KEYCLOAK_URL: `${origin}/`,
    KEYCLOAK_REALM: 'main',
  }));

  it('finds the realm and asks for an offline session', async () => {
    const url = await keycloak.opened.authorizationUrl();
    expect(url.pathname).toBe('/realms/main/protocol/openid-connect/auth');
    expect(url.searchParams.get('scope')).toBe('openid email profile offline_access');
  });

  it('logs in with the groups of the mapper, by their paths', async () => {
    const { identity } = await keycloak.opened.logIn();
    expect(identity).toMatchObject({
      issuer: keycloak.remote.issuer,
      email: 'alice@example.com',
      groups: ['/engineering', '/engineering/mcp'],
    });
  });

  it.each([
    ['/engineering/mcp', undefined],
    ['engineering', 'group'],
    ['/sales', 'group'],
  ])('with ALLOWED_GROUPS=%s ends with the refusal %s', async (groups, reason) => {
    const opened = keycloak.open({ ALLOWED_GROUPS: groups });
    const outcome = opened.logIn();
    if (reason === undefined) expect((await outcome).identity.groups).toContain(groups);
    else expect(await refusalOf(outcome)).toMatchObject({ code: 'access_denied', reason });
  });

  it('asks again with the token that replaced the last one', async () => {
    const login = await keycloak.opened.logIn();
    const answer = await keycloak.opened.recheck(login);
    expect(answer).toMatchObject({ outcome: 'present', identity: login.identity });
    expect(answer).not.toMatchObject({ refreshToken: login.refreshToken });
  });

  it('finds gone who was disabled or logged out', async () => {
    const login = await keycloak.opened.logIn();
    keycloak.remote.endSessions();
    expect(await keycloak.opened.recheck(login)).toEqual({ outcome: 'gone', reason: 'identity_gone' });
  });

  it('finds nobody gone because our own secret was changed', async () => {
    const login = await keycloak.opened.logIn();
    keycloak.remote.misbehaviour = { refusesRefresh: { status: 401, error: 'unauthorized_client' } };
    expect(await keycloak.opened.recheck(login)).toEqual({ outcome: 'unanswered' });
  });

  describe('the start', () => {
    it('names the setting of another secret', async () => {
      const opened = keycloak.open({ OIDC_CLIENT_SECRET: 'wrong' });
      await vi.waitFor(() => expect(opened.logged()).toContain('idp_start_check_failed'));
      expect(opened.logged()).toContain('Client authentication');
    });

    it('names the realm when there is none of that name', async () => {
      const opened = keycloak.open({ KEYCLOAK_REALM: 'Main' });
      await vi.waitFor(() => expect(opened.logged()).toContain('oidc_discovery_retry'));
      expect(opened.logged()).toContain('KEYCLOAK_REALM');
    });

    it('names the hostname when Keycloak takes another for its own', async () => {
      keycloak.remote.misbehaviour = { metadata: { issuer: 'https://keycloak.internal/realms/main' } };
      const opened = keycloak.open();
      await vi.waitFor(() => expect(opened.logged()).toContain('oidc_discovery_retry'));
      expect(opened.logged()).toContain('Frontend URL');
    });
  });
});
