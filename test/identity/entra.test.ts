import { describe, expect, it, vi } from 'vitest';

import { becomeEntra } from '../support/identity/entra.ts';
import { refusalOf } from '../support/identity/opened-provider.ts';
import { startForEachTest } from '../support/identity/started-provider.ts';

/** What a token says of somebody in more than 200 groups. */
const overage = {
  groups: undefined,
  _claim_names: { groups: 'src1' },
  _claim_sources: { src1: { endpoint: 'https://graph.windows.net/tenant/users/x/getMemberObjects' } },
};

describe('IDP=entra', () => {
  const entra = startForEachTest(becomeEntra, () => ({ IDP: 'entra' }));

  it('asks for a refresh token, and for no resource', async () => {
    const { searchParams } = await entra.opened.authorizationUrl();
    expect(searchParams.get('scope')).toBe('openid email profile offline_access');
    expect(searchParams.has('resource')).toBe(false);
    expect((await entra.remote.logIn(await entra.opened.authorizationUrl())).has('code')).toBe(true);
  });

  it('logs in with the ids of groups, and with no address that nobody verified', async () => {
    expect((await entra.opened.logIn()).identity).toEqual({
      issuer: entra.remote.issuer,
      subject: 'AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ',
      email: undefined,
      name: 'Alice Example',
      groups: ['b6a3c0f5-0e0a-4a0b-8f0a-6d1f0a7d9f10'],
    });
    const opened = entra.open({ TRUST_UNVERIFIED_EMAIL: 'true' });
    expect((await opened.logIn()).identity.email).toBe('alice@example.com');
  });

  it('refuses a token of another tenant', async () => {
    const iss = entra.remote.issuer.replace('8eaef023', '00000000');
    entra.remote.misbehaviour = { issParameter: null, claims: { iss } };
    expect((await refusalOf(entra.opened.logIn())).reason).toBe('id_token_verification_failed');
  });

  it('refuses who is in none of ALLOWED_GROUPS, and who is in too many for the token to list', async () => {
    const opened = entra.open({ ALLOWED_GROUPS: 'b6a3c0f5-0e0a-4a0b-8f0a-6d1f0a7d9f10' });
    expect((await opened.logIn()).identity.groups).toHaveLength(1);
    entra.remote.person = {
      ...entra.remote.person,
      ...overage,
    };
    const refusal = { code: 'access_denied', reason: 'groups_unresolved' };
    expect(await refusalOf(opened.logIn())).toMatchObject(refusal);
    // Nor where no group is asked for: rules may keep members out.
    expect(await refusalOf(entra.open().logIn())).toMatchObject(refusal);
    expect(entra.opened.logged()).toContain('ENTRA_GRAPH_URL');
  });

  it('finds gone whose account is disabled, and nobody whose app has another secret', async () => {
    const login = await entra.opened.logIn();
    const common = { issParameter: null };
    entra.remote.misbehaviour = { ...common, refusesRefresh: { status: 401, error: 'invalid_client' } };
    expect(await entra.opened.recheck(login)).toEqual({ outcome: 'unanswered' });
    entra.remote.misbehaviour = { ...common, refusesRefresh: { status: 400, error: 'invalid_grant' } };
    expect(await entra.opened.recheck(login)).toEqual({ outcome: 'gone', reason: 'identity_gone' });
  });

  it('names the setting of another secret at the start', async () => {
    const opened = entra.open({ OIDC_CLIENT_SECRET: 'the-secret-id' });
    await vi.waitFor(() => expect(opened.logged()).toContain('idp_start_check_failed'));
    expect(opened.logged()).toContain('Secret ID');
    expect(opened.logged()).not.toContain('the-secret-id');
  });
});
