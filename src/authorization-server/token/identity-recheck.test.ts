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
import { StoreError } from '../../platform/store/store.ts';
import type { GoneReason } from '../../services/identity/identity-provider.ts';
import { openAccessToken } from '../../services/tokens/access-token.ts';
import type { GrantTerms } from '../../services/tokens/grant-terms.ts';
import { openRefreshToken, type RefreshToken } from '../../services/tokens/refresh-token.ts';

const hour = 3600;
let room: TokenRoom;

afterEach(() => room.close());

/** A login whose provider gave a refresh token, unless it is told not to. */
async function logIn(options: TokenRoomOptions & { readonly without?: true } = {}): Promise<TokenBody> {
  room = createTokenRoom(options);
  const identityToken = options.without === true ? undefined : room.identityProvider.issueRefreshToken();
  const issued = await exchange(room, codeForm(await room.issueCode({ grantId: 'grant-1' }, identityToken)));
  room.events.length = 0;
  return issued;
}

function refresh(issued: TokenBody): Promise<TokenBody> {
  return exchange(room, refreshForm(issued.refresh_token));
}

function termsOf(issued: TokenBody): GrantTerms | undefined {
  return openAccessToken(room.sealer, issued.access_token)?.terms;
}

function opened(issued: TokenBody): RefreshToken | undefined {
  return openRefreshToken(room.sealer, issued.refresh_token);
}

async function recordOfGrant(): Promise<unknown> {
  return JSON.parse((await room.store.get('grant:grant-1')) ?? 'null');
}

