import type { MetadataFetch } from '../../../platform/outbound/metadata-fetch.ts';
import { ProviderFailure } from '../provider-failure.ts';
import { readAnswer } from './source-answer.ts';
import { checkTokenShape, type TokenSource } from './workload-token.ts';

const path = '/computeMetadata/v1/instance/service-accounts/default/identity';
const elsewhere =
  'does this server run in Google Cloud (Compute Engine, GKE with Workload Identity, Cloud Run)? Elsewhere choose another OIDC_CLIENT_TOKEN_SOURCE';

/**
 * The ID token of the service account that this machine, pod or container runs as in Google Cloud.
 * @see https://cloud.google.com/compute/docs/instances/verifying-instance-identity
 */
export function createGoogleMetadataSource(audience: string, fetch: MetadataFetch): TokenSource {
  const query = new URLSearchParams({ audience, format: 'full' }).toString();
  return {
    async ask() {
      const answer = await readAnswer(fetch(`${path}?${query}`, { 'metadata-flavor': 'Google' }));
      // Other clouds have services at the same address.
      const isGoogle = answer.headers.get('metadata-flavor') === 'Google';
      if (!isGoogle) throw new ProviderFailure('client_token_malformed');
      return checkTokenShape(answer.text.trim());
    },
    hints: {
      client_token_refused: `the metadata service has no identity for this machine: give it a service account; or ${elsewhere}`,
      client_token_unanswered: `no metadata service answers: ${elsewhere}, and see that no firewall or network policy keeps 169.254.169.254 from it`,
      client_token_malformed: `what answers at 169.254.169.254 is not the metadata service of Google Cloud: ${elsewhere}`,
      client_token_expired:
        'the metadata service gave a token that is over by the clock of this machine: set the clock',
    },
  };
}
