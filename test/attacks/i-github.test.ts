import { afterEach, describe, expect, it } from 'vitest';

import type { GuardedFetch } from '../../src/platform/outbound/guarded-fetch.ts';
import { createGitHubProvider } from '../../src/services/identity/github/github-provider.ts';
import type { IdentityProvider, Login } from '../../src/services/identity/identity-provider.ts';
import { FakeClock } from '../support/fake-clock.ts';

const closers: (() => void)[] = [];

afterEach(() => {
  for (const close of closers.splice(0)) close();
});

describe('I. identity provider leg: groups that GitHub does not show to a token of less', () => {
  const all = 'read:org, user:email';
  let tokenScope: string | undefined;
  let listScope: string | undefined;

  const fetch: GuardedFetch = (url) => {
    const { pathname } = new URL(url);
    const body = pathname.endsWith('/access_token')
      ? { access_token: 'gho_x', token_type: 'bearer', scope: tokenScope }
      : pathname === '/user'
        ? { id: 1, login: 'alice' }
        : [];
    const headers = listScope === undefined ? {} : { 'x-oauth-scopes': listScope };
    return Promise.resolve(Response.json(body, { headers }));
  };

  async function logIn(): Promise<{ readonly provider: IdentityProvider; readonly login: Login }> {
    const provider = createGitHubProvider({
      config: {
        issuer: 'https://github.com',
        clientId: 'gatehouse',
        clientSecret: 'client-secret',
        scopes: ['read:org', 'user:email'],
        authorizationParameters: {},
        exchangeRatePerSecond: undefined,
        exchangeBurst: 1,
      },
      allowedGroups: [],
      redirectUri: 'https://gatehouse.test/callback',
      fetch,
      clock: new FakeClock(),
      onStartFailure: () => {},
    });
    closers.push(() => provider.close());
    const login = await provider.finishLogin({
      query: new URLSearchParams({ code: 'code', state: 'state' }),
      state: 'state',
      secrets: { nonce: 'nonce', codeVerifier: 'v'.repeat(43) },
      reauthentication: { prompt: undefined, maxAgeSeconds: undefined },
      startedAt: 0,
    });
    return { provider, login };
  }

  it.each([undefined, '', 'user:email', 'read:org'])(
    'attack 323: nobody logs in with a token that has the scopes %s',
    async (scope) => {
      [tokenScope, listScope] = [scope, undefined];
      const refusal = { reason: 'idp_exchange_failed', cause: { code: 'scope_missing' } };
      await expect(logIn()).rejects.toMatchObject(refusal);
      if (scope === undefined) return;
      [tokenScope, listScope] = [all, scope];
      await expect(logIn()).rejects.toMatchObject(refusal);
    },
  );

  it.each(['', 'user:email', 'read:org'])(
    'attack 323: nor stays in with one that has the scopes "%s" by now, and others do',
    async (scope) => {
      [tokenScope, listScope] = [all, all];
      const { provider, login } = await logIn();
      const request = { known: login.identity, refreshToken: login.refreshToken ?? '' };
      for (let at = 0; at < 5; at += 1) {
        listScope = scope;
        expect(await provider.recheck(request)).toEqual({ outcome: 'gone', reason: 'identity_gone' });
      }
      for (listScope of [all, 'repo, user, admin:org', undefined]) {
        expect(await provider.recheck(request)).toMatchObject({ outcome: 'present' });
      }
    },
  );
});
