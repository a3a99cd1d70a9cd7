import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { FakeClock } from '../../../test/support/fake-clock.ts';
import { createMemoryStore } from '../../platform/store/memory-store.ts';
import { type Store, StoreError } from '../../platform/store/store.ts';
import { OAuthError } from '../../protocol/oauth-error.ts';
import type { GatehouseEvent } from '../../services/audit/events.ts';
import { fingerprintClientId } from '../../services/clients/client.ts';
import type { Logout } from '../../services/identity/identity-provider.ts';
import { clockSlackSeconds } from '../../services/tokens/cut-off.ts';
import { createRevocations, type Revocations } from '../../services/tokens/revocations.ts';
import { createBackchannelLogoutEndpoint } from './backchannel-logout-endpoint.ts';

const issuer = 'https://login.test';
let clock: FakeClock;
let store: Store;
let revocations: Revocations;
let events: GatehouseEvent[];
let logout: Logout;

beforeEach(() => {
  clock = new FakeClock();
  store = createMemoryStore({ clock });
  revocations = createRevocations({ store, clock, onError: () => {} });
  events = [];
  const now = clock.nowSeconds();
  const token = { tokenId: 'j-1', issuedAt: now, acceptableUntil: now + 660 };
  logout = { issuer, subject: 'alice', sessionId: undefined, ...token };
});

afterEach(async () => {
  revocations.close();
  await store.close();
});

function post(
  body: string,
  parts: { store?: Store; headers?: Record<string, string> } = {},
): Promise<Response> {
  const endpoint = createBackchannelLogoutEndpoint({
    verifyLogout: (token) =>
      token === 'good'
        ? Promise.resolve(logout)
        : Promise.reject(new OAuthError('invalid_request', 'no', { reason: 'logout_token_invalid' })),
    nameProvider: (issuer) => (issuer === logout.issuer ? 'main' : undefined),
    store: parts.store ?? store,
    revocations,
    clock,
    emit: (event) => events.push(event),
  });
  const headers = { 'content-type': 'application/x-www-form-urlencoded', ...parts.headers };
  const request = new Request('https://gatehouse.test/backchannel-logout', { method: 'POST', headers, body });
  return endpoint(request, { requestId: 'r-1', clientAddress: '192.0.2.1' });
}

function isOver(grant: {
  subject?: string;
  sessionId?: string;
  grantedAt?: number;
  identityIssuer?: string;
}): boolean {
  return revocations.judge({
    grantId: 'grant-1',
    identityIssuer: issuer,
    subject: 'alice',
    client: fingerprintClientId('client-a'),
    grantedAt: clock.nowSeconds() - 60,
    ...grant,
  });
}

