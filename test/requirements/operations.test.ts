import { afterEach, describe, expect, it } from 'vitest';

import { authorizeUrl, decide, postForm, redeem, refresh, registerClient, signIn } from '../support/flow.ts';
import { Browser } from '../support/browser.ts';
import { createTestGatehouse, type TestGatehouse } from '../support/gatehouse.ts';

let gatehouse: TestGatehouse;

afterEach(() => gatehouse.close());

/** What was told since the last time, as types. */
function tell(): readonly string[] {
  return gatehouse.events.splice(0).map(({ type }) => type);
}

describe('M. the audit log', () => {
  it('171: tells of every step from registration to revocation, and who took it', async () => {
    gatehouse = await createTestGatehouse();
    const tokens = await signIn(gatehouse);
    const { clientId } = tokens.client;
    const people = gatehouse.events.flatMap((event) => ('subject' in event ? [event.subject] : []));
    expect(people).toEqual(['alice', 'alice']);
    expect(tell()).toEqual([
      'client_registered',
      'authorize_initiated',
      'consent_decided',
      'login_succeeded',
      'tokens_issued',
    ]);

    await refresh(gatehouse, clientId, tokens.refreshToken);
    expect(tell()).toContain('tokens_issued');
    await redeem(gatehouse, tokens);
    expect(tell()).toEqual(expect.arrayContaining(['replay_detected', 'grant_revoked', 'request_refused']));

    const other = await signIn(gatehouse);
    tell();
    await postForm(gatehouse, '/revoke', { token: other.refreshToken, client_id: other.client.clientId });
    expect(tell()).toContain('grant_revoked');

    const browser = new Browser(gatehouse);
    const page = await browser.get(authorizeUrl(gatehouse, await registerClient(gatehouse)));
    await decide(browser, page, 'deny');
    expect(gatehouse.events).toContainEqual(
      expect.objectContaining({ type: 'consent_decided', decision: 'denied' }),
    );
    expect(gatehouse.logged()).toContain('"request_id":"test-request"');
  });
});
