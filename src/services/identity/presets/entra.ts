import { offlineScopes, plainOpenId, type PresetVariable, type ProviderPreset } from './preset.ts';

const tenantFix =
  'write the "Directory (tenant) ID" of Microsoft Entra admin center > App registrations > your app > Overview';

export const entraVariables = {
  ENTRA_TENANT: {
    description:
      'With `IDP=entra`: the id of the one tenant whose accounts may log in. Not its name: Entra calls itself by the id.',
    accepts: 'a tenant id, such as `8eaef023-2b34-4da1-9baa-8bc8c9d6a490`',
    // `common` and its kin sign for every tenant there is: anybody could make one and enter.
    syntax: /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
    console: `${tenantFix}, in lower case; common, organizations and consumers are not one tenant`,
    required: true,
  },
  ENTRA_GRAPH_URL: {
    description:
      'With `IDP=entra`: Microsoft Graph, which is asked for the groups of people who are in too many for the token. Unset: they are refused. Logins then ask for its permission `User.Read`.',
    accepts:
      '`https://graph.microsoft.com`, or that of a national cloud: `https://graph.microsoft.us`, `https://dod-graph.microsoft.us`, `https://microsoftgraph.chinacloudapi.cn`; `http://` for 127.0.0.1 only',
    // The person's access token goes there.
    syntax:
      /^(?:https:\/\/(?:(?:dod-)?graph\.microsoft\.us|graph\.microsoft\.com|microsoftgraph\.chinacloudapi\.cn)|http:\/\/127\.0\.0\.1:\d{1,5})$/,
    console: 'write https://graph.microsoft.com, without a slash at its end',
    required: false,
  },
  ENTRA_GRAPH_GROUPS: {
    description:
      'With `ENTRA_GRAPH_URL`: the ids of groups that are looked for there, beside those of `ALLOWED_GROUPS`, entry rules and policies: those that your server goes by. What somebody of too many groups is in beyond them is left out: no token could carry it.',
    accepts: 'object ids of groups separated by commas',
    syntax:
      /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?:,[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}){0,99}$/,
    console: 'write the "Object Id" of Groups > All groups > the group, in lower case, without blanks',
    required: false,
  },
} satisfies Record<string, PresetVariable>;

/**
 * Microsoft Entra, one tenant. It refuses `resource` beside `scope` (AADSTS901002, AADSTS9010010), and says groups by
 * their object ids.
 * @see https://learn.microsoft.com/en-us/entra/identity-platform/v2-protocols-oidc
 */
export const entra: ProviderPreset = {
  ...plainOpenId,
  title: 'Microsoft Entra',
  variables: entraVariables,
  deriveIssuer: ({ ENTRA_TENANT: tenant }) =>
    tenant === undefined ? undefined : `https://login.microsoftonline.com/${tenant}/v2.0`,
  refuseIssuer: (issuer) =>
    /\/(?:common|organizations|consumers|\{tenantid\})(?:\/|$)/i.test(new URL(issuer).pathname)
      ? { problem: 'is that of every tenant there is: anybody could enter', fix: tenantFix }
      : undefined,
  refuseGroup: (group) =>
    /^\{?[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\}?$/i.test(group) && !/^[0-9a-f-]+$/.test(group)
      ? {
          problem: 'has the id of a group in capitals or braces, and Entra writes neither',
          fix: 'write the "Object Id" of Groups > All groups > the group, in lower case',
        }
      : undefined,
  scopes: (options) => {
    const graphUrl = options.values['ENTRA_GRAPH_URL'];
    return [...offlineScopes(options), ...(graphUrl === undefined ? [] : [`${graphUrl}/User.Read`])];
  },
  overage: (values) => ({
    graphUrl: values['ENTRA_GRAPH_URL'],
    groups: values['ENTRA_GRAPH_GROUPS']?.split(',') ?? [],
  }),
  forbiddenParameters: ['resource'],
  assertionAudience: 'token_endpoint',
  assertionAlgorithm: 'PS256',
  discoveryHints: {
    http_status: `is ENTRA_TENANT one that exists? ${tenantFix}`,
  },
  consoleHints: {
    groups_unresolved:
      'App registrations > your app > Token configuration > groups claim: "Groups assigned to the application" keeps them few; else set ENTRA_GRAPH_URL, and under API permissions grant Microsoft Graph > Delegated > User.Read',
    invalid_client:
      'App registrations > your app > Certificates & secrets: OIDC_CLIENT_SECRET must be the "Value" of a secret that has not expired, not its "Secret ID"',
    unauthorized_client:
      'App registrations > your app > Overview: OIDC_CLIENT_ID must be the "Application (client) ID" of an app in this tenant',
    invalid_request:
      'App registrations > your app > Authentication: PROXY_BASE_URL + /callback must be a redirect URI of the platform "Web", not "Single-page application"',
  },
};
