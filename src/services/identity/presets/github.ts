import { plainOpenId, type ProviderPreset } from './preset.ts';

const settingsPage = 'GitHub > Settings > Developer settings > OAuth Apps > your app';

/**
 * GitHub, and GitHub Enterprise Server with OIDC_ISSUER_URL. No OpenID: `read:org` is for organisations and teams,
 * `user:email` for the address; id and name are public.
 * @see https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps
 */
export const github: ProviderPreset = {
  ...plainOpenId,
  title: 'GitHub',
  protocol: 'github',
  variables: {},
  deriveIssuer: () => 'https://github.com',
  isOpenToStrangers: (issuer) => issuer === 'https://github.com',
  scopes: () => ['read:org', 'user:email'],
  refuseGroup: (group) =>
    /^[\w.-]+(?:\/[a-z0-9_.-]+)?$/.test(group)
      ? undefined
      : {
          problem: 'has an entry that is no organisation or team of GitHub',
          fix: 'write organisation, or organisation/team with the team as in its URL, in lower case',
        },
  consoleHints: {
    incorrect_client_credentials: `${settingsPage}: OIDC_CLIENT_ID must be its "Client ID", OIDC_CLIENT_SECRET one of its "Client secrets"`,
    redirect_uri_mismatch: `${settingsPage}: "Authorization callback URL" must be PROXY_BASE_URL + /callback`,
    application_suspended: `${settingsPage}: GitHub has suspended the app`,
    unverified_user_email: 'the person has to verify the primary address under GitHub > Settings > Emails',
    scope_missing:
      'GitHub gave a token without read:org or user:email: the client must be an OAuth App (a GitHub App has no scopes), and the person has to allow both',
    token_expires:
      'the client is a GitHub App, whose tokens end after eight hours: create an OAuth App in its place',
  },
};
