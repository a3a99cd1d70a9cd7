import { OAuthError } from '../../protocol/oauth-error.ts';

/**
 * Refuses what a browser loads for a page of another site without going there: as a picture, in a frame, by a script, or
 * ahead of a click. Browsers cannot be made to lie in these headers by a page; one that sends none of them is let through.
 * @throws OAuthError `access_denied`, reason `cross_site_background`
 * @see Fetch Metadata Request Headers §2, Nav-Speculation "the Sec-Purpose header"
 */
export function checkNotInBackground({ headers }: Request): void {
  const site = headers.get('sec-fetch-site');
  if (site === null || site === 'same-origin' || site === 'none') return;
  const goesThere =
    headers.get('sec-fetch-mode') === 'navigate' &&
    headers.get('sec-fetch-dest') === 'document' &&
    !headers.has('sec-purpose');
  if (goesThere) return;
  throw new OAuthError('access_denied', 'The page was asked for by another site, which does not show it', {
    reason: 'cross_site_background',
  });
}
