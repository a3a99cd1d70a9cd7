import { offlineScopes, plainOpenId, type PresetVariable, type ProviderPreset } from './preset.ts';

/** Of the scope that asks for the roles of the client's project, and of the claim that has them. */
const projectRoles = 'urn:zitadel:iam:org:project:roles';

const applicationPage = 'Projects > your project > your application';

export const zitadelVariables = {
  ZITADEL_URL: {
    description: 'With `IDP=zitadel`: the domain of the instance, or its custom domain.',
    accepts: '`https://` URL; `http://` for loopback only',
    syntax: /^https?:\/\/[^\s?#]+$/,
    console: 'write the address of the instance as its console has it, such as https://example.zitadel.cloud',
    required: true,
  },
} satisfies Record<string, PresetVariable>;

/**
 * Zitadel. The roles of the project are the groups: a claim whose keys are the roles, each with the organisations that
 * gave it. Address, name and roles are in ID tokens only where the application says so.
 * @see https://zitadel.com/docs/apis/openidoauth/claims
 */
export const zitadel: ProviderPreset = {
  ...plainOpenId,
  title: 'Zitadel',
  variables: zitadelVariables,
  deriveIssuer: ({ ZITADEL_URL: url }) => url?.replace(/\/+$/, ''),
  scopes: (options) => [...offlineScopes(options), projectRoles],
  groupsClaim: projectRoles,
  groupsForm: 'keys',
  discoveryHints: {
    http_status: 'ZITADEL_URL must be a domain of the instance (Default settings > Domains)',
    issuer_mismatch:
      'Zitadel names the domain that it was asked at: ZITADEL_URL must be the one that people use',
  },
  consoleHints: {
    invalid_client: `${applicationPage}: the type must be "Web", the authentication method "Basic" or "POST", and OIDC_CLIENT_SECRET the one last generated`,
    unauthorized_client: `${applicationPage}: the grant types "Authorization Code" and "Refresh Token" must be ticked`,
    invalid_request: `${applicationPage} > Redirect settings: PROXY_BASE_URL + /callback must be among the redirect URIs`,
  },
};
