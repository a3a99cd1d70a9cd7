import type { ServerMetadata } from 'openid-client';

import type { Clock } from '../../platform/clock.ts';
import type { GuardedFetch } from '../../platform/outbound/guarded-fetch.ts';
import { OAuthError } from '../../protocol/oauth-error.ts';
import type { DiscoveredProvider, OpenIdSettings } from './openid-settings.ts';
import { ProviderFailure, summarizeFailure } from './provider-failure.ts';

export interface DiscoveryDeps {
  readonly config: Pick<OpenIdSettings, 'issuer' | 'clientId' | 'allowInsecureHttp'>;
  readonly fetch: GuardedFetch;
  readonly clock: Clock;
  /** Told of every attempt that failed. */
  readonly onDiscoveryFailure: (error: unknown) => void;
  /** Told once, of what was found. */
  readonly onDiscovered?: (provider: DiscoveredProvider) => void;
}

export interface Discovery {
  /**
   * The provider; when it is not known yet, after one more attempt.
   * @throws OAuthError `temporarily_unavailable`, reason `idp_unavailable`
   */
  demand(): Promise<DiscoveredProvider>;
  isDone(): boolean;
  /** Stops trying. */
  close(): void;
}

const longestPauseMilliseconds = 30_000;
/** However many people come, a provider in trouble is asked no more often than this on their account. */
const demandGapMilliseconds = 1_000;

/** Signatures a provider may use: none of them can be made with what we ourselves know of it. */
const acceptedAlgorithms = new Set(
  'RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA Ed25519'.split(' '),
);

/**
 * Finds out about the provider in the background, again and again with growing pauses, until it worked once; what it
 * said then stays. A provider that is down stops nobody who is logged in, and not the start of the process.
 * @see OpenID Connect Discovery §4
 */
export function startDiscovery(deps: DiscoveryDeps): Discovery {
  let provider: DiscoveredProvider | undefined;
  let attempt: Promise<void> | undefined;
  let failures = 0;
  let failedAt = -Infinity;
  let closed = false;
  let timer = setTimeout(run, 0).unref();

  function run(): void {
    clearTimeout(timer);
    attempt ??= discover(deps)
      .then((found) => {
        provider = found;
        if (!closed) deps.onDiscovered?.(found);
      })
      .catch(retryLater)
      .finally(() => {
        attempt = undefined;
      });
  }

  function retryLater(error: unknown): void {
    failures += 1;
    failedAt = deps.clock.nowMilliseconds();
    if (closed) return;
    const pause = Math.min(500 * 2 ** failures, longestPauseMilliseconds);
    timer = setTimeout(run, pause).unref();
    deps.onDiscoveryFailure(error);
  }

  return {
    async demand() {
      const isPausing = deps.clock.nowMilliseconds() - failedAt < demandGapMilliseconds;
      if (provider === undefined && !closed && !isPausing) run();
      await attempt;
      if (provider !== undefined) return provider;
      throw new OAuthError(
        'temporarily_unavailable',
        'The login service cannot be reached; try again shortly',
        {
          reason: 'idp_unavailable',
          retryAfterSeconds: 5,
        },
      );
    },
    isDone: () => provider !== undefined,
    close() {
      closed = true;
      clearTimeout(timer);
    },
  };
}

/** Settings drop a trailing slash; the issuer of some providers has one, and it is theirs to say. */
async function discover(deps: DiscoveryDeps): Promise<DiscoveredProvider> {
  const { issuer } = deps.config;
  try {
    return await discoverAt(issuer, deps);
  } catch (error) {
    const isSpeltOtherwise = error instanceof ProviderFailure && error.code === 'issuer_mismatch';
    if (!isSpeltOtherwise || issuer.endsWith('/')) throw error;
    return discoverAt(`${issuer}/`, deps);
  }
}

async function discoverAt(issuer: string, deps: DiscoveryDeps): Promise<DiscoveredProvider> {
  const { clientId, allowInsecureHttp } = deps.config;
  try {
    const client = await import('openid-client');
    const configuration = await client.discovery(new URL(issuer), clientId, undefined, client.None(), {
      [client.customFetch]: deps.fetch,
      execute: allowInsecureHttp ? [client.allowInsecureRequests] : [],
    });
    const metadata = checkMetadata(configuration.serverMetadata(), { issuer, allowInsecureHttp });
    return { client, metadata };
  } catch (error) {
    throw summarizeFailure(error);
  }
}

function checkMetadata(
  metadata: ServerMetadata,
  config: Pick<OpenIdSettings, 'issuer' | 'allowInsecureHttp'>,
): ServerMetadata {
  // Discovery §4.3: exactly the issuer that was asked. The library compares URLs, which is more lenient.
  if (metadata.issuer !== config.issuer) throw new ProviderFailure('issuer_mismatch');
  for (const name of ['authorization_endpoint', 'token_endpoint', 'jwks_uri'] as const) {
    const url = URL.parse(metadata[name] ?? '');
    if (url === null) throw new ProviderFailure('metadata_incomplete');
    const isAllowed = url.protocol === 'https:' || (config.allowInsecureHttp && url.protocol === 'http:');
    if (!isAllowed) throw new ProviderFailure('insecure_url');
  }
  // The provider narrows our list, it does not extend it. RS256 is what one without a list has to use.
  const offered: unknown = metadata.id_token_signing_alg_values_supported ?? ['RS256'];
  const algorithms = Array.isArray(offered) ? offered.filter((name) => acceptedAlgorithms.has(name)) : [];
  if (algorithms.length === 0) throw new ProviderFailure('algorithms_unsupported');
  return { ...metadata, id_token_signing_alg_values_supported: algorithms };
}
