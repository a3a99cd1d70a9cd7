import type { Clock } from '../platform/clock.ts';
import { createGuardedFetch } from '../platform/outbound/guarded-fetch.ts';
import { describeError, type Logger } from '../platform/telemetry/logger.ts';
import type { Emit } from '../services/audit/events.ts';
import type { IdentityProvider } from '../services/identity/identity-provider.ts';
import { createOpenIdProvider } from '../services/identity/openid-provider.ts';
import type { GatehouseConfig } from './config/config.ts';
import { version } from './version.ts';

/** Deadline and size of every call to the identity provider: its documents are small and its clients are waiting. */
const totalTimeoutMs = 10_000;
const maxBytes = 512 * 1024;

/** The configured OpenID provider, behind the one guarded fetch. Discovery goes on in the background. */
export function openIdentityProvider(
  config: GatehouseConfig,
  deps: { readonly clock: Clock; readonly emit: Emit; readonly log: Logger },
): IdentityProvider {
  const { issuer, allowInsecureHttp } = config.identityProvider;
  // The configuration lets a plain http issuer through on loopback, where nobody listens in, or by explicit setting.
  const plainHttp = allowInsecureHttp || issuer.startsWith('http:');
  return createOpenIdProvider({
    config: { ...config.identityProvider, allowInsecureHttp: plainHttp },
    allowedGroups: config.allowedGroups,
    redirectUri: `${config.publicUrl}/callback`,
    fetch: createGuardedFetch({ totalTimeoutMs, maxBytes, userAgent: `mcp-gatehouse/${version}` }),
    clock: deps.clock,
    emit: deps.emit,
    onDiscoveryFailure: (error) => {
      const detail = 'logins are refused until its discovery document can be read; calls with a token go on';
      deps.log.warn({ issuer, ...describeError(error), detail }, 'oidc_discovery_retry');
    },
  });
}
