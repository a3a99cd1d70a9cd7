import { html } from 'hono/html';

import type { Markup } from '../../platform/html/page.ts';
import { approveAt } from './consent-form.ts';
import type { ShownProvider } from './consent-page.ts';

/** A button for each identity provider: it approves, and leads to the login there. */
export function renderProviderButtons(providers: readonly ShownProvider[]): Markup {
  return html`<ul class="providers">
    ${providers.map(
      ({ name, title, issuer }) =>
        html`<li>
          <div class="arming" data-label="Continue with ${title}">
            <button class="primary" type="submit" name="action" value="${approveAt}${name}">
              Continue with <bdi>${title}</bdi>
            </button>
          </div>
          <div class="small">you log in at <bdi>${new URL(issuer).host}</bdi></div>
        </li>`,
    )}
  </ul>`;
}

export function renderDeny(text: string): Markup {
  return html`<div class="decision">
    <div><button type="submit" name="action" value="deny">${text}</button></div>
  </div>`;
}
