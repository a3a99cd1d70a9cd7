import { describe, expect, it, vi } from 'vitest';

import { complaintsOf, load, warningsOf } from '../support/configuration.ts';
import { becomeGitLab } from '../support/identity/gitlab.ts';
import { refusalOf } from '../support/identity/opened-provider.ts';
import { startForEachTest } from '../support/identity/started-provider.ts';

describe('IDP=gitlab', () => {
  const gitlab = startForEachTest(becomeGitLab, ({ origin }) => ({
    IDP: 'gitlab',
    OIDC_ISSUER_URL: undefined,
    GITLAB_URL: `${origin}/`,
  }));

  it('is gitlab.com unless told otherwise, and warns that anybody has an account there', () => {
    const changes = { IDP: 'gitlab', OIDC_ISSUER_URL: undefined };
    expect(load(changes).identityProviders[0]?.issuer).toBe('https://gitlab.com');
    expect(warningsOf(changes)).toContain('idp_open_to_strangers');
    expect(warningsOf({ ...changes, ALLOWED_GROUPS: 'example' })).not.toContain('idp_open_to_strangers');
    const own = { ...changes, GITLAB_URL: 'https://gitlab.example.com' };
    expect(warningsOf(own)).not.toContain('idp_open_to_strangers');
  });

  it('logs in with the groups that a person is a direct member of', async () => {
    const { searchParams } = await gitlab.opened.authorizationUrl();
    expect(searchParams.get('scope')).toBe('openid email profile');
    expect((await gitlab.opened.logIn()).identity).toMatchObject({
      subject: '4711',
      groups: ['example', 'example/mcp'],
    });
  });

  it.each([
    ['example/mcp', undefined],
    ['mcp', 'group'],
  ])('with ALLOWED_GROUPS=%s ends with the refusal %s', async (groups, reason) => {
    const outcome = gitlab.open({ ALLOWED_GROUPS: groups }).logIn();
    if (reason === undefined) expect((await outcome).identity.groups).toContain(groups);
    else expect(await refusalOf(outcome)).toMatchObject({ code: 'access_denied', reason });
  });

  describe('with GITLAB_GROUPS=inherited', () => {
    const openInherited = (groups: string) =>
      gitlab.open({ GITLAB_GROUPS: 'inherited', ALLOWED_GROUPS: groups });

    it('counts a member of a group as one of those below it', async () => {
      const outcome = await openInherited('example/mcp/readers').logIn();
      expect(outcome.identity.groups).toEqual(['example', 'example/mcp', 'example/mcp/readers']);
      gitlab.remote.person = { ...gitlab.remote.person, groups_direct: ['example'] };
      expect((await openInherited('example/ops').logIn()).identity.groups).toEqual([
        'example',
        'example/ops',
      ]);
    });

    it.each(['examples', 'example-evil/mcp', 'Example/mcp', 'evil/example', 'mcp'])(
      'counts nobody as one of %s',
      async (groups) => {
        const outcome = openInherited(groups).logIn();
        expect(await refusalOf(outcome)).toMatchObject({ code: 'access_denied', reason: 'group' });
      },
    );

    it('finds gone who has left the group above', async () => {
      const opened = openInherited('example/mcp/readers');
      const login = await opened.logIn();
      const answer = await opened.recheck(login);
      expect(answer).toMatchObject({
        outcome: 'present',
        identity: { groups: ['example', 'example/mcp', 'example/mcp/readers'] },
      });
      gitlab.remote.person = { ...gitlab.remote.person, groups_direct: ['example-evil'] };
      const refreshToken = answer.outcome === 'present' ? answer.refreshToken : '';
      expect(await opened.recheck({ ...login, refreshToken })).toEqual({ outcome: 'gone', reason: 'group' });
    });

    it('has two values', () => {
      expect(complaintsOf({ IDP: 'gitlab', OIDC_ISSUER_URL: undefined, GITLAB_GROUPS: 'all' })).toHaveLength(
        1,
      );
      expect(complaintsOf({ GITLAB_GROUPS: 'inherited' })[0]).toContain(
        'GITLAB_GROUPS is set, and IDP is generic',
      );
    });
  });

  it('knows the direct groups alone otherwise', async () => {
    gitlab.remote.person = { ...gitlab.remote.person, groups_direct: ['example'] };
    const outcome = gitlab.open({ ALLOWED_GROUPS: 'example/mcp' }).logIn();
    expect(await refusalOf(outcome)).toMatchObject({ code: 'access_denied', reason: 'group' });
    expect(gitlab.open({ GITLAB_GROUPS: 'direct' })).toBeDefined();
  });

  it('asks again with the token that replaced the last one, until the account is blocked', async () => {
    const login = await gitlab.opened.logIn();
    const answer = await gitlab.opened.recheck(login);
    expect(answer).toMatchObject({ outcome: 'present', identity: login.identity });
    expect(answer).not.toMatchObject({ refreshToken: login.refreshToken });
    gitlab.remote.endSessions();
    const refreshToken = answer.outcome === 'present' ? answer.refreshToken : '';
    expect(await gitlab.opened.recheck({ ...login, refreshToken })).toEqual({
      outcome: 'gone',
      reason: 'identity_gone',
    });
  });

  it('names the setting of another secret at the start', async () => {
    const opened = gitlab.open({ OIDC_CLIENT_SECRET: 'wrong' });
    await vi.waitFor(() => expect(opened.logged()).toContain('idp_start_check_failed'));
    expect(opened.logged()).toContain('Application ID');
  });
});
