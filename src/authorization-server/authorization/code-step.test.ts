import { afterEach, describe, expect, it } from 'vitest';

import {
  type AuthorizationRoom,
  createAuthorizationRoom,
  obtainLoginState,
  refusalOf,
} from '../../../test/support/authorization-room.ts';
import { Browser } from '../../../test/support/browser.ts';
import type { IdentityRecheckMode } from '../../services/identity/identity-provider.ts';
import type { AuthorizationCode } from '../../services/tokens/authorization-code.ts';

let room: AuthorizationRoom;

afterEach(() => room.close());

function open(identityRecheck: IdentityRecheckMode, token?: string): void {
  room = createAuthorizationRoom({ identityRecheck });
  const { identityProvider } = room;
  identityProvider.finishLogin = () =>
    Promise.resolve({ identity: identityProvider.person, refreshToken: token, sessionId: 's-1' });
}

async function finish(): Promise<Response> {
  const browser = new Browser(room);
  const { state } = await obtainLoginState(room, browser);
  return browser.get(`/callback?${new URLSearchParams({ code: 'idp-code', state }).toString()}`);
}

async function finishWithCode(): Promise<{ code: AuthorizationCode | undefined; location: string }> {
  const location = (await finish()).headers.get('location') ?? '';
  return { code: room.openCode(new URL(location).searchParams.get('code') ?? ''), location };
}

describe('the code of a login that came with a refresh token', () => {
  it('carries it sealed, and names the session', async () => {
    open('auto', 'provider-refresh-token');
    const { code, location } = await finishWithCode();
    expect(code?.identityToken).toBe('provider-refresh-token');
    expect(code?.terms.sessionId).toBe('s-1');
    expect(location).not.toContain('provider-refresh-token');
    expect(JSON.stringify(room.events)).not.toContain('provider-refresh-token');
  });

  it('goes without one that does not fit, and that is told', async () => {
    open('auto', 'x'.repeat(6000));
    const { code } = await finishWithCode();
    expect(code).toBeDefined();
    expect(code?.identityToken).toBeUndefined();
    expect(room.events).toMatchObject([
      { type: 'authorize_initiated' },
      { type: 'consent_decided' },
      { type: 'identity_token_dropped', subject: 'alice', grant: code?.terms.grantId },
      { type: 'login_succeeded' },
    ]);
  });

  it('does not carry it where nobody will ask', async () => {
    open('off', 'provider-refresh-token');
    expect((await finishWithCode()).code?.identityToken).toBeUndefined();
    expect(room.events.map(({ type }) => type)).not.toContain('identity_token_dropped');
  });
});

describe('IDENTITY_RECHECK=required', () => {
  it.each([
    ['without a refresh token', undefined],
    ['with one that does not fit', 'x'.repeat(6000)],
  ])('refuses a login %s, and records no grant', async (_, token) => {
    open('required', token);
    expect(await refusalOf(finish())).toMatchObject({
      code: 'access_denied',
      reason: 'identity_recheck_impossible',
      description:
        'The identity provider gave no refresh token, and this service has to be able to ask it again',
    });
    expect(room.grants).toEqual([]);
    expect(room.events.map(({ type }) => type)).not.toContain('login_succeeded');
  });

  it('lets in who comes with one', async () => {
    open('required', 'provider-refresh-token');
    expect((await finishWithCode()).code?.identityToken).toBe('provider-refresh-token');
  });
});
