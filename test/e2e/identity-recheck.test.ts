import { afterEach, expect, it } from 'vitest';

import { systemClock } from '../../src/platform/clock.ts';
import { createGuardedFetch } from '../../src/platform/outbound/guarded-fetch.ts';
import { createOpenIdProvider } from '../../src/services/identity/openid-provider.ts';
import { freePort } from '../support/free-port.ts';
import { LoopbackBrowser } from '../support/loopback-browser.ts';
import { startOpenIdProvider } from '../support/oidc-provider.ts';

const closers: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

it('asks a certified OpenID provider again, and again with the token it was given then', async () => {
  const redirectUri = 'http://127.0.0.1:9/callback';
  const relyingParty = { clientId: 'gatehouse', clientSecret: 'provider-client-secret', redirectUri };
  const remote = await startOpenIdProvider(relyingParty, await freePort());
  closers.push(() => remote.close());
  const provider = createOpenIdProvider({
    config: {
      issuer: remote.issuer,
      clientId: relyingParty.clientId,
      clientSecret: relyingParty.clientSecret,
      scopes: ['openid', 'email', 'profile', 'groups', 'offline_access'],
      allowInsecureHttp: true,
      groupsClaim: 'groups',
      trustUnverifiedEmail: false,
      exchangeRatePerSecond: undefined,
      exchangeBurst: 1,
    },
    allowedGroups: ['staff'],
    redirectUri,
    fetch: createGuardedFetch({ totalTimeoutMs: 10_000, maxBytes: 64 * 1024, userAgent: 'gatehouse/test' }),
    clock: systemClock,
    emit: () => undefined,
    onDiscoveryFailure: () => undefined,
  });
  closers.push(() => provider.close());

  const login = {
    state: 'state-of-this-login',
    secrets: { nonce: 'nonce-of-this-login', codeVerifier: 'v'.repeat(43) },
    reauthentication: { prompt: undefined, maxAgeSeconds: undefined },
  };
  const url = await provider.startLogin(login);
  // Core §11: this provider heeds offline_access only then.
  url.searchParams.set('prompt', 'consent');
  const { searchParams: query } = await new LoopbackBrowser({ login: 'alice' }).signIn(url.href, redirectUri);
  const { identity, refreshToken } = await provider.finishLogin({ ...login, startedAt: 0, query });
  if (refreshToken === undefined) throw new Error('the provider gave no refresh token');

  let token = refreshToken;
  for (let times = 0; times < 3; times += 1) {
    const answer = await provider.recheck({ refreshToken: token, known: identity });
    expect(answer).toMatchObject({ outcome: 'present', identity });
    if (answer.outcome === 'present') token = answer.refreshToken;
  }
  expect(await provider.recheck({ refreshToken: 'no token of this provider', known: identity })).toEqual({
    outcome: 'gone',
    reason: 'identity_gone',
  });
});