describe('a refresh asks the identity provider again', () => {
  it('with the token the provider gave last, and of the person it knows', async () => {
    const issued = await logIn();
    const next = await refresh(issued);
    await refresh(next);
    expect(room.identityProvider.rechecks).toEqual([
      {
        refreshToken: 'provider-refresh-token-1',
        known: {
          issuer: 'https://login.test',
          subject: 'alice',
          email: 'alice@example.com',
          name: 'Alice Example',
          groups: ['engineering'],
        },
      },
      expect.objectContaining({ refreshToken: 'provider-refresh-token-2' }),
    ]);
    expect(room.events).toMatchObject([
      { type: 'identity_rechecked', outcome: 'present', subject: 'alice', grant: 'grant-1' },
      { type: 'tokens_issued', grantType: 'refresh_token' },
      { type: 'identity_rechecked', outcome: 'present' },
      { type: 'tokens_issued' },
    ]);
  });

  it('and puts what it says now into both new tokens', async () => {
    const issued = await logIn();
    room.identityProvider.person = {
      ...room.identityProvider.person,
      email: 'alice.new@example.com',
      name: undefined,
      groups: ['sales'],
    };
    room.clock.advance(60);
    const next = await refresh(issued);
    const now = { email: 'alice.new@example.com', name: undefined, groups: ['sales'], grantId: 'grant-1' };
    expect(termsOf(next)).toMatchObject(now);
    expect(opened(next)?.terms).toMatchObject(now);
    expect(opened(next)?.identity).toEqual({
      refreshToken: 'provider-refresh-token-2',
      checkedAt: room.clock.nowSeconds(),
    });
  });

  it('once: a repetition gets the same successor, and tokens that say the same', async () => {
    const issued = await logIn();
    room.identityProvider.person = { ...room.identityProvider.person, groups: ['sales'] };
    const first = await refresh(issued);
    const second = await refresh(issued);
    expect(second.refresh_token).toBe(first.refresh_token);
    expect(termsOf(second)?.groups).toEqual(['sales']);
    expect(room.identityProvider.rechecks).toHaveLength(1);
  });

  it('once for any number of callers at the same time, who all get one successor', async () => {
    const issued = await logIn();
    let answer = (): void => {};
    room.identityProvider.hold = new Promise((resolve) => {
      answer = resolve;
    });
    const all = Promise.all(Array.from({ length: 16 }, () => refresh(issued)));
    while (room.pauses.length < 32) await new Promise((resolve) => setImmediate(resolve));
    answer();
    const answers = await all;
    expect(new Set(answers.map((each) => each.refresh_token)).size).toBe(1);
    expect(room.identityProvider.rechecks).toHaveLength(1);
    expect(room.events.filter((event) => event.type === 'tokens_issued')).toHaveLength(1);
    expect(room.events.filter((event) => event.type === 'refresh_repeated')).toHaveLength(15);
  });

  it('and says 503 to whoever has waited three seconds for another to do so', async () => {
    const issued = await logIn();
    let answer = (): void => {};
    room.identityProvider.hold = new Promise((resolve) => {
      answer = resolve;
    });
    const first = refresh(issued);
    while (room.identityProvider.rechecks.length < 1) await new Promise((resolve) => setImmediate(resolve));
    expect(await room.refuse(refreshForm(issued.refresh_token))).toMatchObject({
      code: 'temporarily_unavailable',
      status: 503,
      reason: 'refresh_in_progress',
      retryAfterSeconds: 2,
    });
    expect(room.pauses.reduce((sum, each) => sum + each, 0)).toBe(3000);
    answer();
    expect((await refresh(issued)).refresh_token).toBe((await first).refresh_token);
  });

  it('and does not take it for theft when the successor was used while a caller waited', async () => {
    const issued = await logIn();
    let answer = (): void => {};
    room.identityProvider.hold = new Promise((resolve) => {
      answer = resolve;
    });
    const first = refresh(issued);
    while (room.identityProvider.rechecks.length < 1) await new Promise((resolve) => setImmediate(resolve));
    // The waiting caller sees nothing of the store until the first has used what it got.
    const read = room.store.get;
    let letRead = (): void => {};
    const gate = new Promise<void>((resolve) => {
      letRead = resolve;
    });
    const second = room.refuse(refreshForm(issued.refresh_token));
    while (room.pauses.length < 1) await new Promise((resolve) => setImmediate(resolve));
    const held: string[] = [];
    Object.assign(room.store, {
      get: async (key: string) => {
        if (held.push(key) === 1) await gate;
        return read(key);
      },
    });
    while (held.length < 1) await new Promise((resolve) => setImmediate(resolve));
    answer();
    const next = await first;
    await refresh(next);
    letRead();
    expect(await second).toMatchObject({ code: 'temporarily_unavailable', reason: 'refresh_in_progress' });
    expect(room.events.filter((event) => event.type === 'grant_revoked')).toEqual([]);
  });

  it('leaves no token of the provider in the store, in the clear or otherwise to be read', async () => {
    const issued = await logIn();
    await refresh(issued);
    const { records } = await room.store.list('', { cursor: '', limit: 10 });
    expect(JSON.stringify(records)).not.toContain('provider-refresh-token');
    expect(JSON.stringify(room.events)).not.toContain('provider-refresh-token');
    expect(issued.refresh_token + issued.access_token).not.toContain('provider-refresh-token');
  });
});

describe('a person who is gone', () => {
  it.each([
    ['identity_gone', 'identity_gone'],
    ['group', 'group'],
    ['email_unverified', 'identity_gone'],
    ['group_invalid', 'identity_gone'],
  ] as const)('(%s) loses the grant and its access tokens', async (reason: GoneReason, cause) => {
    const issued = await logIn();
    room.identityProvider.gone = reason;
    expect(await room.refuse(refreshForm(issued.refresh_token))).toMatchObject({
      code: 'invalid_grant',
      status: 400,
      reason,
      description: 'The refresh token is not valid',
    });
    expect(room.revocations.isRevoked('grant-1')).toBe(true);
    expect(room.events).toMatchObject([
      { type: 'identity_rechecked', outcome: 'gone' },
      { type: 'grant_revoked', cause, grant: 'grant-1', subject: 'alice' },
    ]);
    room.identityProvider.gone = undefined;
    expect(await room.refuse(refreshForm(issued.refresh_token))).toMatchObject({
      reason: 'refresh_family_revoked',
    });
    expect(room.identityProvider.rechecks).toHaveLength(1);
  });

  it('stays for as long as the store cannot record it: 503, and asked again', async () => {
    const issued = await logIn();
    room.identityProvider.gone = 'identity_gone';
    const { append } = room.store;
    Object.assign(room.store, { append: () => Promise.reject(new StoreError('append', undefined)) });
    expect(await room.refuse(refreshForm(issued.refresh_token))).toMatchObject({
      code: 'temporarily_unavailable',
    });
    Object.assign(room.store, { append });
    expect(await room.refuse(refreshForm(issued.refresh_token))).toMatchObject({ code: 'invalid_grant' });
  });

  it('is not believed to be gone when the lease was lost while the provider was asked', async () => {
    const issued = await logIn();
    let answer = (): void => {};
    room.identityProvider.hold = new Promise((resolve) => {
      answer = resolve;
    });
    const slow = room.refuse(refreshForm(issued.refresh_token));
    while (room.identityProvider.rechecks.length < 1) await new Promise((resolve) => setImmediate(resolve));
    // It stood still for longer than its lease; another asked, and spent the provider's token.
    room.clock.advance(11);
    room.identityProvider.hold = Promise.resolve();
    const next = await refresh(issued);
    await refresh(next);
    answer();
    expect(await slow).toMatchObject({ code: 'temporarily_unavailable', reason: 'refresh_in_progress' });
    expect(room.revocations.isRevoked('grant-1')).toBe(false);
  });
});

