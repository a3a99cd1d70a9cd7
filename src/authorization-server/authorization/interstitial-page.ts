import { html } from 'hono/html';

import { renderPage } from '../../platform/html/page.ts';

export interface InterstitialPage {
  readonly title: string;
  readonly message: string;
  /** An identity provider's URL, or an authorization response for a verified redirect URI. */
  readonly location: string;
  readonly linkText: string;
  readonly cookies?: readonly string[];
}

/**
 * A page that takes the browser on at once, by a refresh of zero seconds or by its link. It stands where a redirect
 * would: browsers apply the consent page's `form-action` to every hop of the redirects that answer its form, so a 302
 * to another host would be blocked. It also ends the chain in which a fragment is carried from hop to hop.
 */
export function renderInterstitialPage(page: InterstitialPage): Response {
  return renderPage({
    title: page.title,
    body: html`<h1>${page.title}</h1>
      <p class="lead">${page.message}</p>
      <p><a class="button" href="${page.location}" rel="noreferrer">${page.linkText}</a></p>
      <p class="small">If nothing happens, use the button. Afterwards this window can be closed.</p>`,
    formAction: 'none',
    refreshTo: page.location,
    ...(page.cookies === undefined ? {} : { cookies: page.cookies }),
  });
}
