import { describe, expect, it, vi } from 'vitest';

import { createSelfSigned } from '../support/certificates.ts';
import { complaintsOf } from '../support/configuration.ts';
import { becomeEntra, registerCertificate } from '../support/identity/entra.ts';
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

  describe('with a certificate in place of the secret', () => {
    const pair = createSelfSigned('rsa:2048');
    const other = createSelfSigned('rsa:2048');
    const withKey = (text: string) => ({ OIDC_CLIENT_SECRET: undefined, OIDC_CLIENT_KEY: text });

    it('signs as Entra wants it, and names the certificate', async () => {
      const headers = registerCertificate(entra.remote, pair.cert, entra.clock);
      const opened = entra.open(withKey(pair.key + pair.cert));
      const login = await opened.logIn();
      expect(await opened.recheck(login)).toMatchObject({ outcome: 'present' });
      for (const header of headers) expect(Object.keys(header).toSorted()).toEqual(['alg', 'x5t#S256']);
    });

    it('is refused with the certificate of another app, and says what to do', async () => {
      registerCertificate(entra.remote, pair.cert, entra.clock);
      const opened = entra.open(withKey(other.cert + other.key));
      expect((await refusalOf(opened.logIn())).cause).toMatchObject({ code: 'invalid_client' });
      expect(opened.logged()).toContain('register the public key of OIDC_CLIENT_KEY, or its certificate');
      expect(opened.logged()).not.toContain('Secret ID');
    });

    it.each([
      ['a key without one', pair.key, 'has no certificate beside it'],
      ['a key of a curve', createSelfSigned('ec').key, 'is no RSA key'],
      [
        'the certificate of another key',
        pair.key + other.cert,
        'has the certificate of another key beside it',
      ],
    ])('refuses %s at the start', (_what, text, problem) => {
      const tenant = { IDP: 'entra', ENTRA_TENANT: '8eaef023-2b34-4da1-9baa-8bc8c9d6a490' };
      const complaints = complaintsOf({ ...tenant, OIDC_ISSUER_URL: undefined, ...withKey(text) });
      expect(complaints).toHaveLength(1);
      expect(complaints[0]).toContain(`OIDC_CLIENT_KEY ${problem}`);
    });
  });
});
