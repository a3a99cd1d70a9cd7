import type { GuardedFetch } from '../../platform/outbound/guarded-fetch.ts';
import type { DiscoveredProvider } from './openid-settings.ts';
import type { Connection } from './provider-connection.ts';
import { type ProviderFailure, summarizeFailure } from './provider-failure.ts';

/** What a provider can only mean of us. Others it may say of a code that nobody issued. */
const aboutClient = new Set([
  'invalid_client',
  'unauthorized_client',
  'redirect_uri_mismatch',
  'access_denied',
  'certificate_refused',
]);

/**
 * Presents a code that nobody issued: a provider that does not know us, or not like this, says so before it looks at the
 * code. Undefined: nothing is wrong, as far as that shows.
 * @see RFC 6749 §5.2
 */
export async function findClientProblem(
  provider: DiscoveredProvider,
  deps: { readonly connect: Connection; readonly fetch: GuardedFetch; readonly redirectUri: string },
): Promise<ProviderFailure | undefined> {
  const parameters = {
    code: 'gatehouse-start',
    redirect_uri: deps.redirectUri,
    code_verifier: 'gatehouse-start'.repeat(3),
  };
  try {
    await deps.connect(provider, deps.fetch, (configuration) =>
      provider.client.genericGrantRequest(configuration, 'authorization_code', parameters),
    );
    return undefined;
  } catch (error) {
    const failure = summarizeFailure(error);
    return aboutClient.has(failure.code) ? failure : undefined;
  }
}
