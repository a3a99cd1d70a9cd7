import { describeError, type Logger } from '../platform/telemetry/logger.ts';
import type { IdentityProvider } from '../services/identity/identity-provider.ts';
import { OAuthError } from '../protocol/oauth-error.ts';
import { ProviderFailure } from '../services/identity/provider-failure.ts';

/** The setting in the provider's console that a failure points to, by its kind or reason. Undefined: it points to none. */
export function findConsoleHint(
  error: unknown,
  hints: Readonly<Record<string, string>> = {},
): string | undefined {
  const kind =
    error instanceof ProviderFailure ? error.code : error instanceof OAuthError ? error.reason : '';
  return Object.hasOwn(hints, kind) ? hints[kind] : undefined;
}

/**
 * Logs the setting to look for when a login fails for it: a provider's error strings are for those who know it. What comes
 * of the login stays as it is.
 */
export function logConsoleHints(
  provider: IdentityProvider,
  hints: Readonly<Record<string, string>>,
  log: Pick<Logger, 'warn'>,
): IdentityProvider {
  return {
    ...provider,
    async finishLogin(answer) {
      try {
        return await provider.finishLogin(answer);
      } catch (error) {
        const cause = error instanceof Error ? error.cause : undefined;
        const detail = findConsoleHint(cause ?? error, hints);
        const failure = { issuer: provider.issuer, ...describeError(cause ?? error), detail };
        if (detail !== undefined) log.warn(failure, 'idp_console_setting');
        throw error;
      }
    },
  };
}
