import { html } from 'hono/html';

import type { EpochSeconds } from '../../platform/clock.ts';
import { type Markup, renderPage } from '../../platform/html/page.ts';
import { describeTrust, namelessClient } from '../../services/clients/described-client.ts';
import type { ProtectedResource } from '../../services/resources/resource.ts';
import type { GrantDetails } from '../../services/tokens/person-grant.ts';
import { mostListed } from '../../services/tokens/person-grants.ts';
import { endGrant } from './account-form.ts';
import type { OwnGrant } from './own-grants.ts';

export interface AccountPage {
  /** By which the person knows themselves. */
  readonly account: string;
  /** Where they logged in: two of them may call different people the same. */
  readonly providerHost: string;
  readonly expiresAt: EpochSeconds;
  readonly grants: readonly OwnGrant[];
  readonly formToken: string;
  /** What the form did that this page answers. */
  readonly outcome: AccountOutcome | undefined;
}

export type AccountOutcome =
  | { readonly kind: 'ended'; readonly grant: OwnGrant }
  /** Nothing was ended: the grant is over, was never one, or is not theirs, and which of these is not said. */
  | { readonly kind: 'not-found' };

type FindResource = (identifier: string) => Pick<ProtectedResource, 'title' | 'scopes'> | undefined;

const title = 'What you allowed';

/** The page on which a person sees the grants that are alive, and ends them. What is shown was known at that moment. */
export function renderAccountPage(page: AccountPage, findResource: FindResource): Response {
  const { grants, outcome } = page;
  const body = html`<h1>${title}</h1>
    <p class="lead">
      You are signed in as <bdi>${page.account}</bdi>, at <bdi>${page.providerHost}</bdi>.
      ${countGrants(grants.length)}
    </p>
    ${outcome === undefined ? '' : describeOutcome(outcome, grants, findResource)}
    <form method="post" action="/account">
      <input type="hidden" name="form_token" value="${page.formToken}" />
      ${
        grants.length === 0
          ? ''
          : html`<ul class="grants">
              ${grants.map((grant) => html`<li>${describeGrant(grant, findResource)}</li>`)}
            </ul>`
      }
      ${describeEndAll(grants.length)}
      <h2>Sign out</h2>
      <p>Nothing else happens. By itself it stops working on ${describeTime(page.expiresAt)}.</p>
      <div class="decision">
        <div><button type="submit" name="action" value="sign-out">Sign out of this page</button></div>
      </div>
    </form>`;
  const status = outcome?.kind === 'not-found' ? 404 : 200;
  return renderPage({ title, body, status, formAction: 'self' });
}

function countGrants(count: number): string {
  if (count === 0) return 'No application has access in your name, as far as is listed here.';
  return count === 1
    ? 'One application has access in your name.'
    : `You gave applications access ${count} times.`;
}

function describeOutcome(
  outcome: AccountOutcome,
  left: readonly OwnGrant[],
  findResource: FindResource,
): Markup {
  if (outcome.kind === 'not-found') {
    return html`<div class="notice" role="alert">
      <p>Nothing was ended: there is no such access of yours, or not any more.</p>
    </div>`;
  }
  const { details } = outcome.grant;
  const where = details === undefined ? '' : html` to ${nameResource(details.resource, findResource)}`;
  const name = html`<bdi>${nameOf(details)}</bdi>`;
  // Who has two of a kind must not believe that both are gone.
  const said = left.some((grant) => readsLike(grant, outcome.grant))
    ? html`Ended: this access of ${name}${where}. There is more like it in the list below.`
    : html`Ended: ${name} has no access${where} any more.`;
  return html`<div class="notice" role="status">
    <p>${said} What it is doing right now stops within seconds.</p>
  </div>`;
}

/** Whether a reader may take one for the other: grants of one client, or of clients of one name, at one server. */
function readsLike(one: OwnGrant, ended: OwnGrant): boolean {
  if (ended.details === undefined) return true;
  if (one.details === undefined) return one.client === ended.client;
  if (one.details.resource !== ended.details.resource) return false;
  return one.client === ended.client || nameOf(one.details) === nameOf(ended.details);
}