describe('a provider that does not answer', () => {
  it('stops nobody for the grace after its last word; then it is 503, and the token stays good', async () => {
    const issued = await logIn();
    room.identityProvider.unanswered = true;
    room.clock.advance(hour - 1);
    const next = await refresh(issued);
    expect(room.events).toMatchObject([
      { type: 'identity_rechecked', outcome: 'unanswered' },
      { type: 'tokens_issued' },
    ]);
    expect(opened(next)?.identity).toEqual(opened(issued)?.identity);
    room.clock.advance(1);
    const before = await recordOfGrant();
    expect(await room.refuse(refreshForm(next.refresh_token))).toMatchObject({
      code: 'temporarily_unavailable',
      status: 503,
      reason: 'identity_recheck_unanswered',
      retryAfterSeconds: 10,
    });
    expect(await recordOfGrant()).toEqual(before);
    room.identityProvider.unanswered = false;
    const after = await refresh(next);
    expect(opened(after)?.identity?.checkedAt).toBe(room.clock.nowSeconds());
    expect(room.revocations.isRevoked('grant-1')).toBe(false);
  });

  it('does not keep those in whom our own settings no longer admit', async () => {
    const issued = await logIn();
    room.identityProvider.unanswered = true;
    room.identityProvider.allowedGroups = ['sales'];
    expect(await room.refuse(refreshForm(issued.refresh_token))).toMatchObject({
      code: 'invalid_grant',
      reason: 'group',
    });
    expect(room.revocations.isRevoked('grant-1')).toBe(true);
  });

  it('was asked in vain by a process that died: its lease ends by itself', async () => {
    const issued = await logIn();
    const token = opened(issued);
    if (token === undefined) throw new Error('no refresh token');
    expect(await room.grants.lease(token, 'the dead')).toMatchObject({ outcome: 'leased' });
    expect((await room.refuse(refreshForm(issued.refresh_token))).reason).toBe('refresh_in_progress');
    room.clock.advance(10);
    await refresh(issued);
  });

  it('gives the lease back when the store fails after the answer, and the answer is not lost', async () => {
    const issued = await logIn();
    const { replace } = room.store;
    let writes = 0;
    Object.assign(room.store, {
      replace: (...change: Parameters<typeof replace>) => {
        writes += 1;
        return writes === 2 ? Promise.reject(new StoreError('replace', undefined)) : replace(...change);
      },
    });
    expect((await room.refuse(refreshForm(issued.refresh_token))).code).toBe('temporarily_unavailable');
    expect(await recordOfGrant()).not.toHaveProperty('rotating');
  });
});

