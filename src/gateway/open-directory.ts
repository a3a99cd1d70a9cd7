import { readFile } from 'node:fs/promises';

import type { Clock } from '../platform/clock.ts';
import { createGuardedFetch, type GuardedFetch } from '../platform/outbound/guarded-fetch.ts';
import { describeError, type Logger } from '../platform/telemetry/logger.ts';
import type { Emit } from '../services/audit/events.ts';
import { createDirectoryProvider } from '../services/identity/directory-provider.ts';
import { createGoogleDirectory } from '../services/identity/google/google-directory.ts';
import type { IdentityProvider } from '../services/identity/identity-provider.ts';
import { findPreset } from '../services/identity/presets/presets.ts';
import type { GatehouseConfig, ProviderConfig } from './config/config.ts';
import { findConsoleHint } from './console-hints.ts';
import { version } from './version.ts';

interface DirectoryDeps {
  readonly clock: Clock;
  readonly emit: Emit;
  readonly log: Logger;
  /** Of entry rules and policies, as they are now. */
  readonly groupsOfRules?: (() => ReadonlySet<string>) | undefined;
  /** In place of one to Google, AWS and the metadata services of both: for tests. */
  readonly directoryFetch?: GuardedFetch | undefined;
}

const totalTimeoutMs = 8_000;
/** A page of groups with long descriptions is the largest answer. */
const maxBytes = 2 * 1024 * 1024;

/** Puts the directory beside the provider, if the configuration has one. */
export function openDirectory(
  provider: IdentityProvider,
  own: ProviderConfig,
  { awsVariables: environment }: Pick<GatehouseConfig, 'awsVariables'>,
  { clock, emit, log, groupsOfRules, directoryFetch }: DirectoryDeps,
): IdentityProvider {
  const { directory: settings, allowedGroups } = own;
  if (settings === undefined) return provider;
  const { consoleHints } = findPreset(own.preset);
  const warn = (event: string, error: unknown): void => {
    const detail = findConsoleHint(error, consoleHints);
    log.warn({ identity_provider: own.name, ...describeError(error), detail }, event);
  };
  const userAgent = `mcp-gatehouse/${version}`;
  const directory = createGoogleDirectory({
    settings,
    allowedGroups,
    groupsOfRules: groupsOfRules ?? (() => new Set()),
    environment,
    clock,
    fetch: directoryFetch ?? createGuardedFetch({ totalTimeoutMs, maxBytes, userAgent }),
    readFile: (path) => readFile(path, 'utf8'),
    onFailure: (failure) => warn('directory_unanswered', failure),
    onStartFailure: (failure) => warn('directory_start_check_failed', failure),
  });
  return createDirectoryProvider({ provider, directory, allowedGroups, emit });
}
