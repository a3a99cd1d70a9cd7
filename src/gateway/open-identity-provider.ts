import type { Clock } from '../platform/clock.ts';
import { createGuardedFetch, type GuardedFetch } from '../platform/outbound/guarded-fetch.ts';
import { describeError, type Logger } from '../platform/telemetry/logger.ts';
import type { Emit } from '../services/audit/events.ts';
import type { WatchLane } from '../services/identity/lane-load.ts';
import { createGitHubProvider } from '../services/identity/github/github-provider.ts';
import type { IdentityProvider } from '../services/identity/identity-provider.ts';
import {
  createIdentityProviders,
  type IdentityProviders,
  type NamedProvider,
} from '../services/identity/identity-providers.ts';
import { createOpenIdProvider } from '../services/identity/openid-provider.ts';
import { findPreset } from '../services/identity/presets/presets.ts';
import { callbackPathOf } from './callback-paths.ts';
import type { ClientCredentials } from './client-credentials.ts';
import type { GatehouseConfig, ProviderConfig } from './config/config.ts';
import { findConsoleHint, logConsoleHints } from './console-hints.ts';
import { nameProvider } from './named-events.ts';
import { openDirectory } from './open-directory.ts';
import { version } from './version.ts';

/** Deadline and size of every call to the identity provider: its documents are small and its clients are waiting. */
const totalTimeoutMs = 10_000;
const maxBytes = 512 * 1024;

interface IdentityProvidersDeps {
  readonly clock: Clock;
  readonly emit: Emit;
  readonly log: Logger;
  /** Of a provider by its name. */
  readonly watchLanes?: (provider: string) => WatchLane;
  /** Of entry rules and policies, as they are now. */
  readonly groupsOfRules?: () => ReadonlySet<string>;
  readonly clientCredentials: Pick<ClientCredentials, 'of'>;
  /** In place of the way out to a directory: for tests. */
  readonly directoryFetch?: GuardedFetch | undefined;
}

/** @param only in place of the first one of the configuration, and of all that it has beside */
export function openIdentityProviders(
  config: Pick<GatehouseConfig, 'publicUrl' | 'identityProviders' | 'awsVariables'>,
  only: IdentityProvider | undefined,
  deps: IdentityProvidersDeps,
): IdentityProviders {
  const { identityProviders } = config;
  const open = (own: ProviderConfig): IdentityProvider => only ?? openIdentityProvider(own, config, deps);
  const wanted = only === undefined ? identityProviders : identityProviders.slice(0, 1);
  return createIdentityProviders(wanted.map((own) => named(own, open(own))));
}

/** Without its secret: what rooms get, they could show. */
function named({ name, title, scopes }: ProviderConfig, provider: IdentityProvider): NamedProvider {
  return { name, title, scopes, provider };
}

/** One of the configured identity providers, behind a guarded fetch. Discovery goes on in the background. */
function openIdentityProvider(
  own: ProviderConfig,
  config: Pick<GatehouseConfig, 'publicUrl' | 'identityProviders' | 'awsVariables'>,
  deps: IdentityProvidersDeps,
): IdentityProvider {
  const { issuer, allowInsecureHttp } = own;
  const preset = findPreset(own.preset);
  const { credential, hints, certified } = deps.clientCredentials.of(own);
  // What the preset says of its client is about a secret.
  const consoleHints = { ...preset.consoleHints, ...hints };
  // The configuration lets a plain http issuer through on loopback, where nobody listens in, or by explicit setting.
  const plainHttp = allowInsecureHttp || issuer.startsWith('http:');
  const common = {
    config: { ...own, allowInsecureHttp: plainHttp },
    // Of whom a directory is asked, its groups decide.
    allowedGroups: own.directory === undefined ? own.allowedGroups : [],
    redirectUri: `${config.publicUrl}${callbackPathOf(config, own)}`,
    fetch: createGuardedFetch({
      totalTimeoutMs,
      maxBytes,
      userAgent: `mcp-gatehouse/${version}`,
      certified,
    }),
    clock: deps.clock,
    emit: nameProvider(own, deps.emit),
    onLane: deps.watchLanes?.(own.name),
    ...(deps.groupsOfRules === undefined ? {} : { groupsOfRules: deps.groupsOfRules }),
  };
  const warn = (event: string, error: unknown, detail: string): void =>
    deps.log.warn({ identity_provider: own.name, issuer, ...describeError(error), detail }, event);
  const onClientProblem = (error: unknown): void => {
    const detail = 'logins will fail for as long as this lasts; calls with a token go on';
    warn('idp_start_check_failed', error, findConsoleHint(error, consoleHints) ?? detail);
  };
  if (preset.protocol === 'github') {
    const provider = createGitHubProvider({ ...common, onStartFailure: onClientProblem });
    return logConsoleHints(provider, consoleHints, deps.log);
  }
  const provider = createOpenIdProvider({
    ...common,
    config: { ...common.config, clientCredential: credential },
    onDiscoveryFailure: (error) => {
      const detail = 'logins are refused until its discovery document can be read; calls with a token go on';
      warn('oidc_discovery_retry', error, findConsoleHint(error, preset.discoveryHints) ?? detail);
    },
    onCredentialProblem: onClientProblem,
    // Of a provider we know nothing of, nobody can say what it makes of such a request.
    ...(own.preset === 'generic' ? {} : { onClientProblem }),
  });
  const known = openDirectory(provider, own, config, { ...deps, emit: common.emit });
  return logConsoleHints(known, consoleHints, deps.log);
}
