import { offlineScopes, plainOpenId, type PresetVariable, type ProviderPreset } from './preset.ts';

export const authentikVariables = {
  AUTHENTIK_URL: {
    description: 'With `IDP=authentik`: where authentik is.',
    accepts: '`https://` URL; `http://` for loopback only',
    syntax: /^https?:\/\/[^\s?#]+$/,
    console: 'write the address at which people open authentik',
    required: true,
  },
  AUTHENTIK_APPLICATION: {
    description: 'With `IDP=authentik`: the slug of the application, as it stands in its URLs.',
    accepts: 'the slug of an application',
    syntax: /^[\w-]+$/,
    console: 'write the "Slug" of Admin interface > Applications > your application',
    required: true,
  },
} satisfies Record<string, PresetVariable>;

/**
 * authentik. Its issuer is that of one application and ends with a slash, unless the provider's "Issuer mode" says one
 * for all. Since 2025.10 its own mapping says of every e-mail address that it is not verified.
 * @see https://docs.goauthentik.io/add-secure-apps/providers/oauth2/
 */
export const authentik: ProviderPreset = {
  ...plainOpenId,
  title: 'authentik',
  variables: authentikVariables,
  deriveIssuer: ({ AUTHENTIK_URL: url, AUTHENTIK_APPLICATION: slug }) =>
    url === undefined || slug === undefined ? undefined : `${url.replace(/\/+$/, '')}/application/o/${slug}/`,
  scopes: offlineScopes,
  discoveryHints: {
    http_status:
      'AUTHENTIK_APPLICATION must be the slug of an application that has an OAuth2/OpenID provider',
    issuer_mismatch:
      'Applications > Providers > your provider > Advanced protocol settings: "Issuer mode" must be "Each provider has a different issuer"; else set OIDC_ISSUER_URL to the one issuer',
  },
  consoleHints: {
    invalid_client:
      'Applications > Providers > your provider: "Client type" must be "Confidential", OIDC_CLIENT_ID and OIDC_CLIENT_SECRET those shown there',
    invalid_scope:
      'Applications > Providers > your provider > Advanced protocol settings: the scopes email, openid, profile and offline_access must be selected',
    email_unverified:
      'Customization > Property Mappings: a scope mapping for email must say "email_verified": True, and the provider must use it in place of the default one',
  },
};
