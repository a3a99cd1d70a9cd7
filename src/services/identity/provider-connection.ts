import type { Configuration, ExportedJWKSCache, ServerMetadata } from 'openid-client';

import type { Clock } from '../../platform/clock.ts';
import type { GuardedFetch } from '../../platform/outbound/guarded-fetch.ts';
import { type ChooseAuthentication, createClientAuthentication } from './client-credential.ts';
import {
  checkCertificateTime,
  type ClientCertificate,
  findCertificateEndpoint,
  showCertificateAt,
} from './mutual-tls.ts';
import type { DiscoveredProvider, OpenIdSettings } from './openid-settings.ts';
import { ProviderFailure, summarizeFailure } from './provider-failure.ts';

export interface ConnectionDeps {
  readonly config: Pick<
    OpenIdSettings,
    'clientId' | 'clientSecret' | 'clientCredential' | 'allowInsecureHttp'
  >;
  readonly clock: Clock;
}

/** How far the clocks of provider and ours may be apart. */
export const clockToleranceSeconds = 60;

/** Talks to the provider's token endpoint as its client, over the fetch that is handed in. */
export type Connection = <T>(
  provider: DiscoveredProvider,
  fetch: GuardedFetch,
  talk: (configuration: Configuration) => Promise<T>,
) => Promise<T>;

/** The library fetches keys again for an unknown one when those it has are this old. */
const refetchableAgeSeconds = 60;

/**
 * The provider's keys are kept between talks, and fetched again for an unknown one. Rejects with whatever the library
 * throws: it holds tokens and the provider's text, so it goes through `summarizeFailure`.
 */
export function createConnection(deps: ConnectionDeps): Connection {
  const { clientSecret, clientCredential: credential = { method: 'secret', secret: clientSecret } } =
    deps.config;
  const authenticate = createClientAuthentication(credential);
  let keys: ExportedJWKSCache | undefined;

  return async (provider, fetch, talk) => {
    const { client } = provider;
    const shown = credential.method === 'mutual_tls' ? credential.certificate : undefined;
    const configuration = await configure(deps, provider, { fetch, authenticate, shown });
    const known = keys === undefined ? undefined : makeRefetchable(keys);
    if (known !== undefined) client.setJwksCache(configuration, known);
    let isUnusable = false;
    try {
      return await talk(configuration);
    } catch (error) {
      isUnusable = summarizeFailure(error).code === 'key_unknown';
      throw error;
    } finally {
      const after = client.getJwksCache(configuration);
      // Two keys of one id, say: kept, they would refuse everybody for minutes after the provider has put it right.
      if (isUnusable) keys = undefined;
      else if (after !== undefined && after.uat !== known?.uat) keys = after;
    }
  };
}

/**
 * The library spares a provider from strangers who invent key ids. Tokens come from the provider's own endpoint here, and
 * whoever logs in right after it changed its keys would lose the login: the code is spent by then.
 */
function makeRefetchable({ jwks, uat }: ExportedJWKSCache): ExportedJWKSCache {
  const latest = Math.floor(Date.now() / 1000) - refetchableAgeSeconds;
  return { jwks, uat: Math.min(uat, latest) };
}

/**
 * A token from the future was made by a broken clock or for later use.
 * @throws ProviderFailure
 */
export function checkIssuedAt(issuedAt: unknown, clock: Clock): void {
  const latest = clock.nowSeconds() + clockToleranceSeconds;
  if (typeof issuedAt !== 'number' || issuedAt > latest) throw new ProviderFailure('token_time');
}

interface TalkOptions {
  readonly fetch: GuardedFetch;
  readonly authenticate: ChooseAuthentication;
  /** Shown at the token endpoint. Undefined: none is. */
  readonly shown: ClientCertificate | undefined;
}

/** A configuration per talk: it carries the fetch that watches this one, and today's clock. */
async function configure(
  deps: ConnectionDeps,
  { client, metadata }: DiscoveredProvider,
  { fetch, authenticate, shown }: TalkOptions,
): Promise<Configuration> {
  const clientMetadata = {
    // The library reads the machine's clock; the skew turns that into ours.
    [client.clockSkew]: deps.clock.nowSeconds() - Math.floor(Date.now() / 1000),
    [client.clockTolerance]: clockToleranceSeconds,
    use_mtls_endpoint_aliases: shown !== undefined,
  };
  const talkFetch = shown === undefined ? fetch : showCertificate(shown, { metadata, fetch, deps });
  const authentication = await authenticate(client, metadata);
  const { clientId, allowInsecureHttp } = deps.config;
  const configuration = new client.Configuration(metadata, clientId, clientMetadata, authentication);
  configuration[client.customFetch] = talkFetch;
  if (allowInsecureHttp) client.allowInsecureRequests(configuration);
  // Without this the library takes TLS for the signature (Core §3.1.3.7 allows that): we verify it.
  client.enableNonRepudiationChecks(configuration);
  return configuration;
}

function showCertificate(
  shown: ClientCertificate,
  {
    metadata,
    fetch,
    deps,
  }: Pick<TalkOptions, 'fetch'> & {
    readonly metadata: ServerMetadata;
    readonly deps: ConnectionDeps;
  },
): GuardedFetch {
  checkCertificateTime(shown, deps.clock.nowSeconds());
  return showCertificateAt(findCertificateEndpoint(metadata, shown.hosts), fetch);
}
