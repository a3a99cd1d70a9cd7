import { describe, expect, it } from 'vitest';

import { fingerprintClientId } from '../../services/clients/client.ts';
import { noScopes } from '../../services/resources/resource.ts';
import { type AccountPage, renderAccountPage } from './account-page.ts';
import type { OwnGrant } from './own-grants.ts';

const resource = 'https://gatehouse.test/mcp';
const grant: OwnGrant = {
  grantId: 'grant-1',
  client: fingerprintClientId('client-1'),
  details: { clientName: 'Desk', resource, scope: [], grantedAt: 1_795_262_400 },
  refreshedAt: undefined,
  endsUnused: 1_795_867_200,
  absoluteEnd: 1_797_854_400,
};

async function show(page: Partial<AccountPage>, isServed = true): Promise<{ status: number; html: string }> {
  const response = renderAccountPage(
    {
      account: 'alice@example.com',
      providerHost: 'login.test',
      expiresAt: 1_795_263_000,
      grants: [grant],
      formToken: 'mgh_af_form',
      outcome: undefined,
      ...page,
    },
    () => (isServed ? { title: 'Notes', scopes: noScopes } : undefined),
  );
  return { status: response.status, html: await response.text() };
}

describe('renderAccountPage', () => {
  it('says when a grant ends if nobody uses it, and when in any case', async () => {
    const { html } = await show({});
    expect(html).toMatch(
      /if it is not used, <time datetime="2026-11-28T12:00:00.000Z">28 November 2026, 12:00 UTC/,
    );
    expect(html).toMatch(/in any case <time datetime="2026-12-21T12:00:00.000Z">21 December 2026, 12:00 UTC/);
    expect(html).not.toContain('Last renewed');
  });

  it('says whose word the name is, of each kind of client', async () => {
    const of = async (more: object): Promise<string> =>
      (await show({ grants: [{ ...grant, details: { ...grant.details, ...more } as never }] })).html;
    expect(await of({})).toContain('unverified');
    expect(await of({ clientHost: 'desk.example' })).toContain('<strong><bdi>desk.example</bdi></strong>');
    expect(await of({ preRegistered: true })).toContain('registered by the operator of this server');
    expect(await of({ clientName: undefined })).toContain('an application without a name');
  });

  it('can end a grant of which nothing can be read any more', async () => {
    const { html } = await show({ grants: [{ ...grant, details: undefined }] });
    expect(html).toContain('Access can be ended all the same');
    expect(html).toContain('value="end:grant-1"');
  });

  it('shows access to a server that is not served any more', async () => {
    const { html } = await show({}, false);
    expect(html).toContain(`<code>${resource}</code>`);
    expect(html).toContain('not served here at the moment');
  });

  it('tells an alert from news, and answers 404 to what is not there', async () => {
    const ended = await show({ grants: [], outcome: { kind: 'ended', grant } });
    expect(ended.status).toBe(200);
    expect(ended.html).toMatch(
      /role="status">\s*<p>\s*Ended: <bdi>Desk<\/bdi> has no access to <bdi>Notes<\/bdi>/,
    );
    const missing = await show({ outcome: { kind: 'not-found' } });
    expect(missing.status).toBe(404);
    expect(missing.html).toMatch(/role="alert">\s*<p>Nothing was ended/);
  });

  it('has something to end even when nothing is listed', async () => {
    const { html } = await show({ grants: [] });
    expect(html).toContain('No application has access in your name, as far as is listed here');
    expect(html).toContain('value="end-all"');
  });
});