describe('a login without a refresh token of the provider', () => {
  it('is refreshed with the claims it began with, and counted as unchecked', async () => {
    const issued = await logIn({ without: true });
    room.identityProvider.person = { ...room.identityProvider.person, groups: ['sales'] };
    const next = await refresh(issued);
    expect(termsOf(next)?.groups).toEqual(['engineering']);
    expect(room.identityProvider.rechecks).toEqual([]);
    expect(room.events).toMatchObject([{ type: 'tokens_issued', identityUnchecked: true }]);
  });

  it('ends when our own settings no longer admit its groups', async () => {
    const issued = await logIn({ without: true });
    room.identityProvider.allowedGroups = ['sales'];
    expect(await room.refuse(refreshForm(issued.refresh_token))).toMatchObject({
      code: 'invalid_grant',
      reason: 'group',
    });
    expect(room.events).toMatchObject([{ type: 'grant_revoked', cause: 'group' }]);
    expect(room.revocations.isRevoked('grant-1')).toBe(true);
  });

  it('is not refreshed where an answer is required', async () => {
    const issued = await logIn({ without: true, identityMode: 'required' });
    expect(await room.refuse(refreshForm(issued.refresh_token))).toMatchObject({
      code: 'invalid_grant',
      reason: 'identity_recheck_impossible',
    });
    expect(room.events).toEqual([]);
  });
});

describe('a login without one, where people can be looked up', () => {
  it('is refreshed with the groups of now, and its person is known for checked', async () => {
    const issued = await logIn({ without: true });
    const asked: unknown[] = [];
    room.identityProvider.lookUp = (known) => {
      asked.push(known.subject);
      return Promise.resolve({ outcome: 'present', identity: { ...known, groups: ['sales'] } });
    };
    room.clock.advance(60);
    const next = await refresh(issued);
    expect(asked).toEqual(['alice']);
    expect(termsOf(next)?.groups).toEqual(['sales']);
    expect(opened(next)?.terms.groups).toEqual(['sales']);
    expect(opened(next)?.identity).toEqual({
      refreshToken: undefined,
      checkedAt: room.clock.nowSeconds(),
    });
    expect(room.events).toMatchObject([
      { type: 'identity_rechecked', outcome: 'present' },
      { type: 'tokens_issued' },
    ]);
    expect(room.events[1]).not.toHaveProperty('identityUnchecked');
  });

  it('ends when the person is gone', async () => {
    const issued = await logIn({ without: true });
    room.identityProvider.lookUp = () => Promise.resolve({ outcome: 'gone', reason: 'identity_gone' });
    expect((await room.refuse(refreshForm(issued.refresh_token))).reason).toBe('identity_gone');
    expect(room.revocations.isRevoked('grant-1')).toBe(true);
  });

  it('ends when the entry rules refuse the groups of now', async () => {
    const judge = ({ groups }: { readonly groups: readonly string[] }) =>
      groups.includes('contractors') ? 'group' : undefined;
    const issued = await logIn({ without: true, entry: { judge } });
    room.identityProvider.lookUp = (known) =>
      Promise.resolve({ outcome: 'present', identity: { ...known, groups: ['contractors'] } });
    expect((await room.refuse(refreshForm(issued.refresh_token))).reason).toBe('group');
    expect(room.revocations.isRevoked('grant-1')).toBe(true);
  });

  it('goes on without an answer for the grace since the last one, be that the login', async () => {
    const issued = await logIn({ without: true });
    const { lookUp } = room.identityProvider;
    expect(lookUp).toBeUndefined();
    room.identityProvider.lookUp = (known) => Promise.resolve({ outcome: 'present', identity: known });
    room.clock.advance(hour);
    const later = await refresh(issued);
    room.identityProvider.lookUp = () => Promise.resolve({ outcome: 'unanswered' });
    room.clock.advance(hour - 1);
    const last = await refresh(later);
    room.clock.advance(1);
    const refusal = { code: 'temporarily_unavailable', reason: 'identity_recheck_unanswered' };
    expect(await room.refuse(refreshForm(last.refresh_token))).toMatchObject(refusal);
    expect(room.revocations.isRevoked('grant-1')).toBe(false);
  });

  it('has no such grace from before the login', async () => {
    const issued = await logIn({ without: true });
    room.identityProvider.lookUp = () => Promise.resolve({ outcome: 'unanswered' });
    room.clock.advance(hour);
    expect((await room.refuse(refreshForm(issued.refresh_token))).reason).toBe('identity_recheck_unanswered');
  });

  it.each(['required', 'off'] as const)('is not looked up with IDENTITY_RECHECK=%s', async (mode) => {
    const issued = await logIn({ without: true, identityMode: mode });
    room.identityProvider.lookUp = () => Promise.reject(new Error('asked'));
    if (mode === 'off') await refresh(issued);
    else
      expect((await room.refuse(refreshForm(issued.refresh_token))).reason).toBe(
        'identity_recheck_impossible',
      );
  });
});

