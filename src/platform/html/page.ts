import { createHash } from 'node:crypto';

import { html, raw } from 'hono/html';

import { stylesheet } from './stylesheet.ts';

/** Markup made by the `html` template, which escapes every value put into it. */
export type Markup = ReturnType<typeof html>;

export interface Page {
  readonly title: string;
  readonly body: Markup;
  /** Default 200. */
  readonly status?: number;
  /** `self`: the page has a form that posts to this host. `none`: it has no form, and an injected one cannot post. */
  readonly formAction: 'self' | 'none';
  /** Where the page takes the browser without being asked, at once. */
  readonly refreshTo?: string;
  /** Set-Cookie values. */
  readonly cookies?: readonly string[];
}

// One piece, so that nothing comes between the tag and what was hashed.
const styleElement = raw(`<style>${stylesheet}</style>`);
const styleHash = `'sha256-${createHash('sha256').update(stylesheet).digest('base64')}'`;

/**
 * Renders a page: no script, no third-party content, no frame around it, and nothing that a cache may keep.
 *
 * A page with a form says `Referrer-Policy: same-origin`. Under `no-referrer` browsers send `Origin: null` with the
 * form's POST (Fetch standard, "append a request Origin header": for a method other than GET and HEAD, policy
 * "no-referrer" sets serializedOrigin to null), and our own form could not be told from a forged one. Under
 * `same-origin` our POST carries the real origin, and every other host still gets no referrer at all.
 *
 * There is no Cross-Origin-Opener-Policy: web clients open the authorization endpoint in a popup and are told the
 * result by it, which that header would make impossible.   @see RFC 9700 §4.2 and §4.16
 */
export function renderPage(page: Page): Response {
  const headers = new Headers({
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'no-store',
    'content-security-policy': formatPolicy(page.formAction),
    'referrer-policy': page.formAction === 'self' ? 'same-origin' : 'no-referrer',
    'x-frame-options': 'DENY',
    'x-content-type-options': 'nosniff',
  });
  for (const cookie of page.cookies ?? []) headers.append('set-cookie', cookie);
  return new Response(toText(layOut(page)), { status: page.status ?? 200, headers });
}

export interface ErrorPage {
  readonly title: string;
  readonly message: string;
  /** What the operator can find the request by. */
  readonly requestId: string;
  readonly status: number;
  /** A way on, if there is one. Only for targets that were verified: the page cannot know. */
  readonly link?: { readonly href: string; readonly text: string };
  /** Path of a page of ours where the person begins anew. Absent: where they came from. */
  readonly startAt?: string | undefined;
  /** The same request may go through then. Absent: it never will. */
  readonly waitSeconds?: number | undefined;
}

/** A page that says what went wrong, what to do next, and by what name the operator finds it. */
export function renderErrorPage(page: ErrorPage): Response {
  const body = html`<h1>${page.title}</h1>
    <p class="lead">${page.message}</p>
    ${
      page.link === undefined
        ? ''
        : html`<p><a class="button" href="${page.link.href}" rel="noreferrer">${page.link.text}</a></p>`
    }
    <h2>What you can do</h2>
    <ul>
      ${page.waitSeconds === undefined ? '' : html`<li>Wait ${describeWait(page.waitSeconds)}, and load this page again.</li>`}
      <li>${describeStart(page)}</li>
      <li>If that does not help, give your administrator the request id below.</li>
    </ul>
    <p class="small">Request id: <code>${page.requestId}</code></p>`;
  return renderPage({ title: page.title, body, status: page.status, formAction: 'none' });
}

function describeWait(seconds: number): string {
  return seconds > 90 ? `${Math.ceil(seconds / 60)} minutes` : seconds > 5 ? 'a minute' : 'a few seconds';
}

function describeStart({ startAt, waitSeconds }: ErrorPage): Markup | string {
  if (startAt !== undefined) return html`<a href="${startAt}">Go back to the start</a> and try again.`;
  const start = 'lose this window and start again from your application.';
  return waitSeconds === undefined ? `C${start}` : `Or c${start}`;
}

function formatPolicy(formAction: 'self' | 'none'): string {
  return [
    `default-src 'none'`,
    `style-src ${styleHash}`,
    `form-action '${formAction}'`,
    `frame-ancestors 'none'`,
    `base-uri 'none'`,
  ].join('; ');
}

function layOut(page: Page): Markup {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="robots" content="noindex" />
        <meta name="color-scheme" content="light dark" />
        ${page.refreshTo === undefined ? '' : html`<meta http-equiv="refresh" content="0;url=${page.refreshTo}" />`}
        <title>${page.title}</title>
        ${styleElement}
      </head>
      <body>
        <main>${page.body}</main>
      </body>
    </html> `;
}

function toText(markup: Markup): string {
  // The template is asynchronous only when a value in it is.
  if (markup instanceof Promise) throw new TypeError('a page is made of values that are there');
  return markup.toString();
}
