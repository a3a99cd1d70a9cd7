import type { MetadataFetch } from '../../../platform/outbound/metadata-fetch.ts';
import { readAnswer, readMember } from './source-answer.ts';
import { checkTokenShape, type TokenSource } from './workload-token.ts';

export interface AzureIdentity {
  readonly audience: string;
  /** Client id of a user-assigned identity. Undefined: the machine has one alone. */
  readonly identity: string | undefined;
}

const path = '/metadata/identity/oauth2/token';
const elsewhere =
  'does this server run on a virtual machine of Azure? In AKS with workload identity set OIDC_CLIENT_TOKEN_PATH to the file that AZURE_FEDERATED_TOKEN_FILE names; elsewhere choose another OIDC_CLIENT_TOKEN_SOURCE';

/**
 * The token of the managed identity that this machine has in Azure.
 * @see https://learn.microsoft.com/en-us/entra/workload-id/workload-identity-federation-config-app-trust-managed-identity
 */
export function createAzureMetadataSource(
  { audience, identity }: AzureIdentity,
  fetch: MetadataFetch,
): TokenSource {
  const query = new URLSearchParams({
    'api-version': '2018-02-01',
    resource: audience,
    ...(identity === undefined ? {} : { client_id: identity }),
  }).toString();
  return {
    async ask() {
      const { text } = await readAnswer(fetch(`${path}?${query}`, { metadata: 'true' }));
      return checkTokenShape(readMember(text, 'access_token'));
    },
    hints: {
      client_token_refused:
        'the metadata service has no such identity: assign a user-assigned managed identity to the machine, and name its client id in OIDC_CLIENT_TOKEN_IDENTITY when there are several',
      client_token_unanswered: `no metadata service answers: ${elsewhere}, and see that nothing keeps 169.254.169.254 from it`,
      client_token_malformed: `what answers at 169.254.169.254 is not the metadata service of Azure: ${elsewhere}`,
      client_token_expired:
        'the metadata service gave a token that is over by the clock of this machine: set the clock',
    },
  };
}
