import { plainOpenId, type PresetVariable, type ProviderPreset } from './preset.ts';

const clientPage = 'Amazon Cognito > User pools > your pool > App clients > your client';

export const cognitoVariables = {
  COGNITO_USER_POOL_ID: {
    description: 'With `IDP=cognito`: the id of the user pool. The region stands before its underscore.',
    accepts: 'the id of a user pool, such as `eu-central-1_AbCdEfGhI`',
    syntax: /^[a-z]{2,3}(?:-[a-z]+)+-\d{1,2}_[0-9A-Za-z]{1,55}$/,
    console: 'write the "User pool ID" of Amazon Cognito > User pools > your pool > Overview',
    required: true,
  },
} satisfies Record<string, PresetVariable>;

/**
 * Amazon Cognito. The issuer is that of the pool, whatever domain its login pages have. Refresh tokens come by
 * themselves: the scope `offline_access` is unknown here, and a login that asks for it fails.
 * @see https://docs.aws.amazon.com/cognito/latest/developerguide/federation-endpoints.html
 */
export const cognito: ProviderPreset = {
  ...plainOpenId,
  title: 'Amazon Cognito',
  variables: cognitoVariables,
  deriveIssuer: ({ COGNITO_USER_POOL_ID: pool }) => {
    if (pool === undefined) return undefined;
    const [region = ''] = pool.split('_');
    const domain = region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com';
    return `https://cognito-idp.${region}.${domain}/${pool}`;
  },
  refuseIssuer: (issuer) =>
    /\.(?:amazoncognito\.com|auth-fips\.[a-z0-9-]+\.amazoncognito\.com)$/i.test(new URL(issuer).hostname)
      ? {
          problem: 'is the domain of the login pages, and not the issuer of the pool',
          fix: 'set COGNITO_USER_POOL_ID in its place',
        }
      : undefined,
  groupsClaim: 'cognito:groups',
  discoveryHints: {
    http_status:
      'COGNITO_USER_POOL_ID must be the "User pool ID" of Overview, with the region before its underscore',
  },
  consoleHints: {
    invalid_client: `${clientPage}: OIDC_CLIENT_ID and OIDC_CLIENT_SECRET must be of one client that was created with a secret`,
    unauthorized_client: `${clientPage} > Login pages: "Authorization code grant" must be among the OAuth grant types`,
    invalid_scope: `${clientPage} > Login pages: openid, email and profile must be ticked; offline_access is no scope here`,
  },
};
