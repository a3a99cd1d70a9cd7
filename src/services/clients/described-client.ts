import { html } from 'hono/html';

import type { Markup } from '../../platform/html/page.ts';
import { isMixedScript } from '../../protocol/client-name.ts';

/** What a page says of who a client is. */
export interface DescribedClient {
  readonly clientName: string | undefined;
  /** The host that vouches for the client by its metadata document. */
  readonly clientHost?: string | undefined;
  /** The operator registered the client. */
  readonly preRegistered?: true | undefined;
}

/** A client's name, and how far it can be believed: the same words wherever a person meets the client. */
export function describeClient(client: DescribedClient): Markup {
  if (client.clientName === undefined) return html`<span class="name">${namelessClient}</span>`;
  return html`<bdi class="name">${client.clientName}</bdi> ${describeTrust(client)}`;
}

/** What a client is called that gave itself no name. */
export const namelessClient = 'an application without a name';

/** Who vouches for a client, and a warning when its name may imitate another one's. */
export function describeTrust({ clientName: name, ...vouching }: DescribedClient): Markup {
  if (name === undefined || !isMixedScript(name)) return describeVouching(vouching);
  return html`${describeVouching(vouching)}
    <div class="warning">
      <p>
        This name mixes letters of different alphabets that look alike. It may imitate another application.
      </p>
    </div>`;
}

/** A host proves that it published the document, and nothing about its name: whoever has a domain can choose any. */
function describeVouching({
  clientHost: host,
  preRegistered,
}: Pick<DescribedClient, 'clientHost' | 'preRegistered'>): Markup {
  if (preRegistered === true) return html`<div class="small">registered by the operator of this server</div>`;
  if (host === undefined) return html`<div class="small">unverified — chosen by the application itself</div>`;
  return html`<div>
      published by <strong><bdi>${host}</bdi></strong>
    </div>
    <div class="small">the host is verified; the name is its own choice</div>`;
}
