import { describe, expect, it } from 'vitest';

import { complaintsOf, load, problemsOf, warningsOf } from '../../../test/support/configuration.ts';

const tenant = '8eaef023-2b34-4da1-9baa-8bc8c9d6a490';
const derived = { OIDC_ISSUER_URL: undefined };

describe('IDP', () => {
  it('is generic by default, which adds nothing', () => {
    expect(load().identityProviders[0]).toMatchObject({
      preset: 'generic',
      issuer: 'https://login.test/realms/main',
      scopes: ['openid', 'email', 'profile'],
      groupsClaim: 'groups',
      authorizationParameters: {},
      requiredClaims: {},
    });
    expect(complaintsOf({ ...derived, IDP: 'generic' })).toEqual(['OIDC_ISSUER_URL is not set']);
  });

  it.each(['azure', 'githup', 'constructor', '__proto__'])('refuses %s', (name) => {
    expect(complaintsOf({ IDP: name })).toEqual(['IDP is no known identity provider']);
  });

  it.each([
    ['google', {}, 'https://accounts.google.com'],
    ['Google', {}, 'https://accounts.google.com'],
    ['github', {}, 'https://github.com'],
    ['entra', { ENTRA_TENANT: tenant }, `https://login.microsoftonline.com/${tenant}/v2.0`],
    ['okta', { OKTA_DOMAIN: 'example.okta.com' }, 'https://example.okta.com'],
    ['auth0', { AUTH0_DOMAIN: 'example.eu.auth0.com' }, 'https://example.eu.auth0.com'],
    [
      'okta',
      { OKTA_DOMAIN: 'login.example.com', OKTA_AUTHORIZATION_SERVER: 'default' },
      'https://login.example.com/oauth2/default',
    ],
    [
      'keycloak',
      { KEYCLOAK_URL: 'https://sso.example.com/auth/', KEYCLOAK_REALM: 'main' },
      'https://sso.example.com/auth/realms/main',
    ],
  ])('%s with %j comes to its issuer', (name, variables, issuer) => {
    expect(load({ ...derived, IDP: name, ...variables }).identityProviders[0]?.issuer).toBe(issuer);
    const explicit = 'https://login.elsewhere.example/x';
    const changes = { IDP: name, ...variables, OIDC_ISSUER_URL: explicit };
    expect(load(changes).identityProviders[0]?.issuer).toBe(explicit);
  });

  it.each([
    ['entra', ['ENTRA_TENANT is not set, and IDP=entra needs it']],
    ['auth0', ['AUTH0_DOMAIN is not set, and IDP=auth0 needs it']],
    ['okta', ['OKTA_DOMAIN is not set, and IDP=okta needs it']],
    [
      'keycloak',
      [
        'KEYCLOAK_URL is not set, and IDP=keycloak needs it',
        'KEYCLOAK_REALM is not set, and IDP=keycloak needs it',
      ],
    ],
  ])('%s says which of its values is missing, and where it stands', (name, complaints) => {
    expect(complaintsOf({ ...derived, IDP: name })).toEqual(complaints);
    for (const { fix } of problemsOf({ ...derived, IDP: name })) expect(fix).toMatch(/^write /);
  });

  it.each([
    ['ENTRA_TENANT', 'common', 'entra'],
    ['ENTRA_TENANT', 'organizations', 'entra'],
    ['ENTRA_TENANT', 'example.onmicrosoft.com', 'entra'],
    ['OKTA_DOMAIN', 'https://example.okta.com', 'okta'],
    ['OKTA_DOMAIN', 'example.okta.com/x', 'okta'],
    ['KEYCLOAK_REALM', 'a/b', 'keycloak'],
    ['KEYCLOAK_URL', 'sso.example.com', 'keycloak'],
    ['GOOGLE_HOSTED_DOMAIN', '*', 'google'],
    ['GOOGLE_HOSTED_DOMAIN', 'Example.com', 'google'],
    ['GOOGLE_HOSTED_DOMAIN', 'example.com,', 'google'],
  ])('%s cannot be %s', (variable, text, name) => {
    const complaints = complaintsOf({ IDP: name, [variable]: text });
    expect(complaints).toEqual([expect.stringContaining(`${variable} is not `)]);
    expect(complaints.join()).not.toContain(text);
  });

  it.each(['common', 'organizations', 'consumers', 'Common'])('entra refuses the issuer of %s', (word) => {
    const OIDC_ISSUER_URL = `https://login.microsoftonline.com/${word}/v2.0`;
    expect(complaintsOf({ IDP: 'entra', OIDC_ISSUER_URL })).toEqual([
      'OIDC_ISSUER_URL is that of every tenant there is: anybody could enter',
    ]);
  });

  it('okta refuses the address of its console', () => {
    const changes = { ...derived, IDP: 'okta', OKTA_DOMAIN: 'example-admin.okta.com' };
    expect(complaintsOf(changes)).toEqual(['OKTA_DOMAIN is the address of the Admin Console']);
  });

  it('keycloak is not reached in the clear', () => {
    const changes = {
      ...derived,
      IDP: 'keycloak',
      KEYCLOAK_URL: 'http://sso.internal',
      KEYCLOAK_REALM: 'main',
    };
    expect(complaintsOf(changes)).toEqual(['KEYCLOAK_URL is http on a host that is not loopback']);
  });

  it('takes no restriction for a provider that is not used', () => {
    expect(complaintsOf({ GOOGLE_HOSTED_DOMAIN: 'example.com' })).toEqual([
      'GOOGLE_HOSTED_DOMAIN is set, and IDP is generic: it would have no effect',
    ]);
    expect(problemsOf({ IDP: 'google', ENTRA_TENANT: tenant })[0]?.fix).toContain('IDP=entra');
  });

  it('google restricts by domain, warns without one, and has no groups', () => {
    const [google] = load({
      IDP: 'google',
      GOOGLE_HOSTED_DOMAIN: 'example.com,example.org',
    }).identityProviders;
    expect(google?.requiredClaims).toEqual({ hd: ['example.com', 'example.org'] });
    expect(google?.authorizationParameters).toEqual({ access_type: 'offline', prompt: 'consent', hd: '*' });
    expect(warningsOf({ IDP: 'google' })).toContain('idp_open_to_strangers');
    const restricted = warningsOf({ IDP: 'google', GOOGLE_HOSTED_DOMAIN: 'example.com' });
    expect(restricted).not.toContain('idp_open_to_strangers');
    expect(restricted).not.toContain('allowed_groups_unset');
    expect(complaintsOf({ IDP: 'google', ALLOWED_GROUPS: 'staff' })).toEqual([
      'ALLOWED_GROUPS is set, and Google Workspace says no groups by itself: nobody could enter',
    ]);
  });

  it('github has scopes of its own', () => {
    expect(load({ IDP: 'github' }).identityProviders[0]?.scopes).toEqual(['read:org', 'user:email']);
    expect(complaintsOf({ IDP: 'github', OIDC_SCOPES: 'read:user' })[0]).toMatch(/^OIDC_SCOPES is set/);
  });

  it('yields to scopes and groups claim that are set', () => {
    const changes = { IDP: 'entra', OIDC_SCOPES: 'openid', GROUPS_CLAIM: 'roles' };
    expect(load(changes).identityProviders[0]).toMatchObject({ scopes: ['openid'], groupsClaim: 'roles' });
  });
});

