import { afterEach, describe, expect, it } from 'vitest';

import {
  codeForm,
  createTokenRoom,
  exchange,
  refreshForm,
  type TokenBody,
  type TokenRoom,
  type TokenRoomOptions,
} from '../../../test/support/token-room.ts';
import { accessTokenPurpose, openAccessToken } from '../../services/tokens/access-token.ts';
import { authorizationCodePurpose } from '../../services/tokens/authorization-code.ts';
import type { GrantTerms } from '../../services/tokens/grant-terms.ts';
import {
  openRefreshToken,
  refreshTokenPurpose,
  sealRefreshToken,
} from '../../services/tokens/refresh-token.ts';

const oneText = 'The refresh token is not valid';
const day = 24 * 3600;
let room: TokenRoom;

afterEach(() => room.close());

async function logIn(terms: Partial<GrantTerms> = {}, options: TokenRoomOptions = {}): Promise<TokenBody> {
  room = createTokenRoom(options);
  const issued = await exchange(room, codeForm(await room.issueCode({ grantId: 'grant-1', ...terms })));
  room.events.length = 0;
  return issued;
}

describe('refresh token grant (OAuth 2.1 §4.3)', () => {
  it('rotates: a new access token and a successor', async () => {
    const issued = await logIn();
    room.clock.advance(1800);
    const response = await room.post(refreshForm(issued.refresh_token));
    const next = (await response.json()) as TokenBody;

    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(next).toEqual({
      access_token: expect.stringMatching(/^mgh_at_/),
      token_type: 'Bearer',
      expires_in: 3595,
      refresh_token: expect.stringMatching(/^mgh_rt_/),
    });
    expect(next.refresh_token).not.toBe(issued.refresh_token);
    expect(room.events).toMatchObject([
      { type: 'tokens_issued', grantType: 'refresh_token', subject: 'alice', grant: 'grant-1' },
    ]);
    await exchange(room, refreshForm(next.refresh_token));
  });

  it('gives the same token the same successor inside the window', async () => {
    const issued = await logIn();
    const first = await exchange(room, refreshForm(issued.refresh_token));
    room.clock.advance(29);
    const second = await exchange(room, refreshForm(issued.refresh_token));

    expect(second.refresh_token).toBe(first.refresh_token);
    expect(second.access_token).not.toBe(first.access_token);
    expect(room.events).toMatchObject([
      { type: 'tokens_issued' },
      { type: 'refresh_repeated', subject: 'alice', grant: 'grant-1' },
    ]);
  });

  it('leaves no token in the store that could be presented by whoever reads it', async () => {
    const issued = await logIn();
    const next = await exchange(room, refreshForm(issued.refresh_token));

    const { records } = await room.store.list('', { cursor: '', limit: 10 });
    const stored = records.map(({ value }) => value).join(' ');
    expect(stored).toContain('mgh_ss_');
    expect(stored).not.toContain(next.refresh_token);
    for (const [found] of stored.matchAll(/mgh_[\w-]+/g)) {
      for (const purpose of [refreshTokenPurpose, accessTokenPurpose, authorizationCodePurpose]) {
        expect(room.sealer.open(purpose, found.replace(/^mgh_[a-z]+_/, purpose.prefix))).toBeUndefined();
      }
      expect(await room.refuse(refreshForm(found))).toMatchObject({ code: 'invalid_grant' });
    }
    expect((await exchange(room, refreshForm(issued.refresh_token))).refresh_token).toBe(next.refresh_token);
  });

  it.each([
    ['the window is over', 30, false],
    ['the successor was used', 1, true],
  ])('ends the grant when a spent token comes after %s', async (_, seconds, useSuccessor) => {
    const issued = await logIn();
    const next = await exchange(room, refreshForm(issued.refresh_token));
    const last = useSuccessor ? await exchange(room, refreshForm(next.refresh_token)) : next;
    room.clock.advance(seconds);
    room.events.length = 0;

    const refusal = await room.refuse(refreshForm(issued.refresh_token));

    expect(refusal).toMatchObject({
      code: 'invalid_grant',
      status: 400,
      reason: 'refresh_reuse_detected',
      description: oneText,
    });
    expect(room.revocations.isRevoked('grant-1')).toBe(true);
    expect(room.events).toMatchObject([
      { type: 'replay_detected', kind: 'refresh', grant: 'grant-1', subject: 'alice' },
      { type: 'grant_revoked', cause: 'refresh_reuse', grant: 'grant-1', subject: 'alice' },
    ]);
    expect(await room.refuse(refreshForm(last.refresh_token))).toMatchObject({
      code: 'invalid_grant',
      reason: 'refresh_family_revoked',
      description: oneText,
    });
  });

  it('refuses the token of another client and keeps it', async () => {
    const issued = await logIn();

    const refusal = await room.refuse(refreshForm(issued.refresh_token, { client_id: 'client-b' }));

    expect(refusal).toMatchObject({ code: 'invalid_grant', reason: 'client_mismatch', description: oneText });
    await expectNotConsumed(issued);
  });

  it('refuses another resource and keeps the token', async () => {
    const issued = await logIn();

    const refusal = await room.refuse(
      refreshForm(issued.refresh_token, { resource: 'https://evil.test/mcp' }),
    );

    expect(refusal).toMatchObject({ code: 'invalid_target', reason: 'resource_mismatch' });
    await expectNotConsumed(issued);
  });

  it('refuses a grant for a resource that is not served any more', async () => {
    const issued = await logIn();
    const token = openRefreshToken(room.sealer, issued.refresh_token);
    if (token === undefined) throw new Error('the issued refresh token does not open');
    const terms = { ...token.terms, resource: 'https://gatehouse.test/old' };
    const sealed = sealRefreshToken(room.sealer, { ...token, terms });

    expect(await room.refuse(refreshForm(sealed))).toMatchObject({
      code: 'invalid_grant',
      reason: 'refresh_token_invalid',
    });
  });

  it('narrows the access token to the scope asked for, not the grant', async () => {
    const issued = await logIn({ scope: ['read', 'write'] });
    const narrowed = await exchange(room, refreshForm(issued.refresh_token, { scope: 'read' }));
    const whole = await exchange(room, refreshForm(narrowed.refresh_token));

    expect(narrowed.scope).toBe('read');
    expect(openAccessToken(room.sealer, narrowed.access_token)?.terms.scope).toEqual(['read']);
    expect(whole.scope).toBe('read write');
  });

  it('takes a scope for narrower that a granted one includes', async () => {
    const issued = await logIn({ scope: ['write'] });
    const narrowed = await exchange(room, refreshForm(issued.refresh_token, { scope: 'read' }));

    expect(narrowed.scope).toBe('read');
  });

  it('leaves out what the resource does not have, as the authorization endpoint did', async () => {
    const issued = await logIn({ scope: ['read', 'offline_access'] });
    const next = await exchange(
      room,
      refreshForm(issued.refresh_token, { scope: 'read nonsense offline_access openid' }),
    );

    expect(next.scope).toBe('read offline_access');
  });

  it.each([
    ['read admin', 'scope_exceeded'],
    ['admin', 'scope_exceeded'],
    ['nonsense', 'scope_exceeded'],
    ['read "', 'scope_invalid'],
  ])('refuses the scope %o and keeps the token', async (scope, reason) => {
    const issued = await logIn({ scope: ['read', 'write'] });

    const refusal = await room.refuse(refreshForm(issued.refresh_token, { scope }));

    expect(refusal).toMatchObject({ code: 'invalid_scope', status: 400, reason });
    await expectNotConsumed(issued);
  });

  it('grants nothing to a scope parameter when the grant has no scopes', async () => {
    const issued = await logIn();
    const next = await exchange(room, refreshForm(issued.refresh_token, { scope: 'admin offline_access' }));

    expect(next.scope).toBeUndefined();
    expect(openAccessToken(room.sealer, next.access_token)?.terms.scope).toEqual([]);
  });

  it('refuses a grant from before the cut-off', async () => {
    // After the store began to remember: a grant from before that is refused for its own reason.
    const cutOff = Date.UTC(2026, 10, 21, 12, 0, 10) / 1000;
    const issued = await logIn({ grantedAt: cutOff });
    const older = await exchange(room, codeForm(await room.issueCode({ grantedAt: cutOff - 1 })));
    const strict = createTokenRoom({ store: () => room.store, revokeBefore: cutOff });

    expect(await strict.refuse(refreshForm(older.refresh_token))).toMatchObject({
      code: 'invalid_grant',
      reason: 'token_revoked_iat_cutoff',
      description: oneText,
    });
    await exchange(strict, refreshForm(issued.refresh_token));
    await strict.close();
  });

  it('refuses a token that was idle for seven days', async () => {
    const issued = await logIn();
    room.clock.advance(7 * day);

    expect(await room.refuse(refreshForm(issued.refresh_token))).toMatchObject({
      code: 'invalid_grant',
      reason: 'refresh_token_invalid',
      description: oneText,
    });
    expect(room.events).toEqual([]);
  });

  it('ends with the grant however busy the client is', async () => {
    let issued = await logIn();
    for (let passed = 0; passed < 29; passed += 1) {
      room.clock.advance(day);
      issued = await exchange(room, refreshForm(issued.refresh_token));
    }
    room.clock.advance(day - 60);
    issued = await exchange(room, refreshForm(issued.refresh_token));
    expect(issued.expires_in).toBe(60);
    room.clock.advance(60);

    expect(await room.refuse(refreshForm(issued.refresh_token))).toMatchObject({
      code: 'invalid_grant',
      reason: 'grant_expired',
      description: oneText,
    });
  });

  it('refuses a token whose record the store has lost', async () => {
    const issued = await logIn();
    await room.store.delete('grant:grant-1');

    expect(await room.refuse(refreshForm(issued.refresh_token))).toMatchObject({
      code: 'invalid_grant',
      reason: 'refresh_token_invalid',
    });
    expect(room.events).toEqual([]);
  });

  it('says 503 while the store does not answer, and the token is good afterwards', async () => {
    let down = false;
    const issued = await logIn({}, { storeIsDown: () => down });
    down = true;

    expect(await room.refuse(refreshForm(issued.refresh_token))).toMatchObject({
      code: 'temporarily_unavailable',
      status: 503,
      retryAfterSeconds: 2,
    });
    down = false;
    await expectNotConsumed(issued);
  });

  it('tells of a reuse that the store cannot record, and refuses the thief all the same', async () => {
    let down = false;
    const issued = await logIn({}, { storeIsDown: () => down });
    const thief = await exchange(room, refreshForm(issued.refresh_token));
    room.clock.advance(30);
    room.events.length = 0;
    const append = room.store.append;
    Object.assign(room.store, {
      append: (...entry: Parameters<typeof append>) => {
        down = true;
        return append(...entry);
      },
    });

    expect(await room.refuse(refreshForm(issued.refresh_token))).toMatchObject({ status: 503 });
    expect(room.events).toMatchObject([{ type: 'replay_detected', kind: 'refresh', grant: 'grant-1' }]);
    Object.assign(room.store, { append });
    down = false;
    expect(await room.refuse(refreshForm(thief.refresh_token))).toMatchObject({
      code: 'invalid_grant',
      reason: 'refresh_family_revoked',
    });
  });

  it('refuses a request without a refresh token', async () => {
    room = createTokenRoom();

    expect(await room.refuse(refreshForm(''))).toMatchObject({
      code: 'invalid_request',
      reason: 'parameter_missing',
    });
  });

  it('refuses an access token or a code in its place', async () => {
    const issued = await logIn();

    for (const wrong of [issued.access_token, await room.issueCode(), 'mgh_rt_AAAA', 'x']) {
      expect(await room.refuse(refreshForm(wrong))).toMatchObject({
        code: 'invalid_grant',
        reason: 'refresh_token_invalid',
        description: oneText,
      });
    }
  });

  it('refuses a sealed token of a shape it does not know', async () => {
    room = createTokenRoom();
    const old = room.sealer.seal(refreshTokenPurpose, JSON.stringify({ sub: 'alice', exp: 9e9 }));

    expect(await room.refuse(refreshForm(old))).toMatchObject({
      code: 'invalid_grant',
      reason: 'refresh_token_invalid',
    });
  });
});

async function expectNotConsumed(issued: TokenBody): Promise<void> {
  expect(room.events).toEqual([]);
  await exchange(room, refreshForm(issued.refresh_token));
  expect(room.events).toMatchObject([{ type: 'tokens_issued' }]);
}
