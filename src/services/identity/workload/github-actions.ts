import type { GuardedFetch } from '../../../platform/outbound/guarded-fetch.ts';
import { readAnswer, readMember } from './source-answer.ts';
import { checkTokenShape, type TokenSource } from './workload-token.ts';

/** What GitHub Actions tells a job that may ask for tokens. */
export interface GitHubActionsSettings {
  readonly audience: string;
  readonly requestUrl: string;
  /** Good for the job, and for nothing but such tokens. */
  readonly requestToken: string;
}

const permission = 'permissions: id-token: write in the workflow or the job';

/**
 * The ID token of a job of GitHub Actions.
 * @see https://docs.github.com/en/actions/reference/security/oidc
 */
export function createGitHubActionsSource(settings: GitHubActionsSettings, fetch: GuardedFetch): TokenSource {
  const url = new URL(settings.requestUrl);
  url.searchParams.set('audience', settings.audience);
  const headers = { authorization: `Bearer ${settings.requestToken}`, accept: 'application/json' };
  return {
    async ask() {
      const { text } = await readAnswer(fetch(url, { headers }));
      return checkTokenShape(readMember(text, 'value'));
    },
    hints: {
      client_token_refused: `GitHub Actions gives this job no token: ask for ${permission}, and start this server in the job that it is for; with the end of the job its right to tokens ends`,
      client_token_unanswered:
        'GitHub Actions does not answer at ACTIONS_ID_TOKEN_REQUEST_URL: is this process still in its job, and may it reach that host?',
      client_token_malformed:
        'what answers at ACTIONS_ID_TOKEN_REQUEST_URL is not GitHub Actions: hand the variable on as the runner set it',
      client_token_expired:
        'GitHub Actions gave a token that is over by the clock of this machine: set the clock',
    },
  };
}