describe('a login at a former identity provider', () => {
  it.each([
    ['auto', true],
    ['auto', false],
    ['off', true],
    ['off', false],
  ] as const)(
    'ends at the next refresh with IDENTITY_RECHECK=%s, and it is asked nothing',
    async (mode, asks) => {
      room = createTokenRoom({ identityMode: mode });
      const terms = { grantId: 'grant-1', identityIssuer: 'https://former.test' };
      const proof = asks ? room.identityProvider.issueRefreshToken() : undefined;
      const issued = await exchange(room, codeForm(await room.issueCode(terms, proof)));
      room.events.length = 0;
      expect(await room.refuse(refreshForm(issued.refresh_token))).toMatchObject({
        code: 'invalid_grant',
        reason: 'identity_gone',
      });
      expect(room.events).toMatchObject([{ type: 'grant_revoked', cause: 'identity_gone' }]);
      expect(room.revocations.isRevoked('grant-1')).toBe(true);
      expect(room.identityProvider.rechecks).toEqual([]);
    },
  );
});

describe('IDENTITY_RECHECK=off', () => {
  it('asks nobody, and keeps what it would ask with', async () => {
    const issued = await logIn({ identityMode: 'off' });
    room.identityProvider.gone = 'identity_gone';
    room.identityProvider.allowedGroups = ['sales'];
    const next = await refresh(issued);
    expect(room.identityProvider.rechecks).toEqual([]);
    expect(room.events).toEqual([expect.objectContaining({ type: 'tokens_issued' })]);
    expect(room.events[0]).not.toHaveProperty('identityUnchecked');
    expect(opened(next)?.identity).toEqual(opened(issued)?.identity);
  });
});

describe('a provider token that does not fit', () => {
  it('is left out of the successor, and told', async () => {
    const issued = await logIn();
    room.identityProvider.recheck = () =>
      Promise.resolve({
        outcome: 'present',
        identity: room.identityProvider.person,
        refreshToken: 'x'.repeat(7000),
      });
    const next = await refresh(issued);
    expect(opened(next)?.identity).toEqual({
      refreshToken: undefined,
      checkedAt: room.clock.nowSeconds(),
    });
    expect(room.events).toMatchObject([
      { type: 'identity_rechecked', outcome: 'present' },
      { type: 'identity_token_dropped', subject: 'alice', grant: 'grant-1' },
      { type: 'tokens_issued' },
    ]);
    await refresh(next);
  });

  it('fits with 5,000 characters, stored successor and all', async () => {
    const issued = await logIn();
    const refreshToken = 'x'.repeat(5000);
    const { person } = room.identityProvider;
    room.identityProvider.recheck = () =>
      Promise.resolve({ outcome: 'present', identity: person, refreshToken });
    const next = await refresh(issued);
    expect(opened(next)?.identity?.refreshToken).toBe(refreshToken);
    expect((await refresh(issued)).refresh_token).toBe(next.refresh_token);
  });
});

describe('ACCESS_TOKEN_TTL', () => {
  it('is how long every access token lasts', async () => {
    const issued = await logIn({ accessTokenTtlSeconds: 300 });
    expect(issued.expires_in).toBe(295);
    const next = await refresh(issued);
    expect(next.expires_in).toBe(295);
    const again = await refresh(issued);
    expect(again.expires_in).toBe(295);
    const access = openAccessToken(room.sealer, again.access_token);
    expect((access?.expiresAt ?? 0) - (access?.issuedAt ?? 0)).toBe(300);
  });
});
