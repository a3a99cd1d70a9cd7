import { plainOpenId, type PresetVariable, type ProviderPreset } from './preset.ts';

const applicationPage = 'the application (User settings, a group, or Admin > Applications)';

export const gitlabVariables = {
  GITLAB_URL: {
    description:
      'With `IDP=gitlab`: where a GitLab of your own is. Unset: gitlab.com, where anybody can have an account.',
    accepts: '`https://` URL; `http://` for loopback only',
    syntax: /^https?:\/\/[^\s?#]+$/,
    console: 'write the "external_url" of your GitLab',
    required: false,
  },
  GITLAB_GROUPS: {
    description:
      'With `IDP=gitlab`: `inherited` counts whoever is in a group as in those below it, as GitLab does: of these, the ones that `ALLOWED_GROUPS`, entry rules and policies name. Unset: `direct`, only the groups that list the person.',
    accepts: '`direct` or `inherited`',
    syntax: /^(?:direct|inherited)$/,
    console: 'write direct or inherited',
    required: false,
  },
} satisfies Record<string, PresetVariable>;

/**
 * GitLab, gitlab.com or one of your own. Each login gives a refresh token, and each refresh replaces it. ID tokens name
 * the groups a person is a direct member of. Those that are inherited, GitLab lists at its userinfo endpoint alone: all of
 * them, which are thousands in large groups, and which follow from the paths.
 * @see https://docs.gitlab.com/integration/openid_connect_provider/
 */
export const gitlab: ProviderPreset = {
  ...plainOpenId,
  title: 'GitLab',
  variables: gitlabVariables,
  deriveIssuer: ({ GITLAB_URL: url }) => (url ?? 'https://gitlab.com').replace(/\/+$/, ''),
  isOpenToStrangers: (issuer) => issuer === 'https://gitlab.com',
  groupsClaim: 'groups_direct',
  inheritsGroups: ({ GITLAB_GROUPS: kind }) => kind === 'inherited',
  discoveryHints: {
    http_status: 'GITLAB_URL must be where people open GitLab, with its relative URL if it has one',
    issuer_mismatch:
      'GitLab names its "external_url" as the issuer: GITLAB_URL must be the same, to the letter',
  },
  consoleHints: {
    invalid_client: `${applicationPage}: OIDC_CLIENT_ID must be its "Application ID", OIDC_CLIENT_SECRET its "Secret"`,
    invalid_scope: `${applicationPage}: the scopes openid, profile and email must be ticked`,
    unauthorized_client: `${applicationPage}: "Confidential" must be ticked`,
  },
};
