import {
  hostSyntax,
  offlineScopes,
  plainOpenId,
  type PresetVariable,
  type ProviderPreset,
} from './preset.ts';

export const auth0Variables = {
  AUTH0_DOMAIN: {
    description: 'With `IDP=auth0`: the domain of the tenant, or its custom domain.',
    accepts: 'host name, such as `example.eu.auth0.com`',
    syntax: hostSyntax,
    console: 'write the "Domain" of Applications > your application > Settings',
    required: true,
  },
  AUTH0_AUDIENCE: {
    description:
      'With `IDP=auth0`: the API that is asked for, where the tenant wants one. Logins need none: only the ID token is used.',
    accepts: 'the identifier of an API',
    syntax: /^[\x21-\x7e]+$/,
    console: 'write the "Identifier" of Applications > APIs > your API',
    required: false,
  },
} satisfies Record<string, PresetVariable>;

/**
 * Auth0. It knows `audience` where others know `resource`, and puts groups into tokens only by an action, under a name
 * with a namespace.
 * @see https://auth0.com/docs/api/authentication
 */
export const auth0: ProviderPreset = {
  ...plainOpenId,
  title: 'Auth0',
  variables: auth0Variables,
  deriveIssuer: ({ AUTH0_DOMAIN: domain }) => (domain === undefined ? undefined : `https://${domain}`),
  scopes: offlineScopes,
  authorizationParameters: ({ values: { AUTH0_AUDIENCE: audience } }) =>
    audience === undefined ? {} : { audience },
  groupsClaim: undefined,
  consoleHints: {
    access_denied:
      'Applications > your application: OIDC_CLIENT_SECRET must be the "Client Secret" of Settings, and the authentication method of Credentials one with a secret',
    unauthorized_client:
      'Applications > your application > Settings > Advanced > Grant Types: "Authorization Code" and "Refresh Token" must be ticked',
  },
};
