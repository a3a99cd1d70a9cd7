import { FakeClock } from './fake-clock.ts';
import { type SignedIn, signIn, type Tokens } from './flow.ts';
import { createTestGatehouse, type TestGatehouse, type TestGatehouseOptions } from './gatehouse.ts';
import { TestOpenIdProvider } from './openid-provider.ts';

export interface HouseOfTwoOptions extends Pick<TestGatehouseOptions, 'env' | 'store'> {
  readonly clock?: FakeClock;
  readonly providers?: { readonly corp: TestOpenIdProvider; readonly partner: TestOpenIdProvider };
  /** Over the entries of the file, by name; undefined: the entry is not there. */
  readonly entries?: Readonly<Record<string, Record<string, unknown> | undefined>>;
  /** Of the mount `/mcp`. There is `/partners` as well, for the people of `partner` alone. */
  readonly mount?: Record<string, unknown>;
}

/** A gatehouse at which people log in at either of two OpenID providers, both of which know an `alice`. */
export interface HouseOfTwo {
  readonly gatehouse: TestGatehouse;
  readonly clock: FakeClock;
  readonly corp: TestOpenIdProvider;
  readonly partner: TestOpenIdProvider;
  readonly partnersOnly: string;
  signIn(at: 'corp' | 'partner', client?: SignedIn['client']): Promise<Tokens>;
  close(): Promise<void>;
}

/** What the harness's environment says of the one provider, unset. */
const noProviderVariables = {
  OIDC_ISSUER_URL: undefined,
  OIDC_CLIENT_ID: undefined,
  OIDC_CLIENT_SECRET: undefined,
};

export async function openHouseOfTwo(options: HouseOfTwoOptions = {}): Promise<HouseOfTwo> {
  const clock = options.clock ?? new FakeClock();
  const corp = options.providers?.corp ?? (await TestOpenIdProvider.start(clock));
  const partner = options.providers?.partner ?? (await TestOpenIdProvider.start(clock));
  const describe = (name: string, title: string, { issuer, clientId }: TestOpenIdProvider) => ({
    name,
    title,
    issuer_url: issuer,
    client_id: clientId,
    client_secret_file: '/provider-secret',
  });
  const entries: Record<string, Record<string, unknown> | undefined> = {
    corp: describe('corp', 'Example Corp', corp),
    partner: describe('partner', 'Our partners', partner),
    ...options.entries,
  };
  const upstream = 'http://127.0.0.1:9/mcp';
  const gatehouse = await createTestGatehouse({
    clock,
    env: { ...noProviderVariables, ...options.env },
    ...(options.store === undefined ? {} : { store: options.store }),
    files: { '/provider-secret': corp.clientSecret },
    file: JSON.stringify({
      identity_providers: Object.values(entries).filter((entry) => entry !== undefined),
      mounts: [
        { name: 'main', url: '/mcp', upstream, default: true, ...options.mount },
        ...(entries['partner'] === undefined
          ? []
          : [{ name: 'partners', url: '/partners', upstream, identity_providers: ['partner'] }]),
      ],
    }),
  });
  return {
    gatehouse,
    clock,
    corp,
    partner,
    partnersOnly: `${gatehouse.publicUrl}/partners`,
    signIn: (at, client) =>
      signIn(gatehouse, {
        at,
        logIn: (url) => (at === 'corp' ? corp : partner).logIn(url),
        ...(client === undefined ? {} : { client }),
      }),
    async close() {
      await gatehouse.close();
      if (options.providers === undefined) await Promise.all([corp.close(), partner.close()]);
    },
  };
}
