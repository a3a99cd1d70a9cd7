import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { Browser } from '../support/browser.ts';
import { errorOf } from '../support/device-flow.ts';
import { authorizeUrl, decide, refresh, registerClient, signIn } from '../support/flow.ts';
import { createTestGatehouse, type TestGatehouse } from '../support/gatehouse.ts';
import { type RecordingUpstream, replyJson, startRecordingUpstream } from '../support/recording-upstream.ts';

let upstream: RecordingUpstream;
let house: TestGatehouse;

beforeEach(async () => {
  upstream = await startRecordingUpstream();
  upstream.answer = replyJson({});
  house = await createTestGatehouse({ upstream: `${upstream.origin}/mcp` });
});

afterEach(async () => {
  expect(house.logged()).not.toContain('internal_error');
  await house.close();
  await upstream.close();
});

/** As Microsoft Entra names groups. */
function guids(count: number): readonly string[] {
  return Array.from(
    { length: count },
    (_, index) => `0e3f1a6c-52b4-4a57-9d10-${String(index).padStart(12, '0')}`,
  );
}

function joinGroups(groups: readonly string[]): void {
  house.identityProvider.person = { ...house.identityProvider.person, groups };
}

const reasons = (): readonly string[] =>
  house.events.flatMap((event) => (event.type === 'request_refused' ? [event.reason] : []));

describe('somebody in many groups', () => {
  it('enters with two hundred GUIDs, all of which the upstream is told', async () => {
    joinGroups(guids(200));
    const { accessToken, code } = await signIn(house);
    await house.fetch(house.mount, {
      method: 'POST',
      headers: { authorization: `Bearer ${accessToken}`, 'content-type': 'application/json' },
      body: '{}',
    });
    expect(upstream.requests[0]?.header('x-user-groups')).toEqual([guids(200).join(',')]);
    // With the rest of a request line, what the proxy in front of a client takes as a rule.
    expect(code.length).toBeLessThan(7_168);
  });

  it('is told so on a page, with more than fit; the client gets access_denied and nothing is recorded', async () => {
    joinGroups(guids(300));
    const client = await registerClient(house);
    const browser = new Browser(house);
    const login = new URL(await decide(browser, await browser.get(authorizeUrl(house, client))));
    const query = new URLSearchParams({ code: 'idp-code', state: login.searchParams.get('state') ?? '' });
    const answer = await browser.get(`/callback?${query.toString()}`);
    const html = await answer.text();
    expect([answer.status, answer.headers.get('location')]).toEqual([403, null]);
    expect(html).toContain('is in more groups than');
    expect(html).not.toContain('0e3f1a6c');
    const href = /<a class="button" href="([^"]*)"/.exec(html)?.[1]?.replaceAll('&amp;', '&') ?? '';
    expect(new URL(href).searchParams.get('error')).toBe('access_denied');
    expect(reasons()).toEqual(['groups_too_many']);
    expect((await house.store.list('grant:', { cursor: '', limit: 1 })).records).toEqual([]);
  });

  it('is sent to that page by a refresh, and goes on when there are fewer again', async () => {
    house.identityProvider.givesRefreshTokens = true;
    const { client, refreshToken } = await signIn(house);
    joinGroups(guids(300));
    const refused = await refresh(house, client.clientId, refreshToken);
    expect([refused.status, await errorOf(refused)]).toEqual([400, 'invalid_grant']);
    expect(reasons()).toEqual(['groups_too_many']);
    expect(house.events.map(({ type }) => type)).not.toContain('grant_revoked');
  });
});
