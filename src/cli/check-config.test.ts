import { describe, expect, it } from 'vitest';

import { load } from '../../test/support/configuration.ts';
import { checkConfig } from './check-config.ts';

const secrets = {
  OIDC_CLIENT_SECRET: 'canary-client-secret',
  TOKEN_SIGNING_SECRET: 'canary-active-secret-Ab1Cd2Ef3Gh4',
  TOKEN_SIGNING_SECRETS_PREVIOUS: 'canary-previous-secret-Ab1Cd2Ef3Gh4',
  UPSTREAM_AUTHORIZATION_HEADER: 'Bearer canary-upstream',
};

describe('checkConfig', () => {
  it.each([true, false])('shows no secret of a good configuration (json: %s)', (json) => {
    const report = checkConfig(() => load(secrets), { json });
    expect(report.ok).toBe(true);
    expect(report.text).not.toContain('canary');
  });

  it.each([true, false])('shows no secret of a bad configuration (json: %s)', (json) => {
    const broken = {
      ...secrets,
      TOKEN_SIGNING_SECRET: 'canary',
      UPSTREAM_AUTHORIZATION_HEADER: 'canary\n',
      REDIS_URL: 'redis://:canary@localhost',
    };
    const report = checkConfig(() => load(broken), { json });
    expect(report.ok).toBe(false);
    expect(report.text).toContain('TOKEN_SIGNING_SECRET');
    expect(report.text).not.toContain('canary');
  });

  it('says what is unusual in words', () => {
    const { text } = checkConfig(
      () =>
        load({
          PROD_MODE: 'false',
          STORE_PATH: ':memory:',
          CLIENT_REGISTRATION_TTL: '90m',
          MCP_PER_SUBJECT_CONCURRENCY: '0',
          TRUST_PROXY_HEADERS: 'true',
          ALLOWED_REDIRECT_SCHEMES: 'none',
        }),
      { json: false },
    );
    for (const line of ['development', 'memory', 'end after 5400s', 'no limit', 'everybody', 'none']) {
      expect(text).toContain(line);
    }
    expect(text).toContain('every account of the identity provider');
  });

  it.each([
    [{ GOOGLE_DIRECTORY_ADMIN: 'reader@example.com' }, 'reader@example.com', 'the metadata server'],
    [{ GOOGLE_WORKLOAD_CREDENTIALS_PATH: '/google.json' }, 'a service account', '/google.json'],
  ])('says how the directory is read', (env, who, way) => {
    const google = { IDP: 'google', OIDC_ISSUER_URL: undefined, GOOGLE_HOSTED_DOMAIN: 'example.com' };
    const { text } = checkConfig(() => load({ ...google, GOOGLE_DIRECTORY: 'nested', ...env }), {
      json: false,
    });
    expect(text).toContain(`asked for nested, read as ${who} by way of ${way}`);
  });

  it('says of a file what is in it, each mount in one line', () => {
    const file = `
mounts:
  - name: files
    url: /files
    upstream: https://127.0.0.1:3001/mcp
    upstream_authorization_file: /secret
    tls: { ca_file: /ca.pem, certificate_file: /c.pem, key_file: /c.pem }
    allowed_origins: [https://app.test]
    entry: { groups: { any: [staff] }, domains: { deny: [partner.test] } }
    policy:
      default: deny
      rules:
        - { name: readers, allow: everything }
  - name: search
    url: https://search.test/mcp
    upstream: http://127.0.0.1:3002/mcp
clients:
  - client_id: batch
    name: Batch
    token_endpoint_auth_method: none
    redirect_uris: ["http://127.0.0.1/callback"]
trusted_issuers:
  - { issuer: "https://idp.test", jwks_uri: "https://idp.test/keys", clients: [batch] }
`;
    const { text } = checkConfig(
      () =>
        load(
          { UPSTREAM_MCP_URL: undefined, GATEHOUSE_CONFIG: '/g.yaml' },
          { '/g.yaml': file, '/secret': 'Bearer canary' },
        ),
      { json: false },
    );
    expect(text.split('\n').map((line) => line.trim().replace(/ {2,}/, ': '))).toEqual(
      expect.arrayContaining([
        'file: /g.yaml',
        'mount files: https://gatehouse.test/files → https://127.0.0.1:3001/mcp (authorization set, own authorities, shows a certificate, entry by groups, domains, policy rules: 1, otherwise deny, web origins https://app.test)',
        'mount search: https://search.test/mcp → http://127.0.0.1:3002/mcp',
        'clients: 1 of the file',
        'trusted issuer: https://idp.test',
      ]),
    );
    expect(text).not.toContain('canary');
  });

  it('says who may enter, by whatever rules', () => {
    const report = (entry: string, changes: Readonly<Record<string, string>> = {}): string =>
      checkConfig(() => load({ GATEHOUSE_CONFIG: '/g.yaml', ...changes }, { '/g.yaml': entry }), {
        json: false,
      }).text;
    const ruled = report('entry: { emails: { allow: [ann@example.com] }, amr: [mfa] }');
    expect(ruled).toMatch(/may enter +every account of the identity provider, within the entry rules$/m);
    expect(ruled).toMatch(/entry rules +emails, amr$/m);
    expect(ruled).not.toContain('allowed_groups_unset');
    const ask = 'entry: { contact: the team }';
    expect(report(ask)).toMatch(/may enter +every account of the identity provider$/m);
    expect(report(ask)).toContain('allowed_groups_unset');
    expect(report(ask, { ALLOWED_GROUPS: 'staff' })).toMatch(/may enter +groups: staff$/m);
  });

  it('says what else is open', () => {
    const { text } = checkConfig(
      () => load({ DPOP_NONCE: 'on', INTROSPECTION_CLIENTS: `files:${'a'.repeat(64)}` }),
      { json: false },
    );
    expect(text).toMatch(/device logins +off$/m);
    expect(text).toMatch(/introspection by +files$/m);
    expect(text).toMatch(/nonces of DPoP +asked for$/m);
    expect(text).not.toContain('aaaa');
  });

  it('lets a fault of its own through', () => {
    const fault = new TypeError('a fault');
    expect(() =>
      checkConfig(
        () => {
          throw fault;
        },
        { json: false },
      ),
    ).toThrow(fault);
  });
});
