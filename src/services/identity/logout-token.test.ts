import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { FakeClock } from '../../../test/support/fake-clock.ts';
import { TestOpenIdProvider } from '../../../test/support/openid-provider.ts';
import { createGuardedFetch } from '../../platform/outbound/guarded-fetch.ts';
import { OAuthError } from '../../protocol/oauth-error.ts';
import type { IdentityProvider } from './identity-provider.ts';
import { createOpenIdProvider } from './openid-provider.ts';

const event = 'http://schemas.openid.net/event/backchannel-logout';

describe('a logout token (OpenID Connect Back-Channel Logout §2.6)', () => {
  let clock: FakeClock;
  let remote: TestOpenIdProvider;
  let provider: IdentityProvider;

  beforeEach(async () => {
    clock = new FakeClock();
    remote = await TestOpenIdProvider.start(clock);
    provider = create();
  });
  afterEach(async () => {
    provider.close();
    await remote.close();
  });

  function create(): IdentityProvider {
    return createOpenIdProvider({
      config: {
        issuer: remote.issuer,
        clientId: remote.clientId,
        clientSecret: remote.clientSecret,
        scopes: ['openid'],
        allowInsecureHttp: true,
        groupsClaim: 'groups',
        trustUnverifiedEmail: false,
        exchangeRatePerSecond: undefined,
        exchangeBurst: 1,
      },
      allowedGroups: [],
      redirectUri: 'https://gatehouse.test/callback',
      fetch: createGuardedFetch({ totalTimeoutMs: 500, maxBytes: 64 * 1024, userAgent: 'gatehouse/test' }),
      clock,
      emit: () => undefined,
      onDiscoveryFailure: () => undefined,
    });
  }

  async function refusalOf(token: string): Promise<OAuthError> {
    const error: unknown = await provider.verifyLogout(token).then(
      () => new Error('it was not refused'),
      (thrown: unknown) => thrown,
    );
    if (!(error instanceof OAuthError)) throw error;
    return error;
  }

  const invalid = { code: 'invalid_request', status: 400, reason: 'logout_token_invalid' };

  it('names a session, a person, or both', async () => {
    const now = clock.nowSeconds();
    const common = { issuer: remote.issuer, issuedAt: now, acceptableUntil: now + 660 };
    expect(await provider.verifyLogout(await remote.logoutToken({ sid: 's-1', jti: 'j-1' }))).toEqual({
      ...common,
      subject: undefined,
      sessionId: 's-1',
      tokenId: 'j-1',
    });
    expect(
      await provider.verifyLogout(await remote.logoutToken({ sub: 'alice', sid: 's-1', jti: 'j-2' })),
    ).toEqual({ ...common, subject: 'alice', sessionId: 's-1', tokenId: 'j-2' });
  });

  it.each([[undefined], ['JWT'], ['logout+jwt'], ['application/logout+jwt']])(
    'may have the type %s',
    async (typ) => {
      const token = await remote.logoutToken({ sub: 'alice' }, { typ });
      expect(await provider.verifyLogout(token)).toMatchObject({ subject: 'alice' });
    },
  );

  it('may be without an expiry, as those of older providers are, and come late by clocks that differ', async () => {
    const token = await remote.logoutToken({ sub: 'alice', exp: undefined });
    expect(await provider.verifyLogout(token)).toMatchObject({ subject: 'alice' });
    clock.advance(-60);
    expect(await provider.verifyLogout(token)).toMatchObject({ subject: 'alice' });
    clock.advance(60 + 660);
    expect(await provider.verifyLogout(token)).toMatchObject({ subject: 'alice' });
    clock.advance(1);
    expect(await refusalOf(token)).toMatchObject(invalid);
  });

  it.each([
    ['of another issuer', { iss: 'https://evil.test' }],
    ['without an issuer', { iss: undefined }],
    ['for another client', { aud: 'someone-else' }],
    ['for another client as well', { aud: ['gatehouse', 'someone-else'] }],
    ['for nobody', { aud: undefined }],
    ['without a time', { iat: undefined }],
    ['from the future', { iat: 4_000_000_000, exp: 4_000_000_100 }],
    ['from long ago', { iat: 1_700_000_000 }],
    ['that has expired', { exp: 1_700_000_000 }],
    ['without an id', { jti: undefined }],
    ['with an empty id', { jti: '' }],
    ['with an id that is no text', { jti: 7 }],
    ['with an endless id', { jti: 'j'.repeat(513) }],
    ['without events', { events: undefined }],
    ['with another event', { events: { 'http://schemas.openid.net/event/other': {} } }],
    ['with events as a list', { events: [event] }],
    ['with an event that is no object', { events: { [event]: true } }],
    ['with an event that is a list', { events: { [event]: [] } }],
    ['with a nonce', { nonce: 'n-1' }],
    ['with a nonce of null', { nonce: null }],
    ['that names nobody', { sub: undefined }],
    ['with an empty subject', { sub: '' }],
    ['with a subject that is no text', { sub: ['alice'] }],
    ['with an empty session', { sid: '' }],
    ['with a session that is no text', { sid: 5 }],
  ])('is refused %s', async (_, claims) => {
    const refusal = await refusalOf(await remote.logoutToken({ sub: 'alice', ...claims }));
    expect(refusal).toMatchObject(invalid);
    expect(refusal.message).not.toContain('alice');
  });

  it.each(['none', 'foreign-key', 'hs256-secret', 'hs256-public-key', 'broken'] as const)(
    'is refused with signature %s',
    async (signature) => {
      remote.misbehaviour = { signature };
      expect(await refusalOf(await remote.logoutToken({ sub: 'alice' }))).toMatchObject(invalid);
    },
  );

  it('is refused with an algorithm that the provider does not say it signs with', async () => {
    provider.close();
    remote.misbehaviour = { metadata: { id_token_signing_alg_values_supported: ['RS256'] } };
    provider = create();
    expect(await refusalOf(await remote.logoutToken({ sub: 'alice' }))).toMatchObject(invalid);
  });

  it.each([['at+jwt'], ['secevent+jwt'], ['x']])('is refused with the type %s', async (typ) => {
    expect(await refusalOf(await remote.logoutToken({ sub: 'alice' }, { typ }))).toMatchObject(invalid);
  });

  it.each([[''], ['x'], ['a.b.c'], ['eyJhbGciOiJub25lIn0.e30.'], ['.'.repeat(1000)]])(
    'is not %j',
    async (token) => {
      expect(await refusalOf(token)).toMatchObject(invalid);
    },
  );

  it('is not an ID token, with or without a nonce', async () => {
    for (const nonce of ['n-1', undefined]) {
      const claims = { sub: 'alice', sid: 's-1', nonce, events: undefined, jti: 'id-1' };
      expect(await refusalOf(await remote.logoutToken(claims, { typ: 'JWT' }))).toMatchObject(invalid);
    }
  });

  it('is not judged while the keys cannot be had', async () => {
    const token = await remote.logoutToken({ sub: 'alice' });
    remote.misbehaviour = { transport: { jwks: 'error' } };
    const silence = { code: 'temporarily_unavailable', status: 503, reason: 'idp_unavailable' };
    expect(await refusalOf(token)).toMatchObject(silence);
    remote.misbehaviour = { transport: { jwks: 'slow' } };
    expect(await refusalOf(token)).toMatchObject(silence);
    remote.misbehaviour = {};
    expect(await provider.verifyLogout(token)).toMatchObject({ subject: 'alice' });
  });

  it('signed with a key that is newer than ours is to come again', async () => {
    await provider.verifyLogout(await remote.logoutToken({ sub: 'alice' }));
    remote.rotateKeys('key-of-this-second');
    const token = await remote.logoutToken({ sub: 'alice' });
    expect(await refusalOf(token)).toMatchObject({
      code: 'temporarily_unavailable',
      status: 503,
      reason: 'idp_unavailable',
      retryAfterSeconds: 10,
    });
  });

  it('signed with a key that is not among those just fetched is refused', async () => {
    const token = await remote.logoutToken({ sub: 'alice' }, { kid: 'unknown' });
    expect(await refusalOf(token)).toMatchObject(invalid);
    expect(remote.count('jwks')).toBe(1);
  });

  it('of strangers does not make us ask for keys again and again', async () => {
    await provider.verifyLogout(await remote.logoutToken({ sub: 'alice' }));
    const asked = remote.count('jwks');
    for (let at = 0; at < 5; at += 1) {
      await refusalOf(await remote.logoutToken({ sub: 'alice' }, { kid: `unknown-${at}` }));
    }
    expect(remote.count('jwks')).toBe(asked);
  });
});
