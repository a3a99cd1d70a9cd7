import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { Browser } from '../support/browser.ts';
import { authorizeUrl, decide, postForm, refresh, registerClient } from '../support/flow.ts';
import { type HouseOfTwo, openHouseOfTwo } from '../support/house-of-two.ts';

let house: HouseOfTwo;
let metricsPort: number;

beforeEach(async () => {
  house = await openHouseOfTwo();
  ({ metricsPort } = await house.gatehouse.listen());
});

afterEach(() => house.close());

async function metrics(): Promise<string> {
  return (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
}

/** A login at one of the two, with what it answers. */
async function attempt(at: 'corp' | 'partner', change: (query: URLSearchParams) => void): Promise<void> {
  const client = await registerClient(house.gatehouse);
  const browser = new Browser(house.gatehouse);
  const page = await browser.get(authorizeUrl(house.gatehouse, client));
  const query = await house[at].logIn(new URL(await decide(browser, page, `approve:${at}`)));
  change(query);
  await browser.get(`/callback/${at}?${query.toString()}`);
}

describe('what is told of several identity providers', () => {
  it('names the one at which a login succeeded or failed', async () => {
    await house.signIn('corp');
    await attempt('partner', (query) => query.set('code', 'forged'));
    await attempt('partner', (query) => {
      query.delete('code');
      query.set('error', 'access_denied');
    });
    const told = house.gatehouse.events.filter(({ type }) => type.startsWith('login_'));
    expect(told).toMatchObject([
      { type: 'login_succeeded', identityProvider: 'corp', subject: 'alice' },
      { type: 'login_failed', identityProvider: 'partner', reason: 'idp_exchange_failed' },
      { type: 'login_failed', identityProvider: 'partner', reason: 'idp_error' },
    ]);
    const text = await metrics();
    expect(text).toContain('gatehouse_logins_total{identity_provider="corp"} 1');
    expect(text).toContain(
      'gatehouse_logins_failed_total{identity_provider="partner",reason="idp_exchange_failed"} 1',
    );
    expect(text).toContain('gatehouse_logins_failed_total{identity_provider="partner",reason="idp_error"} 1');
    const lines = house.gatehouse.logged().split('\n');
    expect(lines.find((line) => line.includes('"callback_success"'))).toContain('"identity_provider":"corp"');
    expect(lines.find((line) => line.includes('"login_failed"'))).toContain('"identity_provider":"partner"');
  });

  it('names the one whose rules, groups and logouts it is about', async () => {
    const { gatehouse } = house;
    house.partner.person = { ...house.partner.person, groups: { staff: true } };
    house.partner.refreshTokens = 'replaced';
    const { client, refreshToken } = await house.signIn('partner');
    await refresh(gatehouse, client.clientId, refreshToken);
    await postForm(gatehouse, '/backchannel-logout', {
      logout_token: await house.partner.logoutToken({ sub: 'alice' }),
    });
    for (const type of ['groups_claim_shape_mismatch', 'identity_rechecked', 'backchannel_logout']) {
      expect(gatehouse.events).toContainEqual(expect.objectContaining({ type, identityProvider: 'partner' }));
    }
    const text = await metrics();
    expect(text).toContain(
      'gatehouse_identity_rechecks_total{identity_provider="partner",outcome="present"} 1',
    );
    expect(text).toContain(
      'gatehouse_backchannel_logouts_total{identity_provider="partner",kind="subject"} 1',
    );
    expect(text).not.toContain(house.partner.issuer);
  });

  it('shows what is under way at each, and which one is left alone', async () => {
    house.partner.misbehaviour = { transport: { token: 'silent' } };
    for (let count = 0; count < 3; count += 1) await attempt('partner', () => undefined);
    const text = await metrics();
    expect(text).toContain('gatehouse_identity_provider_paused{identity_provider="partner",lane="login"} 1');
    expect(text).toContain('gatehouse_identity_provider_paused{identity_provider="corp",lane="login"} 0');
    expect(text).toContain(
      'gatehouse_identity_provider_paused{identity_provider="partner",lane="recheck"} 0',
    );
    expect(text).toContain('gatehouse_identity_provider_requests{identity_provider="corp",lane="login"} 0');

    house.clock.advance(3);
    expect(await metrics()).toContain(
      'gatehouse_identity_provider_paused{identity_provider="partner",lane="login"} 0',
    );
  });

  it('counts a login that is under way', async () => {
    house.corp.misbehaviour = { transport: { token: 'slow' } };
    const pending = attempt('corp', () => undefined);
    while (house.corp.count('token') === 0) await new Promise((resolve) => setImmediate(resolve));
    expect(await metrics()).toContain(
      'gatehouse_identity_provider_requests{identity_provider="corp",lane="login"} 1',
    );
    await house.corp.close();
    await pending;
  });
});
