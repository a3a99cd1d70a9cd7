import { describe, expect, it } from 'vitest';

import { complaintsOf, load, problemsOf } from '../../../test/support/configuration.ts';
import { ConfigError } from './load-config.ts';
import { joinConfigs } from './reloadable.ts';

const foreign = `
  - name: notes
    url: /notes
    upstream: http://127.0.0.1:3001/mcp
    accepts: { jwt: { issuer: "https://login.test" } }
`;
const own = '  - { name: own, url: /own, upstream: "http://127.0.0.1:3002/mcp" }\n';

const withoutProvider = {
  UPSTREAM_MCP_URL: undefined,
  OIDC_ISSUER_URL: undefined,
  OIDC_CLIENT_ID: undefined,
  OIDC_CLIENT_SECRET: undefined,
  GATEHOUSE_CONFIG: '/g.yaml',
};

const file = (mounts: string, more = '') => ({ '/g.yaml': `mounts:${mounts}${more}` });

describe('a configuration without an identity provider', () => {
  it('is good where every mount accepts tokens of another issuer', () => {
    const config = load(withoutProvider, file(foreign));

    expect(config.identityProviders).toEqual([]);
    expect(config.issuesTokens).toBe(false);
    expect(config.warnings).toEqual([]);
  });

  it('is refused for a mount that takes tokens of ours, which is named', () => {
    expect(complaintsOf(withoutProvider, file(foreign + own))).toEqual([
      'mounts[1] takes tokens of ours, and there is no identity provider to log in at',
    ]);
    expect(problemsOf(withoutProvider, file(foreign + own))[0]?.place).toMatchObject({ line: 6 });
  });

  it('is refused as ever where no mount accepts tokens of another issuer', () => {
    expect(complaintsOf(withoutProvider, file(`\n${own}`))).toEqual([
      'OIDC_CLIENT_ID is not set',
      'OIDC_CLIENT_SECRET is not set',
      'OIDC_ISSUER_URL is not set',
    ]);
  });

  it('is told of what is wrong with its mounts, and not of a provider', () => {
    const misspelt = foreign.replace('upstream:', 'upstrem:');
    const complaints = complaintsOf(withoutProvider, file(misspelt));

    expect(complaints.length).toBeGreaterThan(0);
    expect(complaints.filter((text) => text.includes('OIDC'))).toEqual([]);
  });

  it.each(['IDP', 'OIDC_ISSUER_URL', 'OIDC_CLIENT_ID', 'OIDC_CLIENT_SECRET'])(
    'is half a one with %s, and refused',
    (name) => {
      const value = name === 'IDP' ? 'keycloak' : 'https://login.test';
      expect(complaintsOf({ ...withoutProvider, [name]: value }, file(foreign))).not.toEqual([]);
    },
  );

  it('is refused where it says something of the people of one: it would restrict nobody', () => {
    const changes = { ...withoutProvider, ALLOWED_GROUPS: 'staff', GOOGLE_HOSTED_DOMAIN: 'example.com' };
    expect(complaintsOf(changes, file(foreign)).toSorted()).toEqual([
      'ALLOWED_GROUPS is set, and there is no identity provider',
      'GOOGLE_HOSTED_DOMAIN is set, and there is no identity provider',
    ]);
    const written = file(foreign, 'settings: { ALLOWED_GROUPS: [staff] }');
    expect(complaintsOf(withoutProvider, written)).toEqual([
      'settings.ALLOWED_GROUPS is set, and there is no identity provider',
    ]);
    expect(load({ ...withoutProvider, TRUST_UNVERIFIED_EMAIL: 'false' }, file(foreign)).mounts).toHaveLength(
      1,
    );
  });

  it('needs a secret for sessions alone', () => {
    const secretless = { ...withoutProvider, TOKEN_SIGNING_SECRET: undefined };

    expect(complaintsOf(secretless, file(foreign))).toEqual(['TOKEN_SIGNING_SECRET is not set']);
    expect(load({ ...secretless, SESSION_BINDING: 'off' }, file(foreign)).sealing).toEqual({
      kind: 'none',
    });
    const provided = { ...secretless, ...described, SESSION_BINDING: 'off' };
    expect(complaintsOf(provided, file(foreign))).toEqual(['TOKEN_SIGNING_SECRET is not set']);
  });

  it('says what in it has no effect', () => {
    const more = 'trusted_issuers: [{ issuer: "https://idp.test", clients: [app] }]\n';
    const { warnings } = load({ ...withoutProvider, DEVICE_AUTHORIZATION: 'on' }, file(foreign, more));
    const unused = warnings.filter(({ event }) => event === 'token_issuing_unused');

    expect(unused.map(({ message }) => message.split(' ')[0])).toEqual([
      'trusted_issuers',
      'DEVICE_AUTHORIZATION',
    ]);
  });
});

const described = {
  OIDC_ISSUER_URL: 'https://login.test',
  OIDC_CLIENT_ID: 'gatehouse',
  OIDC_CLIENT_SECRET: 'client-secret',
};

describe('a reload without an identity provider', () => {
  const initial = load(withoutProvider, file(foreign));

  it('goes over to other mounts of its kind', () => {
    const other = load(withoutProvider, file(foreign.replaceAll('notes', 'other')));
    expect(joinConfigs(initial, other).mounts).toEqual(other.mounts);
  });

  it('refuses a mount that takes tokens of ours, also with a provider beside it', () => {
    const next = load({ ...withoutProvider, ...described }, file(foreign + own));

    expect(() => joinConfigs(initial, next)).toThrow(ConfigError);
    expect(() => joinConfigs(initial, next)).toThrow(/^mounts\[1\] takes tokens of ours/);
  });

  it('keeps the provider that was there at the start, and what it is good for', () => {
    const before = load({ ...withoutProvider, ...described }, file(`\n${own}`));
    const joined = joinConfigs(before, initial);

    expect(joined.issuesTokens).toBe(true);
    expect(joined.identityProviders).toEqual(before.identityProviders);
  });
});