describe('OIDC_AUTHORIZATION_PARAMETERS', () => {
  it('are read as a query is, over those of the preset', () => {
    const text =
      'audience=https%3A%2F%2Fapi.example.com&ui_locales=de+en&prompt=select_account%20consent&empty=';
    const changes = { IDP: 'google', OIDC_AUTHORIZATION_PARAMETERS: text };
    expect(load(changes).identityProviders[0]?.authorizationParameters).toEqual({
      access_type: 'offline',
      audience: 'https://api.example.com',
      ui_locales: 'de en',
      prompt: 'select_account consent',
      empty: '',
    });
  });

  it.each([
    ['audience', 'has an entry that is no name=value'],
    ['=x', 'has an entry that is no name=value'],
    ['a=1&', 'has an entry that is no name=value'],
    ['a b=1', 'has an entry that is no name=value'],
    ['a=1&a=2', 'names a parameter twice'],
    ['%61=1&a=2', 'names a parameter twice'],
  ])('cannot be %j', (text, problem) => {
    expect(complaintsOf({ OIDC_AUTHORIZATION_PARAMETERS: text })).toEqual([
      `OIDC_AUTHORIZATION_PARAMETERS ${problem}`,
    ]);
  });

  it.each([
    'client_id',
    'redirect_uri',
    'state',
    'nonce',
    'code_challenge',
    'code_challenge_method',
    'scope',
    'response_type',
    'response_mode',
    'max_age',
    'request',
    'request_uri',
  ])('cannot set %s, however it is written', (name) => {
    const encoded = name.replace(/^./, (letter) => `%${letter.charCodeAt(0).toString(16)}`);
    for (const text of [`${name}=x`, `${encoded}=x`]) {
      expect(complaintsOf({ OIDC_AUTHORIZATION_PARAMETERS: text })).toEqual([
        `OIDC_AUTHORIZATION_PARAMETERS sets ${name}, which every login sets itself`,
      ]);
    }
  });

  it('cannot set resource at Entra', () => {
    const OIDC_AUTHORIZATION_PARAMETERS = 'resource=https%3A%2F%2Fgraph.microsoft.com';
    expect(complaintsOf({ IDP: 'entra', OIDC_AUTHORIZATION_PARAMETERS })).toEqual([
      'OIDC_AUTHORIZATION_PARAMETERS sets resource, which Microsoft Entra refuses',
    ]);
    expect(complaintsOf({ OIDC_AUTHORIZATION_PARAMETERS })).toEqual([]);
  });
});
