import type { Clock } from '../../platform/clock.ts';
import { OAuthError } from '../../protocol/oauth-error.ts';
import type { Claims } from './claims.ts';
import { clockToleranceSeconds } from './provider-connection.ts';
import type { LoginAnswer, LoginDemands, Reauthentication } from './identity-provider.ts';

/**
 * The parameters that ask the provider for a fresh login or another account.
 *
 * `prompt=login` goes out with `max_age=0`. The two mean the same (Core §3.1.2.1: "max_age=0 is equivalent to
 * prompt=login"), but only `max_age` obliges the provider to say when the person logged in, and without that nobody
 * could tell whether the request reached it whole: it travels through the browser, whose user can take both out.
 * `standingPrompt` is what every login at this provider asks for, `demands` what the operator's rules need.
 * @see OpenID Connect Core §3.1.2.1
 */
export function formatReauthentication(
  reauthentication: Reauthentication,
  standingPrompt?: string,
  demands?: LoginDemands,
): Record<string, string> {
  // A list of words (Core §3.1.2.1): what the client asks for does not take away what every login asks for.
  const words = [reauthentication.prompt, standingPrompt].filter((word) => word !== undefined);
  const prompt = words.length === 0 ? undefined : [...new Set(words.join(' ').split(' '))].join(' ');
  const ages = [resolveMaxAge(reauthentication), demands?.maxAgeSeconds].filter((age) => age !== undefined);
  const acrValues = demands?.acrValues ?? [];
  return {
    ...(prompt === undefined ? {} : { prompt }),
    ...(ages.length === 0 ? {} : { max_age: String(Math.min(...ages)) }),
    ...(acrValues.length === 0 ? {} : { acr_values: acrValues.join(' ') }),
  };
}

/**
 * Checks that the person logged in as recently as was asked, seen from the start of this login: that is when the
 * provider decides, and how long a second factor takes is the person's affair. A minute either way is the clocks'.
 * @throws OAuthError `access_denied`, reasons `login_too_old`: too long ago, or in the future; and `login_time_unsaid`
 * @see OpenID Connect Core §2 (`auth_time`: "When a max_age request is made […] this Claim is REQUIRED"), §3.1.3.7
 */
export function checkAuthenticationTime(
  claims: Claims,
  { reauthentication, startedAt }: Pick<LoginAnswer, 'reauthentication' | 'startedAt'>,
  clock: Clock,
): void {
  const maxAgeSeconds = resolveMaxAge(reauthentication);
  if (maxAgeSeconds === undefined) return;
  const authenticatedAt = claims['auth_time'];
  // Also at providers that never say it: without max_age, which whoever holds the browser can take out of the request,
  // the others do not say it either.
  if (typeof authenticatedAt !== 'number') {
    throw refuse(
      'login_time_unsaid',
      'The application asked for a recent login, and nobody says when it was',
    );
  }
  const earliest = startedAt - maxAgeSeconds - clockToleranceSeconds;
  const latest = clock.nowSeconds() + clockToleranceSeconds;
  if (authenticatedAt >= earliest && authenticatedAt <= latest) return;
  throw refuse('login_too_old', 'The application asked for a more recent login than this one');
}

function refuse(reason: 'login_time_unsaid' | 'login_too_old', description: string): OAuthError {
  return new OAuthError('access_denied', description, { reason });
}

/** The stricter of the two wins: whoever asks for a login now is not content with an older one. */
function resolveMaxAge({ prompt, maxAgeSeconds }: Reauthentication): number | undefined {
  return prompt === 'login' ? 0 : maxAgeSeconds;
}
