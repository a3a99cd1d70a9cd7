import { html, raw } from 'hono/html';

import { type Markup, renderPage } from '../../platform/html/page.ts';
import { describeRedirectUri, type VerifiedRedirectUri } from '../../protocol/redirect-uri.ts';
import { expandScope } from '../../protocol/scope.ts';
import { describeClient } from '../../services/clients/described-client.ts';
import type { ScopeRules } from '../../services/resources/resource.ts';
import { listPermissions } from './chosen-scope.ts';
import { renderDeny, renderProviderButtons } from './provider-buttons.ts';
import type { AwaitingConsent, RequestedTerms } from './transaction.ts';

export interface ConsentPage {
  /** Everything that is asked comes from here: what is shown is what is sealed. */
  readonly transaction: AwaitingConsent;
  /** The transaction, sealed. */
  readonly consentToken: string;
  readonly resourceName: string | undefined;
  /** What the requested scopes are called, and which of them the person cannot leave out. */
  readonly scopes: ScopeRules;
  /** Where the person may log in; of several one is chosen here. */
  readonly identityProviders: readonly ShownProvider[];
  /** Where the person ends it again. Undefined: there is no page for it. */
  readonly accountUrl?: string | undefined;
  /** Why the page is shown again. */
  readonly notice: ConsentNotice | undefined;
  readonly cookies: readonly string[];
}

/** What a page shows of an identity provider. */
export interface ShownProvider {
  readonly name: string;
  readonly title: string;
  readonly issuer: string;
  readonly scopes: readonly string[];
}

/** The form before this one was answered already; or approved without a single permission. */
export type ConsentNotice = 'answered-before' | 'nothing-chosen';

/**
 * The page on which a person allows a client or does not. It says who asks (self-asserted, and so marked), where the
 * answer goes (in full, never shortened), what for, and what comes next.
 * @see MCP security best practices 2026-07-28, "Consent UI Requirements"; OAuth 2.1 §7.9
 */
export function renderConsentPage(page: ConsentPage): Response {
  const { terms } = page.transaction;
  const resource = page.resourceName ?? terms.resource;
  const body = html`<h1>Allow access to <bdi>${resource}</bdi>?</h1>
    <p class="lead">
      An application asks to use this server in your name. If you did not start this yourself just now, choose
      Deny.
    </p>
    ${page.notice === undefined ? '' : notices[page.notice]}
    <dl class="facts">
      <div>
        <dt>Application</dt>
        <dd>${describeClient(page.transaction)}</dd>
      </div>
      ${describeRecipient(terms)}
      <div>
        <dt>It gets access to</dt>
        <dd>
          ${page.resourceName === undefined ? '' : html`<bdi class="name">${page.resourceName}</bdi><br />`}
          <code>${terms.resource}</code>
        </dd>
      </div>
      <div>
        <dt>Permissions</dt>
        <dd>${describeScope(terms.scope, page.scopes, page.notice !== 'nothing-chosen')}</dd>
      </div>
      <div>
        <dt>Asked of your login</dt>
        <dd>${describeLogin(page.identityProviders)}</dd>
      </div>
    </dl>
    ${terms.userCode === undefined ? warnOfTarget(terms.redirectUri) : deviceWarning}
    <h2>What happens next</h2>
    <p>${describeNext(page.identityProviders)}</p>
    <form id="decision" method="post" action="/consent">
      <input type="hidden" name="consent_token" value="${page.consentToken}" />
      ${renderDecision(page.identityProviders)}
    </form>
    <p class="small">
      This page can be answered once, within five minutes. Your answer is not
      remembered.${
        page.accountUrl === undefined
          ? ''
          : html` What you allow you can see and end at <code>${page.accountUrl}</code>.`
      }
    </p>`;
  return renderPage({
    title: `Allow access to ${resource}?`,
    body,
    formAction: 'self',
    cookies: page.cookies,
  });
}

const notices = {
  'answered-before': html`<div class="notice" role="status">
    <p>
      This request was answered already, and that answer stands. Nothing was done again. Decide below only if
      you want to start it once more.
    </p>
  </div>`,
  'nothing-chosen': html`<div class="notice" role="alert">
    <p>You approved without a single permission. Choose at least one, or deny.</p>
  </div>`,
} as const satisfies Record<ConsentNotice, Markup>;

/** Who comes to act for the person: whoever is at the redirect URI, or a device that the person has to recognise. */
function describeRecipient({ redirectUri, userCode }: RequestedTerms): Markup {
  if (userCode === undefined) {
    return html`<div>
      <dt>The answer is sent to</dt>
      <dd>${emphasiseOrigin(redirectUri)}</dd>
    </div>`;
  }
  return html`<div>
    <dt>It runs on the device that shows this code</dt>
    <dd><code class="code">${userCode}</code></dd>
  </div>`;
}

