import { OAuthError } from '../../protocol/oauth-error.ts';

/**
 * Refuses a form that was not posted by a page of ours. Browsers send `Origin` with every POST and cannot be made to
 * lie in it; a sibling host is "same-site" and still a stranger; `null` is a sandboxed frame, a data: page or a
 * redirect from elsewhere. A caller that sends neither header is no browser, and has no cookie of one either.
 * @throws OAuthError `access_denied`, reason `cross_site_post`   @see Fetch standard, "append a request Origin header"
 */
export function checkSameOriginPost(request: Request, issuer: string): void {
  const origin = request.headers.get('origin');
  const site = request.headers.get('sec-fetch-site');
  const ours =
    (origin === null || origin === new URL(issuer).origin) && (site === null || site === 'same-origin');
  if (!ours) {
    throw new OAuthError('access_denied', 'The form was sent from another site', {
      reason: 'cross_site_post',
    });
  }
}
