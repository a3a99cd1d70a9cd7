import { createHash } from 'node:crypto';

import { html, raw } from 'hono/html';

import type { AuthorizationRequest } from './authorization-request.ts';
import type { TypedPerson } from './people.ts';
import { samplePeople } from './people.ts';

type Refusal = Extract<TypedPerson, { outcome: 'refused' }>;
type Markup = ReturnType<typeof html>;

/** What the login page shows. */
export interface LoginPage {
  /** Name of this login, in each form. */
  readonly login: string;
  readonly clientName: string;
  readonly request: AuthorizationRequest;
  /** What was typed before and why it was refused. */
  readonly retry: { readonly email: string; readonly groups: string; readonly refusal: Refusal } | undefined;
}

/** The page that asks who to be. No script; every form posts to `/login` here. */
export function renderLoginPage(page: LoginPage): Promise<Response> {
  const main = html`
    <h1>Who do you want to be?</h1>
    <p>To sign in to <strong>${page.clientName}</strong>, pick a sample person. There is no password.</p>
    <form method="post" action="/login">
      ${loginField(page.login)}
      <ul>
        ${samplePeople.map(
          (person) =>
            html`<li>
              <button name="person" value="${person.subject}">
                <span class="name">${person.name}</span>
                <span class="detail">${person.email}${person.emailVerified ? '' : ' (not verified)'}</span>
                <span class="detail">Groups: ${person.groups.join(', ') || 'none'}</span>
              </button>
            </li>`,
        )}
      </ul>
    </form>
    ${typedForm(page)}
    <form method="post" action="/login">
      ${loginField(page.login)}
      <button class="quiet" name="cancel" value="yes">Cancel the sign-in</button>
    </form>
  `;
  return renderPage({ title: 'Sign in', status: page.retry === undefined ? 200 : 400, main });
}

/**
 * Carries the browser on after a form was posted. A redirect would be blocked: Chromium holds every hop of a form's
 * redirect chain against `form-action`, and the chain ends at an MCP client's own address.
 */
export function renderOnwardPage(target: URL): Promise<Response> {
  const main = html`
    <h1>Signing in…</h1>
    <p><a href="${target.href}">Continue</a> if nothing happens.</p>
  `;
  const head = html`<meta http-equiv="refresh" content="0; url=${target.href}" />`;
  return renderPage({ title: 'Signing in', status: 200, main, head });
}

export function renderProblemPage(status: number, message: string): Promise<Response> {
  const main = html`
    <h1>This sign-in cannot go on</h1>
    <p>${message}</p>
    <p>Go back to the application and start again.</p>
  `;
  return renderPage({ title: 'Sign-in problem', status, main });
}

function loginField(login: string): Markup {
  return html`<input type="hidden" name="login" value="${login}" />`;
}

function typedForm({ login, request, retry }: LoginPage): Markup {
  return html`
    <form method="post" action="/login" novalidate>
      ${loginField(login)}
      <h2>Or be someone else</h2>
      ${retry && html`<p class="problem" role="alert" id="problem">${retry.refusal.message}</p>`}
      <label for="email">E-mail address</label>
      <input
        id="email"
        name="email"
        type="email"
        autocomplete="off"
        maxlength="254"
        value="${retry?.email ?? request.loginHint ?? ''}"
        ${raw(retry?.refusal.field === 'email' ? 'aria-invalid="true" aria-describedby="problem"' : '')}
      />
      <label for="groups">Groups, separated by commas (optional)</label>
      <input
        id="groups"
        name="groups"
        autocomplete="off"
        maxlength="500"
        value="${retry?.groups ?? ''}"
        ${raw(retry?.refusal.field === 'groups' ? 'aria-invalid="true" aria-describedby="problem"' : '')}
      />
      <button class="primary" name="person" value="typed">Sign in</button>
    </form>
  `;
}

const style = `
:root { color-scheme: light dark; --ink: #1b1b1f; --quiet: #55555f; --ground: #f6f5f2; --sheet: #fff; --line: #85858f;
  --warn-ink: #4a2f00; --warn: #ffd98a; --accent: #1d4f91; --on-accent: #fff; --problem: #a3160f; }
@media (prefers-color-scheme: dark) { :root { --ink: #ececf0; --quiet: #b4b4bf; --ground: #16161a; --sheet: #212127;
  --line: #7b7b87; --warn-ink: #ffe3a8; --warn: #4a3404; --accent: #9cc4ff; --on-accent: #0b1e38; --problem: #ffb1a8; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif; }
header { margin: 0; padding: .6rem 1rem; background: var(--warn); color: var(--warn-ink); text-align: center; }
main { max-width: 30rem; margin: 0 auto; padding: 1.5rem 1rem 3rem; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 .75rem; } h2 { font-size: 1.125rem; margin: 1.75rem 0 .5rem; }
p { margin: 0 0 1rem; } ul { list-style: none; margin: 0; padding: 0; display: grid; gap: .625rem; }
button, input { font: inherit; color: inherit; width: 100%; border: 1px solid var(--line); border-radius: .5rem;
  padding: .625rem .875rem; background: var(--sheet); } button { text-align: start; cursor: pointer; }
button:hover { border-color: var(--accent); } .name { display: block; font-weight: 600; }
.detail { display: block; color: var(--quiet); font-size: .9rem; } label { display: block; margin: .75rem 0 .25rem; }
.primary { margin-top: 1rem; text-align: center; font-weight: 600; background: var(--accent);
  border-color: var(--accent); color: var(--on-accent); }
.quiet { margin-top: 1.5rem; text-align: center; background: transparent; } a { color: var(--accent); }
.problem { color: var(--problem); font-weight: 600; } [aria-invalid] { border: 2px solid var(--problem); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
`;

/** Made outside the template: the hash in the policy covers every byte between the tags. */
const styleElement = raw(`<style>${style}</style>`);
const styleHash = createHash('sha256').update(style).digest('base64');

const pageHeaders = {
  'content-type': 'text/html; charset=utf-8',
  'cache-control': 'no-store',
  'content-security-policy': [
    "default-src 'none'",
    `style-src 'sha256-${styleHash}'`,
    "form-action 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
  ].join('; '),
  'x-frame-options': 'DENY',
  'x-content-type-options': 'nosniff',
  // Not `no-referrer`: under it browsers send `Origin: null` with our own form, and the check could not tell.
  'referrer-policy': 'same-origin',
};

async function renderPage(page: {
  readonly title: string;
  readonly status: number;
  readonly main: Markup;
  readonly head?: Markup;
}): Promise<Response> {
  const document = await html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${page.title} – development login</title>
        ${page.head} ${styleElement}
      </head>
      <body>
        <header><strong>Development only.</strong> Anyone can be anyone here.</header>
        <main>${page.main}</main>
      </body>
    </html>`;
  return new Response(document.toString(), { status: page.status, headers: pageHeaders });
}
