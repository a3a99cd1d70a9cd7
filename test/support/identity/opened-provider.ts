import { type ClientCredentials, openClientCredentials } from '../../../src/gateway/client-credentials.ts';
import { openIdentityProviders } from '../../../src/gateway/open-identity-provider.ts';
import type { GuardedFetch } from '../../../src/platform/outbound/guarded-fetch.ts';
import type { OutboundNetwork } from '../../../src/platform/outbound/outbound-network.ts';
import { createLogger } from '../../../src/platform/telemetry/logger.ts';
import type { GatehouseEvent } from '../../../src/services/audit/events.ts';
import { OAuthError } from '../../../src/protocol/oauth-error.ts';
import type {
  Identity,
  IdentityProvider,
  Login,
  LoginAnswer,
  Recheck,
} from '../../../src/services/identity/identity-provider.ts';
import { load } from '../configuration.ts';
import type { FakeClock } from '../fake-clock.ts';

export interface Simulator {
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** The way out to the directory beside it. */
  readonly directoryFetch?: GuardedFetch | undefined;
  logIn(authorizationUrl: URL): Promise<URLSearchParams>;
}

/** An identity provider as `IDP` and its variables make it, with a simulator where the real one would be. */
export interface OpenedProvider {
  readonly provider: IdentityProvider;
  readonly credentials: ClientCredentials;
  readonly events: readonly GatehouseEvent[];
  readonly logged: () => string;
  authorizationUrl(changes?: Partial<LoginAnswer>): Promise<URL>;
  logIn(changes?: Partial<LoginAnswer>): Promise<Login>;
  recheck(login: Login): Promise<Recheck>;
}

const login: Omit<LoginAnswer, 'query'> = {
  state: 'mgh_st_sealed-state',
  secrets: { nonce: 'nonce-of-this-login', codeVerifier: 'v'.repeat(43) },
  reauthentication: { prompt: undefined, maxAgeSeconds: undefined },
  startedAt: 0,
};

export function openProvider(
  simulator: Simulator,
  clock: FakeClock,
  env: Readonly<Record<string, string | undefined>>,
  network?: OutboundNetwork,
): OpenedProvider {
  const lines: string[] = [];
  const log = createLogger({ level: 'trace', destination: { write: (line) => void lines.push(line) } });
  const config = load({
    OIDC_ISSUER_URL: simulator.issuer,
    OIDC_CLIENT_ID: simulator.clientId,
    OIDC_CLIENT_SECRET: simulator.clientSecret,
    ...env,
  });
  const events: GatehouseEvent[] = [];
  const deps = { clock, log, emit: (event: GatehouseEvent) => void events.push(event) };
  const credentials = openClientCredentials(config, { ...deps, network });
  const opened = openIdentityProviders(config, undefined, {
    ...deps,
    clientCredentials: credentials,
    directoryFetch: simulator.directoryFetch,
  });
  const [only] = opened.all;
  if (only === undefined) throw new Error('there is no identity provider');
  const provider: IdentityProvider = {
    ...only.provider,
    close() {
      only.provider.close();
      credentials.close();
    },
  };
  return {
    provider,
    credentials,
    events,
    logged: () => lines.join(''),
    authorizationUrl: (changes = {}) => provider.startLogin({ ...login, ...changes }),
    async logIn(changes = {}) {
      const query = await simulator.logIn(await provider.startLogin({ ...login, ...changes }));
      return provider.finishLogin({ ...login, query, ...changes });
    },
    recheck: ({ identity, refreshToken }) =>
      provider.recheck({ known: identity, refreshToken: refreshToken ?? '' }),
  };
}

/** The refusal that a login ends with. */
export async function refusalOf(outcome: Promise<Login | Identity>): Promise<OAuthError> {
  const error: unknown = await outcome.then(
    () => new Error('it was not refused'),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof OAuthError)) throw error;
  return error;
}
