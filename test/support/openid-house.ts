import { createGuardedFetch } from '../../src/platform/outbound/guarded-fetch.ts';
import { createOpenIdProvider } from '../../src/services/identity/openid-provider.ts';
import { type SignedIn, signIn, type Tokens } from './flow.ts';
import type { TestGatehouse } from './gatehouse.ts';
import { TestOpenIdProvider } from './openid-provider.ts';

/** A gatehouse whose people log in at a real OpenID provider, through what talks to one in production. */
export interface OpenIdHouse {
  readonly remote: TestOpenIdProvider;
  /** Signs `remote.person` in. */
  signIn(options?: { readonly client?: SignedIn['client'] }): Promise<Tokens>;
  close(): Promise<void>;
}

export async function connectOpenIdProvider(
  gatehouse: TestGatehouse,
  allowedGroups: readonly string[] = [],
): Promise<OpenIdHouse> {
  const { clock, identityProvider, publicUrl } = gatehouse;
  const remote = await TestOpenIdProvider.start(clock);
  const provider = createOpenIdProvider({
    config: {
      issuer: remote.issuer,
      clientId: remote.clientId,
      clientSecret: remote.clientSecret,
      scopes: ['openid', 'offline_access'],
      allowInsecureHttp: true,
      groupsClaim: 'groups',
      trustUnverifiedEmail: false,
      exchangeRatePerSecond: undefined,
      exchangeBurst: 1,
    },
    allowedGroups,
    redirectUri: `${publicUrl}/callback`,
    fetch: createGuardedFetch({ totalTimeoutMs: 5_000, maxBytes: 64 * 1024, userAgent: 'gatehouse/test' }),
    clock,
    emit: () => undefined,
    onDiscoveryFailure: () => undefined,
  });
  const { issuer, startLogin, finishLogin, recheck, admits, verifyLogout } = provider;
  Object.assign(identityProvider, { issuer, startLogin, finishLogin, recheck, admits, verifyLogout });
  return {
    remote,
    signIn: (options = {}) => signIn(gatehouse, { ...options, logIn: (url) => remote.logIn(url) }),
    async close() {
      provider.close();
      await remote.close();
    },
  };
}
