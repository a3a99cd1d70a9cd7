import { ProviderFailure } from '../provider-failure.ts';
import { checkTokenShape } from './workload-token.ts';

/** What to look at when there is no token in the file. */
export const tokenFileHints: Readonly<Record<string, string>> = {
  client_token_unreadable:
    'OIDC_CLIENT_TOKEN_PATH has to name the file of a token (a JWT) that this process may read; in Kubernetes a projected volume with the audience that the provider wants',
};

/**
 * Tokens of a file that the platform writes anew before they end, and so read anew each time.
 * @throws ProviderFailure `client_token_unreadable`
 */
export function createTokenFile(read: () => Promise<string>): () => Promise<string> {
  return async () => {
    try {
      return checkTokenShape((await read()).trim());
    } catch {
      throw new ProviderFailure('client_token_unreadable');
    }
  };
}
