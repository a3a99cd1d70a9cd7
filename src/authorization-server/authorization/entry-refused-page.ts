import { html } from 'hono/html';

import { renderPage } from '../../platform/html/page.ts';
import type { PersonNotice } from '../../protocol/oauth-error.ts';

export interface EntryRefusedPage extends PersonNotice {
  readonly requestId: string;
  /** An authorization response for a verified redirect URI. */
  readonly location: string;
  readonly linkText: string;
  readonly cookie: string | undefined;
}

const title = 'You cannot enter with this login';

/**
 * The page for somebody who has logged in and may not enter: as whom, what, and whom to ask. Which rules there are is
 * not on it. It does not go on by itself: a page that leaves before it is read tells nobody anything (WCAG 2.2.1).
 */
export function renderEntryRefusedPage(page: EntryRefusedPage): Response {
  const service = html`<bdi>${page.service}</bdi>`;
  const { why, next } = explain(page);
  const ask =
    page.contact === undefined
      ? html`your administrator, with the request id below.`
      : html`<bdi>${page.contact}</bdi>`;
  const body = html`<h1>${title}</h1>
    <p class="lead">You are signed in as <bdi>${page.account}</bdi>. ${why(service)}</p>
    <p><a class="button" href="${page.location}" rel="noreferrer">${page.linkText}</a></p>
    <h2>What you can do</h2>
    <ul>
      <li>${next}</li>
      <li>If you should have access, ask ${ask}</li>
    </ul>
    <p class="small">Request id: <code>${page.requestId}</code></p>`;
  const cookies = page.cookie === undefined ? {} : { cookies: [page.cookie] };
  return renderPage({ title, body, status: 403, formAction: 'none', ...cookies });
}

interface Explanation {
  readonly why: (service: Text) => Text;
  readonly next: string;
}

type Text = ReturnType<typeof html>;

const otherAccount =
  'If you have another account, sign out of this one at the identity provider, and start again from your application.';

function explain({ isAboutLogin, isAboutGroups = false }: PersonNotice): Explanation {
  if (isAboutGroups) {
    const why = (service: Text): Text =>
      html`This account is in more groups than ${service} can be told of at once.`;
    return { why, next: otherAccount };
  }
  if (!isAboutLogin)
    return { why: (service) => html`This account may not use ${service}.`, next: otherAccount };
  return {
    why: (service) => html`The way in which you signed in is not enough for ${service}.`,
    next: 'Start again from your application, and sign in anew at the identity provider, with a second factor if it offers one.',
  };
}
