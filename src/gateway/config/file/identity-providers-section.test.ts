import { describe, expect, it } from 'vitest';

import { load, problemsOf } from '../../../../test/support/configuration.ts';
import { joinConfigs, listLate } from '../reloadable.ts';

const changes = {
  GATEHOUSE_CONFIG: 'gatehouse.yaml',
  UPSTREAM_MCP_URL: undefined,
  OIDC_ISSUER_URL: undefined,
  OIDC_CLIENT_ID: undefined,
  OIDC_CLIENT_SECRET: undefined,
};
const corp = {
  name: 'corp',
  title: 'Example Corp',
  preset: 'keycloak',
  keycloak_url: 'https://login.test',
  keycloak_realm: 'main',
  client_id: 'gatehouse',
  client_secret_file: 'corp.secret',
};
const partner = {
  name: 'partner',
  issuer_url: 'https://partner.test/',
  client_id: 'mcp',
  client_secret_file: 'partner.secret',
};

function filesWith(providers: unknown, mount: object = {}): Record<string, string> {
  const mounts = [{ name: 'files', url: '/files/mcp', upstream: 'http://127.0.0.1:3000/mcp', ...mount }];
  return {
    'gatehouse.yaml': JSON.stringify({ identity_providers: providers, mounts }),
    'corp.secret': 'corp secret\n',
    'partner.secret': 'partner secret',
    'empty.secret': '',
  };
}

function complaints(providers: unknown, mount: object = {}, env: object = {}): readonly string[] {
  return problemsOf({ ...changes, ...env }, filesWith(providers, mount)).map(
    ({ variable, problem }) => `${variable} ${problem}`,
  );
}

const eventsOf = (providers: unknown, mount: object = {}): readonly string[] =>
  load(changes, filesWith(providers, mount)).warnings.map(({ event }) => event);

