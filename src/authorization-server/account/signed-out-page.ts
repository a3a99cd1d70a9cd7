import { html } from 'hono/html';

import { type Markup, renderPage } from '../../platform/html/page.ts';
import type { NamedProvider } from '../../services/identity/identity-providers.ts';
import { signInAt } from './account-form.ts';

export interface SignedOutPage {
  /** Where people log in. */
  readonly providers: readonly NamedProvider[];
  readonly notice: SignedOutNotice | undefined;
  /** Set-Cookie values. */
  readonly cookies: readonly string[];
}

export type SignedOutNotice =
  | { readonly kind: 'signed-out' }
  /** The session was over before the form came. */
  | { readonly kind: 'over' }
  /** `listed`: how many of what was ended had been on the page. */
  | { readonly kind: 'all-ended'; readonly listed: number };

const title = 'See what you allowed';

/** The page for who is not signed in. A login begins with its button alone: no link and no other page can begin one. */
export function renderSignedOutPage({ providers, notice, cookies }: SignedOutPage): Response {
  const body = html`<h1>${title}</h1>
    <p class="lead">Here you see which applications use this server in your name, and end it.</p>
    ${notice === undefined ? '' : describeNotice(notice)}
    <p>
      ${providers.length === 1 ? 'Sign in' : 'Sign in where you have an account'}, so that nobody else sees
      it.
    </p>
    <form method="post" action="/account">${renderSignIn(providers)}</form>
    <p class="small">Your password stays there. You are signed out of this page after ten minutes.</p>`;
  const status = notice?.kind === 'over' ? 403 : 200;
  return renderPage({ title, body, status, formAction: 'self', cookies });
}

/** One button signs in; of several each says where it leads. */
function renderSignIn(providers: readonly NamedProvider[]): Markup {
  const [only] = providers;
  if (only !== undefined && providers.length === 1) {
    return html`<div class="decision">
        <div><button class="primary" type="submit" name="action" value="sign-in">Sign in</button></div>
      </div>
      <p class="small">You log in at <bdi>${hostOf(only)}</bdi>.</p>`;
  }
  return html`<ul class="providers">
    ${providers.map(
      (each) =>
        html`<li>
          <button class="primary" type="submit" name="action" value="${signInAt}${each.name}">
            Continue with <bdi>${each.title}</bdi>
          </button>
          <div class="small">you log in at <bdi>${hostOf(each)}</bdi></div>
        </li>`,
    )}
  </ul>`;
}

function describeNotice(notice: SignedOutNotice): Markup {
  switch (notice.kind) {
    case 'signed-out':
      return html`<div class="notice" role="status"><p>You are signed out of this page.</p></div>`;
    case 'over':
      return html`<div class="notice" role="alert">
        <p>You were signed out meanwhile, and nothing was done. Sign in and try again.</p>
      </div>`;
    case 'all-ended':
      return html`<div class="notice" role="status">
        <p>
          All access that you allowed has ended${countListed(notice.listed)}. Applications that need it will
          ask you again. You are signed out of this page.
        </p>
      </div>`;
  }
}

function countListed(count: number): string {
  return count === 0 ? '' : `, ${count === 1 ? 'one' : count} of it listed here until now`;
}

function hostOf({ provider }: NamedProvider): string {
  return new URL(provider.issuer).host;
}