/** RFC 8628 §5.4: the code says nothing about whose device it is on. */
const deviceWarning = html`<div class="warning">
  <p>
    Compare the code with the one on your device. Approve only if the device is in front of you and you
    started this there yourself: if somebody sent you the code or a link with it, they get access in your
    name.
  </p>
</div>`;

/** The whole redirect URI, its scheme, host and port in bold: the part that says who gets the answer. */
function emphasiseOrigin(uri: VerifiedRedirectUri): Markup {
  const { origin } = describeRedirectUri(uri);
  const rest = uri.startsWith(origin) ? uri.slice(origin.length) : '';
  return html`<code class="target"><strong>${rest === '' ? uri : origin}</strong>${rest}</code>`;
}

/**
 * Boxes of the form below: the person can take something away, and nobody can add.
 * @param areTicked not again for whoever has just unticked all of them
 */
function describeScope(scope: readonly string[], rules: ScopeRules, areTicked: boolean): Markup {
  const names = listPermissions(scope);
  if (names.length > 0) {
    return html`<ul class="choices">
      ${names.map((name) => describePermission(name, rules, areTicked))}
    </ul>`;
  }
  return rules.declared.length === 0
    ? html`No scopes: everything that this server lets you do.`
    : html`None of those that this server knows.`;
}

function describePermission(name: string, rules: ScopeRules, isTicked: boolean): Markup {
  const isNeeded = rules.required.includes(name);
  // Also those that have a box of their own: unticking that takes nothing away while this one stays.
  const within = [...expandScope([name], rules)].filter(
    (other) => other !== name && !rules.required.includes(other),
  );
  const title = titleOf(name, rules);
  const notes = [
    ...(isNeeded ? ['needed for any use'] : []),
    ...(within.length === 0 ? [] : [`with it: ${within.map((other) => titleOf(other, rules)).join(', ')}`]),
  ];
  return html`<li>
    <label>
      <input
        type="checkbox"
        name="scope"
        value="${name}"
        form="decision"
        autocomplete="off"
        ${isTicked || isNeeded ? raw('checked') : ''}
        ${isNeeded ? raw('disabled') : ''}
      />
      <span>${title} ${title === name ? '' : html`<code class="small">${name}</code>`}</span>
    </label>
    ${notes.length === 0 ? '' : html`<div class="small">${notes.join(' · ')}</div>`}
  </li>`;
}

function titleOf(name: string, { declared }: ScopeRules): string {
  return declared.find((scope) => scope.name === name)?.description ?? name;
}

function describeLogin(providers: readonly ShownProvider[]): Markup {
  const asked = providers
    .filter(({ scopes }) => scopes.length > 0)
    .map(({ title, scopes }) => {
      const where = providers.length === 1 ? '' : html`<bdi>${title}</bdi>: `;
      return html`<br />${where}<code>${scopes.join(' ')}</code>`;
    });
  return html`Who you are. This goes to the server, not to the application.${asked}`;
}

function describeNext(providers: readonly ShownProvider[]): Markup {
  const [only] = providers;
  if (only === undefined || providers.length > 1) {
    return html`Choose where you have an account: you log in there, and the application is let in. Your
    password stays there. If you deny, the application is told so and gets nothing.`;
  }
  return html`If you approve, you log in at <strong><bdi>${new URL(only.issuer).host}</bdi></strong> and the
    application is let in. Your password stays there. If you deny, the application is told so and gets
    nothing.`;
}

/** One button approves; of several each says where it leads. */
function renderDecision(providers: readonly ShownProvider[]): Markup {
  // Deny first: what Enter in a box above does is what the first button does.
  if (providers.length > 1) return html`${renderDeny('Deny')} ${renderProviderButtons(providers)}`;
  return html`<div class="decision">
    <div><button type="submit" name="action" value="deny">Deny</button></div>
    <div class="arming" data-label="Approve">
      <button class="primary" type="submit" name="action" value="approve">Approve</button>
    </div>
  </div>`;
}

function warnOfTarget(uri: VerifiedRedirectUri): Markup | '' {
  const { kind, origin } = describeRedirectUri(uri);
  switch (kind) {
    case 'https':
      return '';
    case 'loopback':
      return html`<div class="warning">
        <p>
          The answer goes to an application on this device, and any program on it can claim to be this one.
          Approve only if you just started the application here.
        </p>
      </div>`;
    case 'private-use':
      return html`<div class="warning">
        <p>
          The answer goes to whichever application on this device opens <strong>${origin}</strong> links.
          Approve only if you just started the application here.
        </p>
      </div>`;
  }
}
