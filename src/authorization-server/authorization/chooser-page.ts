import { html } from 'hono/html';

import { renderPage } from '../../platform/html/page.ts';
import type { ConsentNotice, ShownProvider } from './consent-page.ts';
import { renderDeny, renderProviderButtons } from './provider-buttons.ts';

export interface ChooserPage {
  /** What the login is for, for people. */
  readonly resourceName: string | undefined;
  /** Its identifier: of many that are alike, a name may not say which. */
  readonly resource: string;
  /** The transaction, sealed. */
  readonly consentToken: string;
  /** At least one. */
  readonly providers: readonly ShownProvider[];
  /** Why the page is shown again. */
  readonly notice: ConsentNotice | undefined;
  readonly cookies: readonly string[];
}

/** The page that asks where to log in, and nothing else: for servers that ask for no consent. */
export function renderChooserPage(page: ChooserPage): Response {
  const title = 'Choose where to log in';
  const { resourceName: name, resource } = page;
  const target = html`${name === undefined ? '' : html`<bdi>${name}</bdi>, `}<code>${resource}</code>`;
  const body = html`<h1>${title}</h1>
    <p class="lead">You are logging in for ${target}. Where do you have an account?</p>
    ${
      page.notice === undefined
        ? ''
        : html`<div class="notice" role="status">
            <p>You chose already. Choose again only if you want to start once more.</p>
          </div>`
    }
    <form method="post" action="/consent">
      <input type="hidden" name="consent_token" value="${page.consentToken}" />
      ${renderProviderButtons(page.providers)} ${renderDeny('Cancel')}
    </form>
    <p class="small">
      Your password stays there. If you cancel, the application is told so and gets nothing.
    </p>`;
  return renderPage({ title, body, formAction: 'self', cookies: page.cookies });
}