function describeGrant(grant: OwnGrant, findResource: FindResource): Markup {
  const { grantId, details } = grant;
  return html`<h2 class="name" id="g-${grantId}"><bdi>${nameOf(details)}</bdi></h2>
    ${details === undefined ? '' : describeTrust(details)}
    <dl class="facts">
      ${details === undefined ? describeUnreadable() : describeDetails(details, findResource)}
      ${grant.refreshedAt === undefined ? '' : describeFact('Last renewed', describeTime(grant.refreshedAt))}
      ${describeFact('Ends by itself', describeEnd(grant))}
    </dl>
    <button type="submit" name="action" value="${endGrant}${grantId}" aria-describedby="g-${grantId}">
      End access
    </button>`;
}

function describeDetails(details: GrantDetails, findResource: FindResource): Markup {
  const { resource, recipient, grantedAt } = details;
  const known = findResource(resource);
  const isNamed = known?.title !== undefined;
  return html`${describeFact(
    'It has access to',
    html`${isNamed ? html`<bdi class="name">${known.title}</bdi><br />` : ''}<code>${resource}</code>${
      known === undefined ? html`<div class="small">not served here at the moment</div>` : ''
    }`,
  )}
  ${describeFact('Permissions', describeScope(details.scope, known))}
  ${describeFact(
    'The answer was sent to',
    recipient === undefined ? 'a device that showed you a code' : html`<code>${recipient}</code>`,
  )}
  ${describeFact('You allowed it', describeTime(grantedAt))}`;
}

/** Sealed with a key that the operator has removed. */
function describeUnreadable(): Markup {
  return describeFact('Details', 'They cannot be read any more. Access can be ended all the same.');
}

function describeScope(scope: readonly string[], known: ReturnType<FindResource>): Markup | string {
  if (scope.length === 0) return 'Everything that this server lets you do.';
  const titleOf = (name: string): string =>
    known?.scopes.declared.find((each) => each.name === name)?.description ?? name;
  return html`${scope.map((name, index) => html`${index === 0 ? '' : ', '}<bdi>${titleOf(name)}</bdi>`)}`;
}

function describeFact(term: string, value: Markup | string): Markup {
  return html`<div>
    <dt>${term}</dt>
    <dd>${value}</dd>
  </div>`;
}

function describeEndAll(count: number): Markup {
  return html`<h2>End all access</h2>
    <p>
      ${count === 0 ? 'Ends' : 'Ends all of the above, and'} whatever you allowed that is not listed here:
      before this server kept the list, more than ${mostListed} times, or on its way just now. What your
      organization allows in your name, without you, is not yours to end here. You are signed out of this page
      too.
    </p>
    <div class="decision">
      <div><button type="submit" name="action" value="end-all">End all access</button></div>
    </div>`;
}

function describeEnd({ endsUnused, absoluteEnd }: OwnGrant): Markup {
  if (endsUnused === absoluteEnd) return describeTime(absoluteEnd);
  return html`if it is not used, ${describeTime(endsUnused)};<br />in any case ${describeTime(absoluteEnd)}`;
}

function nameOf(details: GrantDetails | undefined): string {
  if (details === undefined) return 'an application';
  return details.clientName ?? namelessClient;
}

function nameResource(identifier: string, findResource: FindResource): Markup {
  return html`<bdi>${findResource(identifier)?.title ?? identifier}</bdi>`;
}

/** No script tells the page where its reader is: the time that everybody has in common. */
function describeTime(seconds: EpochSeconds): Markup {
  const moment = new Date(seconds * 1000).toISOString();
  const month = months[Number(moment.slice(5, 7)) - 1] ?? '';
  const text = `${Number(moment.slice(8, 10))} ${month} ${moment.slice(0, 4)}, ${moment.slice(11, 16)} UTC`;
  return html`<time datetime="${moment}">${text}</time>`;
}

const months = 'January February March April May June July August September October November December'.split(
  ' ',
);