describe('identity_providers', () => {
  it('are the one of the environment by default', () => {
    const [only, ...others] = load({ ALLOWED_GROUPS: 'staff' }).identityProviders;
    expect(others).toEqual([]);
    expect(only).toMatchObject({ name: 'generic', preset: 'generic', allowedGroups: ['staff'] });
  });

  it('have what their presets say, under what they say themselves', () => {
    const { identityProviders, file } = load(
      { ...changes, IDP_EXCHANGE_RATE_PER_SEC: '5' },
      filesWith([
        { ...corp, allowed_groups: ['staff', 'mcp users'], groups_claim: '/roles' },
        { ...partner, scopes: ['openid', 'email'], trust_unverified_email: true },
      ]),
    );
    expect(identityProviders).toMatchObject([
      {
        name: 'corp',
        title: 'Example Corp',
        issuer: 'https://login.test/realms/main',
        clientSecret: 'corp secret',
        allowedGroups: ['staff', 'mcp users'],
        groupsClaim: '/roles',
        trustUnverifiedEmail: false,
        exchangeRatePerSecond: 5,
      },
      {
        name: 'partner',
        preset: 'generic',
        issuer: 'https://partner.test',
        clientId: 'mcp',
        clientSecret: 'partner secret',
        scopes: ['openid', 'email'],
        allowedGroups: [],
        groupsClaim: 'groups',
        trustUnverifiedEmail: true,
        exchangeRatePerSecond: 5,
      },
    ]);
    expect(identityProviders[1]?.title).not.toBe('');
    expect(file?.secretFiles).toEqual(['corp.secret', 'partner.secret']);
  });

  it.each([
    [{ name: 'Corp' }, 'identity_providers[1].name is no name'],
    [{ name: 'a/b' }, 'identity_providers[1].name is no name'],
    [{ name: 'corp' }, 'identity_providers[1].name is the name of another provider'],
    [{ client_secret: 'x' }, 'identity_providers[1].client_secret is no key that is known here'],
    [
      { client_secret_file: 'none.secret' },
      'identity_providers[1].client_secret_file names a file that cannot be read',
    ],
    [
      { client_secret_file: 'empty.secret' },
      'identity_providers[1].client_secret_file names a file that is empty',
    ],
    [{ issuer_url: undefined }, 'identity_providers[1].issuer_url is not set'],
    [{ issuer_url: 'login.test' }, 'identity_providers[1].issuer_url is not an http or https URL'],
    [
      { issuer_url: 'http://login.test' },
      'identity_providers[1].issuer_url is http on a host that is not loopback',
    ],
    [
      { issuer_url: 'https://LOGIN.test:443/realms/main/' },
      'identity_providers[1].issuer_url comes to the issuer of another provider',
    ],
    [{ preset: 'nobody' }, 'identity_providers[1].preset is no known identity provider'],
    [{ scopes: ['email'] }, 'identity_providers[1].scopes lacks the scope openid'],
    [
      { keycloak_realm: 'x' },
      'identity_providers[1].keycloak_realm is set, and preset is generic: it would have no effect',
    ],
    [
      { allow_insecure_http: true },
      'identity_providers[1].allow_insecure_http is true, which production mode refuses',
    ],
    [{ allow_insecure_http: 'yes' }, 'identity_providers[1].allow_insecure_http is not true or false'],
    [{ client_id: undefined }, 'identity_providers[1].client_id is missing'],
  ])('refuse %j', (entry, complaint) => {
    expect(complaints([corp, { ...partner, ...entry }])).toEqual([complaint]);
  });

  it('know this server each in a way of its own', () => {
    const { client_secret_file: _secret, ...bare } = partner;
    const certificate = {
      client_cert_file: 'c.pem',
      client_cert_key_file: 'k.pem',
      client_cert_hosts: ['mtls.test'],
    };
    const token = {
      client_token_source: 'azure',
      client_token_identity: '8eaef023-2b34-4da1-9baa-8bc8c9d6a490',
    };
    const { identityProviders } = load(
      changes,
      filesWith([
        corp,
        { ...bare, ...certificate },
        { ...bare, ...token, name: 'cloud', issuer_url: 'https://cloud.test' },
        { ...bare, client_token_path: '/token', name: 'pods', issuer_url: 'https://pods.test' },
      ]),
    );
    expect(identityProviders).toMatchObject([
      { clientSecret: 'corp secret', clientCertificate: undefined, clientToken: undefined },
      {
        clientSecret: '',
        clientCertificate: { files: { certFile: 'c.pem', keyFile: 'k.pem' }, hosts: ['mtls.test'] },
      },
      {
        clientToken: {
          source: 'azure',
          audience: 'api://AzureADTokenExchange',
          identity: '8eaef023-2b34-4da1-9baa-8bc8c9d6a490',
        },
      },
      { clientToken: { source: 'file', path: '/token' } },
    ]);
  });

  it('are told about two ways, or half a way, by the keys', () => {
    const both = complaints([corp, { ...partner, client_cert_file: 'c.pem' }]);
    expect(both).toEqual(['identity_providers[1].client_cert_file is set, and so is client_secret_file']);
    const { client_secret_file: _secret, ...bare } = partner;
    expect(complaints([corp, { ...bare, client_cert_key_file: 'k.pem' }])).toEqual([
      'identity_providers[1].client_secret_file is not set',
    ]);
    expect(complaints([corp, { ...partner, client_cert_hosts: 'mtls.test' }])).toEqual([
      'identity_providers[1].client_cert_hosts is set, and client_cert_file is not: it would have no effect',
    ]);
  });

  it('refuse a variable that describes another one', () => {
    expect(
      complaints([corp], {}, { OIDC_CLIENT_SECRET_FILE: 'corp.secret', ALLOWED_GROUPS: 'staff' }),
    ).toEqual([
      'OIDC_CLIENT_SECRET_FILE is set, and the configuration file has identity_providers',
      'ALLOWED_GROUPS is set, and the configuration file has identity_providers',
    ]);
  });

  it('are what mounts may name', () => {
    const { mounts } = load(changes, filesWith([corp, partner], { identity_providers: ['corp'] }));
    expect(mounts[0].identityProviders).toEqual(['corp']);
    expect(complaints([corp], { identity_providers: ['corp', 'partner'] })).toEqual([
      'mounts[0].identity_providers[1] is no identity provider',
    ]);
  });

  it('are none at a mount that takes the tokens of somebody else', () => {
    const accepts = { jwt: { issuer: 'https://login.test/realms/main' } };
    expect(complaints([corp], { accepts, identity_providers: ['corp'] })).toEqual([
      'mounts[0].identity_providers is there, and the mount accepts tokens of another issuer',
    ]);
    expect(eventsOf([corp, partner], { accepts })).not.toContain('identity_providers_mixed');
  });

  it('refuse a policy that names subjects of nobody knows which', () => {
    const policy = {
      default: 'deny',
      rules: [{ name: 'her', allow: 'everything', to: { subjects: ['alice'] } }],
    };
    expect(complaints([corp, partner], { policy })).toHaveLength(1);
    expect(complaints([corp, partner], { policy })[0]).toContain(
      'policy names subjects without their issuer',
    );
    expect(complaints([corp, partner], { policy, identity_providers: ['corp'] })).toEqual([]);
  });

  it('refuse a policy that goes by addresses which one of them does not verify', () => {
    const policy = {
      default: 'deny',
      rules: [{ name: 'her', allow: 'everything', to: { emails: ['a@example.com'] } }],
    };
    expect(complaints([corp, { ...partner, trust_unverified_email: true }], { policy })[0]).toContain(
      'mounts[0].policy goes by e-mail addresses',
    );
  });

  it('are warned about where their people meet at a mount that tells its upstream who calls', () => {
    expect(eventsOf([corp, partner])).toContain('identity_providers_mixed');
    expect(eventsOf([corp, partner], { identity_providers: ['corp'] })).not.toContain(
      'identity_providers_mixed',
    );
    expect(eventsOf([corp, partner], { identity_headers: false })).not.toContain('identity_providers_mixed');
  });

  it('wait for a restart, and so does a mount for the people of a new one', () => {
    const initial = load(changes, filesWith([corp]));
    const next = load(changes, filesWith([corp, partner]));
    expect(listLate(initial, next)).toEqual(['identity_providers']);
    expect(joinConfigs(initial, next).identityProviders).toEqual(initial.identityProviders);
    const fixed = load(changes, filesWith([corp, partner], { identity_providers: ['partner'] }));
    expect(() => joinConfigs(initial, fixed)).toThrow('was not there at the start');
  });
});