describe('back-channel logout', () => {
  it('ends everything of a person up to the logout, and nobody else’s', async () => {
    const response = await post('logout_token=good');
    expect([response.status, await response.text()]).toEqual([200, '']);
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(isOver({})).toBe(true);
    expect(isOver({ sessionId: 's-1' })).toBe(true);
    expect(isOver({ grantedAt: clock.nowSeconds() + clockSlackSeconds })).toBe(true);
    expect(isOver({ grantedAt: clock.nowSeconds() + 1 + clockSlackSeconds })).toBe(false);
    expect(isOver({ subject: 'bob' })).toBe(false);
    expect(isOver({ identityIssuer: 'https://other.test' })).toBe(false);
    const named = { subject: 'alice', identityProvider: 'main' };
    expect(events).toEqual([{ type: 'backchannel_logout', kind: 'subject', ...named }]);
  });

  it('spares a login that came after a logout which arrives late', async () => {
    clock.advance(300);
    await post('logout_token=good');
    expect(isOver({ grantedAt: logout.issuedAt + clockSlackSeconds })).toBe(true);
    expect(isOver({ grantedAt: logout.issuedAt + 1 + clockSlackSeconds })).toBe(false);
  });

  it('does not reach into the future for a provider whose clock is ahead', async () => {
    logout = { ...logout, issuedAt: clock.nowSeconds() + 60 };
    await post('logout_token=good');
    expect(isOver({ grantedAt: clock.nowSeconds() + clockSlackSeconds })).toBe(true);
    expect(isOver({ grantedAt: clock.nowSeconds() + 1 + clockSlackSeconds })).toBe(false);
  });

  it('ends one session where it names one, and the logins still on their way from it', async () => {
    logout = { ...logout, sessionId: 's-1' };
    expect((await post('logout_token=good')).status).toBe(200);
    expect(isOver({ sessionId: 's-1' })).toBe(true);
    expect(isOver({ sessionId: 's-1', grantedAt: clock.nowSeconds() + 30 })).toBe(true);
    expect(isOver({ sessionId: 's-2' })).toBe(false);
    const named = { subject: 'alice', identityProvider: 'main' };
    expect(events).toEqual([{ type: 'backchannel_logout', kind: 'session', ...named }]);
  });

  it('ends with a session what the person was granted when the provider named none', async () => {
    logout = { ...logout, sessionId: 's-1' };
    await post('logout_token=good');
    expect(isOver({})).toBe(true);
    expect(isOver({ grantedAt: clock.nowSeconds() + 1 + clockSlackSeconds })).toBe(false);
    expect(isOver({ subject: 'bob' })).toBe(false);
    expect(isOver({ identityIssuer: 'https://other.test' })).toBe(false);
  });

  it('ends only what has the session when no person is named', async () => {
    logout = { ...logout, sessionId: 's-1', subject: undefined };
    await post('logout_token=good');
    expect(isOver({ sessionId: 's-1' })).toBe(true);
    expect(isOver({})).toBe(false);
  });

  it('takes a token once', async () => {
    await post('logout_token=good');
    events.length = 0;
    await expect(post('logout_token=good')).rejects.toMatchObject({
      code: 'invalid_request',
      status: 400,
      reason: 'logout_token_replay',
    });
    expect(events).toEqual([]);
  });

  it.each([
    ['', 'parameter_missing'],
    ['logout_token=', 'parameter_missing'],
    ['logout_token=bad', 'logout_token_invalid'],
    ['logout_token=good&logout_token=good', 'parameter_repeated'],
  ])('refuses %j and ends nothing', async (body, reason) => {
    await expect(post(body)).rejects.toMatchObject({ code: 'invalid_request', status: 400, reason });
    expect(isOver({})).toBe(false);
    expect(events).toEqual([]);
    expect((await store.list('', { cursor: '', limit: 1 })).records).toEqual([]);
  });

  it('refuses what is no form', async () => {
    const headers = { 'content-type': 'application/json' };
    await expect(post('{"logout_token":"good"}', { headers })).rejects.toMatchObject({
      reason: 'content_type_unsupported',
    });
  });

  it.each(['putIfAbsent', 'append'] as const)(
    'says 503 when %s fails, and hears the same token again',
    async (verb) => {
      const intact = store[verb];
      const failure = (): Promise<never> => Promise.reject(new StoreError(verb, new Error('down')));
      Object.assign(store, { [verb]: failure });
      await expect(post('logout_token=good')).rejects.toMatchObject({
        code: 'temporarily_unavailable',
        status: 503,
        reason: 'replay_store_unavailable',
      });
      expect(events).toEqual([]);
      Object.assign(store, { [verb]: intact });
      expect((await post('logout_token=good')).status).toBe(200);
    },
  );

  it('hears a token again when the store failed between its mark and its logout, for good', async () => {
    const { append } = store;
    const fragile: Store = { ...store, delete: () => Promise.reject(new StoreError('delete', undefined)) };
    Object.assign(store, { append: () => Promise.reject(new StoreError('append', undefined)) });
    await expect(post('logout_token=good', { store: fragile })).rejects.toMatchObject({ status: 503 });
    Object.assign(store, { append });
    expect((await post('logout_token=good', { store: fragile })).status).toBe(200);
    const page = await store.read('revocations', '');
    expect(page.entries).toHaveLength(1);
    await expect(post('logout_token=good')).rejects.toMatchObject({ reason: 'logout_token_replay' });
  });
});
