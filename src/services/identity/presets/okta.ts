import {
  hostSyntax,
  offlineScopes,
  plainOpenId,
  type PresetVariable,
  type ProviderPreset,
} from './preset.ts';

export const oktaVariables = {
  OKTA_DOMAIN: {
    description: 'With `IDP=okta`: the domain of the organisation, or its custom domain.',
    accepts: 'host name, such as `example.okta.com`',
    syntax: hostSyntax,
    console:
      'write the domain under your name in the corner of the Admin Console, without -admin and https://',
    required: true,
  },
  OKTA_AUTHORIZATION_SERVER: {
    description:
      'With `IDP=okta`: the id of a custom authorization server, such as `default`. Unset: that of the organisation.',
    accepts: 'the last part of the issuer',
    syntax: /^[\w-]+$/,
    console: 'write the last part of the "Issuer URI" under Security > API > Authorization Servers',
    required: false,
  },
} satisfies Record<string, PresetVariable>;

/**
 * Okta. The authorization server of the organisation knows the scope `groups`; a custom one has it only when somebody
 * added it, and refuses a login that asks for what it does not know.
 * @see https://developer.okta.com/docs/concepts/auth-servers/
 */
export const okta: ProviderPreset = {
  ...plainOpenId,
  title: 'Okta',
  assertionAudience: 'token_endpoint',
  variables: oktaVariables,
  deriveIssuer: ({ OKTA_DOMAIN: domain, OKTA_AUTHORIZATION_SERVER: server }) => {
    if (domain === undefined) return undefined;
    return server === undefined ? `https://${domain}` : `https://${domain}/oauth2/${server}`;
  },
  refuseIssuer: (issuer) =>
    /^https:\/\/[^/]+-admin\.okta(?:preview|-emea)?\.com/i.test(issuer)
      ? { problem: 'is the address of the Admin Console', fix: 'leave -admin out of it' }
      : undefined,
  scopes: (options) =>
    options.values['OKTA_AUTHORIZATION_SERVER'] === undefined
      ? [...offlineScopes(options), 'groups']
      : offlineScopes(options),
  discoveryHints: {
    http_status:
      'Security > API > Authorization Servers: OKTA_AUTHORIZATION_SERVER must be the last part of an "Issuer URI" there',
    issuer_mismatch:
      'Security > API > Authorization Servers: the "Issuer URI" must be of OKTA_DOMAIN; a custom domain has an issuer of its own',
  },
  consoleHints: {
    invalid_client:
      'Applications > your app > General: "Client authentication" must be "Client secret", and OIDC_CLIENT_SECRET an active one',
    unauthorized_client:
      'Applications > your app > General > Grant type: "Authorization Code" and "Refresh Token" must be ticked',
  },
};
