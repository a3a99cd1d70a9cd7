import { OAuthError } from '../../../protocol/oauth-error.ts';
import { checkAllowedGroups, type Claims } from '../claims.ts';
import type { Identity, Recheck, RecheckRequest } from '../identity-provider.ts';
import { ProviderFailure } from '../provider-failure.ts';
import type { ProviderPause } from '../provider-pause.ts';
import type { GitHubApi } from './github-api.ts';
import { askForPerson } from './github-person.ts';

export interface GitHubRecheckDeps {
  readonly issuer: string;
  readonly api: GitHubApi;
  readonly allowedGroups: readonly string[];
  /** Shared with who shows it. */
  readonly pause: ProviderPause;
  /** Takes one of the questions GitHub may be asked per second; false means "not now". */
  readonly takeQuestion: () => boolean;
  /** @throws OAuthError for whom no login would let in */
  readonly readPerson: (claims: Claims, issuer: string) => Identity;
}

/** Over all requests that one question takes. Less than a grant is leased for while its refresh asks. */
const deadlineMilliseconds = 5_000;

/**
 * Asks GitHub about somebody with the token of their login. A revoked token, one that may ask less than it has to, an app
 * that was disconnected, an account that was closed or suspended is a no; limits, outages and a refusal of our own client
 * say nothing about the person.
 */
export function createGitHubRecheck(deps: GitHubRecheckDeps): (request: RecheckRequest) => Promise<Recheck> {
  const { pause } = deps;

  async function ask({ refreshToken: token, known }: RecheckRequest): Promise<Recheck> {
    const signal = AbortSignal.timeout(deadlineMilliseconds);
    try {
      const claims = await askForPerson(deps.api, token, signal);
      pause.answered();
      const identity = deps.readPerson(claims, deps.issuer);
      if (identity.subject !== known.subject) return gone;
      checkAllowedGroups(identity.groups, deps.allowedGroups);
      return { outcome: 'present', identity, refreshToken: token };
    } catch (error) {
      if (error instanceof OAuthError) return { outcome: 'gone', reason: reasonOf(error) };
      return judge(error, token, signal);
    }
  }

  /** A 401 of the interface may be its own trouble: whether the token is over, GitHub says where it keeps them. */
  async function judge(failure: unknown, token: string, signal: AbortSignal): Promise<Recheck> {
    const code = failure instanceof ProviderFailure ? failure.code : '';
    const isGone =
      code === 'account_suspended' ||
      // The token's own, and for good: who logs in anew is told what is missing.
      code === 'scope_missing' ||
      (code === 'token_refused' && (await deps.api.isForgotten(token, signal).catch(() => false)));
    if (isGone) pause.answered();
    else pause.failed();
    return isGone ? gone : { outcome: 'unanswered' };
  }

  return async (request) => {
    if (request.known.issuer !== deps.issuer) return gone;
    if (!deps.takeQuestion() || !pause.admits()) return { outcome: 'unanswered' };
    return ask(request);
  };
}

const gone: Recheck = { outcome: 'gone', reason: 'identity_gone' };

function reasonOf({ reason }: OAuthError): 'group' | 'group_invalid' | 'email_unverified' | 'identity_gone' {
  return reason === 'group' || reason === 'group_invalid' || reason === 'email_unverified'
    ? reason
    : 'identity_gone';
}
