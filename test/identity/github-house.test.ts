import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { refresh, signIn, type Tokens } from '../support/flow.ts';
import { createTestGatehouse, type TestGatehouse } from '../support/gatehouse.ts';
import { SimulatedGitHub } from '../support/identity/github.ts';
import { openProvider, type OpenedProvider } from '../support/identity/opened-provider.ts';

describe('a gatehouse whose people log in at GitHub', () => {
  let gatehouse: TestGatehouse;
  let github: SimulatedGitHub;
  let opened: OpenedProvider;

  beforeEach(async () => {
    gatehouse = await createTestGatehouse();
    github = await SimulatedGitHub.start();
    opened = openProvider(github, gatehouse.clock, { IDP: 'github', ALLOWED_GROUPS: 'acme/engineering' });
    Object.assign(gatehouse.identityProvider, opened.provider);
  });
  afterEach(async () => {
    opened.provider.close();
    await gatehouse.close();
    await github.close();
  });

  const enter = (): Promise<Tokens> => signIn(gatehouse, { logIn: (url) => github.logIn(url) });

  async function refreshed({ client, refreshToken }: Tokens): Promise<{ status: number; error?: string }> {
    const response = await refresh(gatehouse, client.clientId, refreshToken);
    const { error } = (await response.json()) as { error?: string };
    return { status: response.status, ...(error === undefined ? {} : { error }) };
  }

  it('lets a member of the team in, and on for as long as GitHub vouches for them', async () => {
    const tokens = await enter();
    expect(await refreshed(tokens)).toEqual({ status: 200 });
    expect(github.requests.filter((path) => path === '/api/v3/user')).toHaveLength(2);
  });

  it('shows the token of GitHub to nobody', async () => {
    const tokens = await enter();
    expect(gatehouse.logged() + opened.logged() + tokens.accessToken + tokens.refreshToken).not.toContain(
      'gho_',
    );
  });

  it.each([
    ['disconnects the app', () => github.revokeTokens()],
    ['is suspended', () => (github.suspended = true)],
    ['leaves the team', () => (github.person = { ...github.person, teams: [] })],
  ])('ends the grant of somebody who %s', async (_what, leave) => {
    const tokens = await enter();
    leave();
    expect(await refreshed(tokens)).toEqual({ status: 400, error: 'invalid_grant' });
    expect(gatehouse.events.some(({ type }) => type === 'grant_revoked')).toBe(true);
  });

  it('overlooks an hour in which GitHub says nothing of people, and no more', async () => {
    const tokens = await enter();
    github.misbehaviour = { api: 'rate-limited' };
    expect(await refreshed(tokens)).toEqual({ status: 200 });
  });

  it('lets nobody in who is not of the team: no code, no grant', async () => {
    github.person = { ...github.person, teams: ['acme/sales'] };
    await expect(enter()).rejects.toThrow(/callback sent no code: .*error=access_denied/);
    expect(gatehouse.events.some(({ type }) => type === 'login_succeeded')).toBe(false);
  });
});
