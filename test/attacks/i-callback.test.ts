import { afterEach, describe, expect, it } from 'vitest';

import { Browser } from '../support/browser.ts';
import { authorizeUrl, decide, readForm, registerClient } from '../support/flow.ts';
import { createTestGatehouse } from '../support/gatehouse.ts';

const closers: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

async function begin() {
  const gatehouse = await createTestGatehouse();
  closers.push(() => gatehouse.close());
  const client = await registerClient(gatehouse);
  const browser = new Browser(gatehouse);
  const login = new URL(await decide(browser, await browser.get(authorizeUrl(gatehouse, client))));
  const consentPage = await browser.get(authorizeUrl(gatehouse, client));
  const consentToken = readForm(await consentPage.text())['consent_token'] ?? '';
  return { gatehouse, browser, state: login.searchParams.get('state') ?? '', consentToken };
}

describe('I. identity provider leg: the callback', () => {
  it.each([
    ['access_denied', 'access_denied'],
    ['server_error', 'server_error'],
    ['your_account_is_locked_call_555', 'server_error'],
    ['<script>alert(1)</script>', 'server_error'],
    ['invalid_grant', 'server_error'],
    ['__proto__', 'server_error'],
  ])(
    '133: the provider error %s reaches the client as %s, without a word of the query',
    async (error, code) => {
      const { gatehouse, browser, state } = await begin();
      const query = new URLSearchParams({
        error,
        error_description: 'CANARY call 555',
        error_uri: 'https://CANARY.example',
        state,
      });

      const answer = await browser.get(`/callback?${query.toString()}`);

      expect(answer.status).toBe(302);
      const location = new URL(answer.headers.get('location') ?? '');
      expect(Object.fromEntries(location.searchParams)).toEqual({
        error: code,
        error_description: 'The identity provider did not complete the login',
        state: 'client-state',
        iss: gatehouse.publicUrl,
      });
      expect(gatehouse.logged()).not.toContain('CANARY');
      expect(gatehouse.identityProvider.finishedLogins).toEqual([]);
    },
  );

  it('133: without a live state the error stays on a page, and its words do not reach it', async () => {
    const { gatehouse, browser } = await begin();

    const answer = await browser.get(
      '/callback?error=CANARY&error_description=CANARY&error_uri=CANARY&state=CANARY',
    );

    expect(answer.status).toBe(400);
    expect(await answer.text()).not.toContain('CANARY');
    expect(gatehouse.logged()).not.toContain('CANARY');
  });

  it('134: an answer that is ambiguous, incomplete or of another kind is refused, and nobody is called', async () => {
    const { gatehouse, browser, state, consentToken } = await begin();
    const started = gatehouse.identityProvider.startedLogins.length;
    for (const query of [
      `code=c&error=access_denied&state=${state}`,
      `code=a&code=b&state=${state}`,
      `code=a&state=${state}&state=${state}`,
      `error=a&error=b&state=${state}`,
      `state=${state}`,
      'code=c',
      'code=c&state=',
      `code=c&state=${consentToken}`,
      `code=c&state=${consentToken.replace('mgh_cs_', 'mgh_st_')}`,
      `code=c&state=${state}x`,
      '',
    ]) {
      const answer = await browser.get(`/callback?${query}`);

      expect([query, answer.status]).toEqual([query, 400]);
      expect(answer.headers.get('location')).toBeNull();
    }
    const posted = await browser.post('/callback', { code: 'c', state });
    expect(posted.status).toBe(405);
    expect(gatehouse.identityProvider.finishedLogins).toEqual([]);
    expect(gatehouse.identityProvider.startedLogins).toHaveLength(started);
    // None of it ended the login that was under way.
    const query = new URLSearchParams({ code: 'c', state }).toString();
    expect((await browser.get(`/callback?${query}`)).status).toBe(302);
  });
});
