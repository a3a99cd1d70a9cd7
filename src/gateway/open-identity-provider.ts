import { readFile } from 'node:fs/promises';

import type { Clock } from '../platform/clock.ts';
import { createGuardedFetch } from '../platform/outbound/guarded-fetch.ts';
import { describeError, type Logger } from '../platform/telemetry/logger.ts';
import type { Emit } from '../services/audit/events.ts';
import type { ClientCredential } from '../services/identity/client-credential.ts';
import { createGitHubProvider } from '../services/identity/github/github-provider.ts';
import type { IdentityProvider } from '../services/identity/identity-provider.ts';
import { createOpenIdProvider } from '../services/identity/openid-provider.ts';
import { findPreset } from '../services/identity/presets/presets.ts';
import type { GatehouseConfig } from './config/config.ts';
import { findConsoleHint, logConsoleHints } from './console-hints.ts';
import { version } from './version.ts';

/** Deadline and size of every call to the identity provider: its documents are small and its clients are waiting. */
const totalTimeoutMs = 10_000;
const maxBytes = 512 * 1024;

function chooseCredential(settings: GatehouseConfig['identityProvider']): ClientCredential {
  const { clientKey: key, clientTokenPath: path } = settings;
  const { assertionAudience: audience = 'issuer' } = findPreset(settings.preset);
  if (key !== undefined) return { method: 'private_key_jwt', key, audience };
  if (path !== undefined) return { method: 'workload_token', read: () => readFile(path, 'utf8') };
  return { method: 'secret', secret: settings.clientSecret };
}

/** The configured identity provider, behind the one guarded fetch. Discovery goes on in the background. */
export function openIdentityProvider(
  config: GatehouseConfig,
  deps: { readonly clock: Clock; readonly emit: Emit; readonly log: Logger },
): IdentityProvider {
  const { issuer, allowInsecureHttp } = config.identityProvider;
  const preset = findPreset(config.identityProvider.preset);
  // The configuration lets a plain http issuer through on loopback, where nobody listens in, or by explicit setting.
  const plainHttp = allowInsecureHttp || issuer.startsWith('http:');
  const common = {
    config: { ...config.identityProvider, allowInsecureHttp: plainHttp },
    allowedGroups: config.allowedGroups,
    redirectUri: `${config.publicUrl}/callback`,
    fetch: createGuardedFetch({ totalTimeoutMs, maxBytes, userAgent: `mcp-gatehouse/${version}` }),
    clock: deps.clock,
    emit: deps.emit,
  };
  const warn = (event: string, error: unknown, detail: string): void =>
    deps.log.warn({ issuer, ...describeError(error), detail }, event);
  const onClientProblem = (error: unknown): void => {
    const detail = 'logins will fail for as long as this lasts; calls with a token go on';
    warn('idp_start_check_failed', error, findConsoleHint(error, preset.consoleHints) ?? detail);
  };
  if (preset.protocol === 'github') {
    const provider = createGitHubProvider({ ...common, onStartFailure: onClientProblem });
    return logConsoleHints(provider, preset.consoleHints, deps.log);
  }
  const provider = createOpenIdProvider({
    ...common,
    config: { ...common.config, clientCredential: chooseCredential(config.identityProvider) },
    onDiscoveryFailure: (error) => {
      const detail = 'logins are refused until its discovery document can be read; calls with a token go on';
      warn('oidc_discovery_retry', error, findConsoleHint(error, preset.discoveryHints) ?? detail);
    },
    // Of a provider we know nothing of, nobody can say what it makes of such a request.
    ...(config.identityProvider.preset === 'generic' ? {} : { onClientProblem }),
  });
  return logConsoleHints(provider, preset.consoleHints, deps.log);
}
