import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { becomeEntra } from '../support/identity/entra.ts';
import { SimulatedGraph } from '../support/identity/graph.ts';
import { refusalOf, type OpenedProvider } from '../support/identity/opened-provider.ts';
import { startForEachTest } from '../support/identity/started-provider.ts';

const wanted = 'b6a3c0f5-0e0a-4a0b-8f0a-6d1f0a7d9f10';
const ruled = 'c7b4d1a6-1f1b-4b1c-9a1b-7e2a1b8eaf21';

describe('IDP=entra with ENTRA_GRAPH_URL', () => {
  const entra = startForEachTest(becomeEntra, () => ({ IDP: 'entra' }));
  let graph: SimulatedGraph;

  beforeEach(async () => {
    graph = await SimulatedGraph.start();
    graph.groups = [...crowd(1_500), wanted];
    becomeCrowded({ _claim_names: { groups: 'src1' } });
  });
  afterEach(() => graph.close());

  function crowd(size: number): string[] {
    return Array.from(
      { length: size },
      (_, index) => `00000000-0000-0000-0000-${String(index).padStart(12, '0')}`,
    );
  }

  function becomeCrowded(sign: Record<string, unknown>): void {
    entra.remote.person = { ...entra.remote.person, groups: undefined, ...sign };
  }

  const open = (env: Record<string, string> = {}): OpenedProvider =>
    entra.open({ ENTRA_GRAPH_URL: graph.url, ALLOWED_GROUPS: wanted, ...env });

  it('asks for the permission to read what it reads', async () => {
    const { searchParams } = await open().authorizationUrl();
    expect(searchParams.get('scope')).toBe(`openid email profile offline_access ${graph.url}/User.Read`);
  });

  it.each([
    ['_claim_names', { _claim_names: { groups: 'src1' } }],
    ['hasgroups', { hasgroups: true }],
    ['hasgroups as text', { hasgroups: 'true' }],
  ])('finds the groups of whom the token has too many (%s), over pages', async (_what, sign) => {
    becomeCrowded({ _claim_names: undefined, ...sign });
    expect((await open().logIn()).identity.groups).toEqual([wanted]);
    expect(graph.requests).toHaveLength(2);
    expect(graph.requests.map(({ authorization }) => authorization)).toEqual(
      Array.from({ length: 2 }, () => 'Bearer provider-access-token'),
    );
  });

  it('keeps groups that rules name, and takes no directory role for a group', async () => {
    graph.groups = [ruled];
    graph.otherMemberships = [{ '@odata.type': '#microsoft.graph.directoryRole', id: wanted }];
    const opened = entra.open({ ENTRA_GRAPH_URL: graph.url, ENTRA_GRAPH_GROUPS: `${ruled},${wanted}` });
    expect((await opened.logIn()).identity.groups).toEqual([ruled]);
  });

  it('lets nobody in whom Graph knows in other groups', async () => {
    graph.groups = crowd(300);
    expect(await refusalOf(open().logIn())).toMatchObject({ code: 'access_denied', reason: 'group' });
  });

  it('asks Graph about nobody whose token has the groups', async () => {
    becomeCrowded({ groups: [wanted], _claim_names: undefined });
    expect((await open().logIn()).identity.groups).toEqual([wanted]);
    becomeCrowded({ _claim_names: { address: 'src1' } });
    expect((await refusalOf(open().logIn())).reason).toBe('group');
    expect(graph.requests).toEqual([]);
  });

  it.each(['denied', 'throttled', 'down', 'page', 'shape', 'leads-elsewhere', 'endless'] as const)(
    'refuses the login, rather than see no groups, where Graph is %s',
    async (misbehaviour) => {
      graph.misbehaviour = misbehaviour;
      const opened = open();
      expect(await refusalOf(opened.logIn())).toMatchObject({
        code: 'server_error',
        reason: 'groups_unresolved',
        status: 502,
      });
      expect(opened.logged()).toContain('User.Read');
      expect(opened.logged()).not.toMatch(/CANARY|provider-access-token/);
      expect(graph.requests.length).toBeLessThanOrEqual(20);
    },
  );

  it('sends the token nowhere else, whatever a page names as the next', async () => {
    const thief = await SimulatedGraph.start();
    graph.misbehaviour = 'leads-elsewhere';
    graph.elsewhere = thief.url;
    const refusal = await refusalOf(open().logIn());
    await thief.close();
    expect(refusal.reason).toBe('groups_unresolved');
    expect(thief.requests).toEqual([]);
  });

  it('refuses an access token that the ID token does not name before Graph sees it', async () => {
    becomeCrowded({ _claim_names: { groups: 'src1' }, at_hash: 'of-another-token' });
    expect((await refusalOf(open().logIn())).reason).toBe('id_token_verification_failed');
    expect(graph.requests).toEqual([]);
  });

  it('asks again at a recheck, and finds gone who has left the group', async () => {
    const opened = open();
    const login = await opened.logIn();
    expect(await opened.recheck(login)).toMatchObject({ outcome: 'present', identity: { groups: [wanted] } });
    graph.groups = crowd(300);
    expect(await opened.recheck(login)).toEqual({ outcome: 'gone', reason: 'group' });
  });

  it('has no answer at a recheck while Graph has none, and leaves Entra itself unpaused', async () => {
    const opened = open();
    const login = await opened.logIn();
    graph.misbehaviour = 'throttled';
    for (let count = 0; count < 4; count += 1) {
      expect(await opened.recheck(login)).toEqual({ outcome: 'unanswered' });
    }
    graph.misbehaviour = 'none';
    expect(await opened.recheck(login)).toMatchObject({ outcome: 'present' });
  });

  it('finds gone at a recheck who has come into too many groups where Graph may not be asked', async () => {
    becomeCrowded({ groups: [wanted], _claim_names: undefined });
    const opened = entra.open({ ALLOWED_GROUPS: wanted });
    const login = await opened.logIn();
    becomeCrowded({ _claim_names: { groups: 'src1' } });
    expect(await opened.recheck(login)).toEqual({ outcome: 'gone', reason: 'group' });
  });

  it.each([
    'https://graph.microsoft.com.evil.example',
    'https://evil.example',
    'http://graph.microsoft.com',
    'https://graph.microsoft.com/',
  ])('sends nobody’s token to %s', (url) => {
    expect(() => open({ ENTRA_GRAPH_URL: url })).toThrow(/^ENTRA_GRAPH_URL is not/);
  });
});
