import { offlineScopes, plainOpenId, type PresetVariable, type ProviderPreset } from './preset.ts';

export const keycloakVariables = {
  KEYCLOAK_URL: {
    description: 'With `IDP=keycloak`: where Keycloak is, with its relative path if it has one.',
    accepts: '`https://` URL; `http://` for loopback only',
    syntax: /^https?:\/\/[^\s?#]+$/,
    console: 'write what stands before /realms/ in the issuer (Realm settings > Endpoints)',
    required: true,
  },
  KEYCLOAK_REALM: {
    description: 'With `IDP=keycloak`: the name of the realm, which is not its display name.',
    accepts: 'a realm name',
    syntax: /^[\w.~-]+$/,
    console: 'write the "Realm name" of Realm settings > General',
    required: true,
  },
} satisfies Record<string, PresetVariable>;

/**
 * Keycloak. Without `offline_access` its refresh tokens end with the browser's session, and a person who is only idle
 * would look gone.
 * @see https://www.keycloak.org/docs/latest/server_admin/#_offline-access
 */
export const keycloak: ProviderPreset = {
  ...plainOpenId,
  title: 'Keycloak',
  variables: keycloakVariables,
  deriveIssuer: ({ KEYCLOAK_URL: url, KEYCLOAK_REALM: realm }) =>
    url === undefined || realm === undefined ? undefined : `${url.replace(/\/+$/, '')}/realms/${realm}`,
  scopes: offlineScopes,
  discoveryHints: {
    http_status:
      "is KEYCLOAK_REALM the realm's name, in its own letter case, and KEYCLOAK_URL without /realms?",
    issuer_mismatch:
      'Keycloak names another issuer: KEYCLOAK_URL must be the "hostname" that it is started with (or Realm settings > General > Frontend URL)',
  },
  consoleHints: {
    invalid_client:
      'Clients > your client: "Client authentication" must be on, and OIDC_CLIENT_SECRET the one under Credentials',
    unauthorized_client:
      'Clients > your client > Settings: "Client authentication" and "Standard flow" must be on; OIDC_CLIENT_SECRET is the one under Credentials',
  },
};
