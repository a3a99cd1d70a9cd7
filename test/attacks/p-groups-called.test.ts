import { afterAll, afterEach, describe, expect, it } from 'vitest';

import { complaintsOf, withoutProvider } from '../support/configuration.ts';
import { startEnterpriseHouse, startEnterpriseIssuer } from '../support/enterprise-house.ts';
import { closeAuthority } from '../support/metadata-hosts.ts';

const closers: (() => unknown)[] = [];

afterAll(closeAuthority);
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

describe('P. groups in a spelling that their provider never uses', () => {
  const tenant = '8eaef023-2b34-4da1-9baa-8bc8c9d6a490';
  const providers = {
    google: {
      preset: 'google',
      google_hosted_domain: 'example.com',
      google_directory: 'groups',
      google_directory_admin: 'reader@example.com',
    },
    entra: { preset: 'entra', entra_tenant: tenant },
    github: { preset: 'github' },
  };
  type Name = keyof typeof providers;

  function complaints(names: readonly Name[], changes: { readonly mount?: object; readonly entry?: object }) {
    const own = { client_id: 'x', client_secret_file: 'secret' };
    const mount = { name: 'files', url: '/mcp', upstream: 'http://127.0.0.1:3000/mcp', ...changes.mount };
    const file = {
      identity_providers: names.map((name) => ({ name, ...own, ...providers[name] })),
      mounts: [mount],
      ...(changes.entry === undefined ? {} : { entry: changes.entry }),
    };
    return complaintsOf(withoutProvider, { 'gatehouse.yaml': JSON.stringify(file), secret: 'a secret' });
  }

  const wrong = [
    ['google', 'Contractors@Example.com'],
    ['google', 'contractors'],
    ['entra', tenant.toUpperCase()],
    ['entra', `{${tenant}}`],
    ['github', 'acme/Contractors'],
    ['github', '@acme'],
  ] as const;

  it.each(wrong)('attack 322: keep nobody out at %s, so that nothing starts with %s', (name, group) => {
    const deny = { name: 'no', deny: 'everything', to: { groups: [group] } };
    const exempt = { name: 'no', deny: 'everything', except: [{ groups: [group] }] };
    for (const kind of ['any', 'all', 'none']) {
      const entry = { groups: { [kind]: [group] } };
      expect(complaints([name], { entry })).toEqual([expect.stringContaining('entry has ')]);
      expect(complaints([name], { mount: { entry } })).toEqual([
        expect.stringContaining('mounts[0].entry has '),
      ]);
    }
    for (const rule of [deny, exempt]) {
      const mount = { policy: { default: 'allow', rules: [rule] } };
      expect(complaints([name], { mount })).toEqual([expect.stringMatching(/policy has .*the rule "no"/)]);
    }
  });

  it('attack 322: nor where they are named with the issuer of another provider than the first', () => {
    const issuer = `https://login.microsoftonline.com/${tenant}/v2.0`;
    const none = (group: string) => ({ entry: { groups: { none: [{ issuer, group }] } } });
    expect(complaints(['github', 'entra'], none(tenant.toUpperCase()))).toHaveLength(1);
    expect(complaints(['github', 'entra'], none(tenant))).toEqual([]);
  });

  it('attack 322: nor in ALLOWED_GROUPS, where they would let nobody in', () => {
    const entra = { IDP: 'entra', ENTRA_TENANT: tenant, OIDC_ISSUER_URL: undefined };
    const github = { IDP: 'github', OIDC_ISSUER_URL: undefined };
    expect(complaintsOf({ ...entra, ALLOWED_GROUPS: tenant.toUpperCase() })).toHaveLength(1);
    expect(complaintsOf({ ...github, ALLOWED_GROUPS: 'acme/Team' })).toHaveLength(1);
    expect(complaintsOf({ ...entra, ALLOWED_GROUPS: `${tenant},Contractors` })).toEqual([]);
    expect(complaintsOf({ ...github, ALLOWED_GROUPS: 'Acme/team-1' })).toEqual([]);
  });

  it.each([
    ['google', 'contractors@example.com'],
    ['entra', tenant],
    ['entra', 'Contractors'],
    ['github', 'Acme/contractors'],
  ] as const)('%s has groups called %s', (name, group) => {
    expect(complaints([name], { entry: { groups: { none: [group] } } })).toEqual([]);
  });
});

describe('P. groups that are found beside those of a claim', () => {
  it.each([
    [{ IDP: 'gitlab', GITLAB_GROUPS: 'inherited' }],
    [
      {
        IDP: 'entra',
        ENTRA_TENANT: '8eaef023-2b34-4da1-9baa-8bc8c9d6a490',
        ENTRA_GRAPH_URL: 'https://graph.microsoft.com',
      },
    ],
  ])('attack 321: are not lost where the claim lies within another (%j)', (env) => {
    const plain = { ...env, OIDC_ISSUER_URL: undefined };
    expect(complaintsOf({ ...plain, GROUPS_CLAIM: '/access/groups' })).toEqual([
      expect.stringContaining('GROUPS_CLAIM is a JSON pointer'),
    ]);
    expect(complaintsOf({ ...plain, GROUPS_CLAIM: 'access' })).toEqual([]);
    const {
      GITLAB_GROUPS: _groups,
      ENTRA_GRAPH_URL: _graph,
      ...alone
    } = { GITLAB_GROUPS: undefined, ENTRA_GRAPH_URL: undefined, ...plain };
    expect(complaintsOf({ ...alone, GROUPS_CLAIM: '/access/groups' })).toEqual([]);
  });

  it('attack 321: nor in an assertion', async () => {
    const issuer = await startEnterpriseIssuer();
    closers.push(() => issuer.close());
    const env = {
      IDP: 'gitlab',
      OIDC_ISSUER_URL: issuer.issuer,
      GITLAB_GROUPS: 'inherited',
    };
    const entry = { groups_claim: '/access/groups' };
    await expect(startEnterpriseHouse({ issuer, env, entry })).rejects.toThrow(
      'trusted_issuers[0] has a JSON pointer as groups_claim',
    );
  });
});
