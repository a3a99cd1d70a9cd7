import { ProviderFailure } from '../provider-failure.ts';
import { isBearer } from './federated-token.ts';
import { type Answer, ask, membersOf } from './google-answer.ts';
import type { Platform } from './platform.ts';

// By address: a name could be looked up somewhere else.
const root = 'http://169.254.169.254/computeMetadata/v1/instance/service-accounts/default';
const timeoutMilliseconds = 2_000;

export interface MetadataServer {
  /** Of the service account that the machine, pod or service runs as, for `cloud-platform`. */
  token(signal: AbortSignal): Promise<string>;
  /** Whatever it is called; on GKE without one of its own that is no address. */
  serviceAccount(signal: AbortSignal): Promise<string>;
}

/**
 * The metadata server of Compute Engine, GKE and Cloud Run.
 * All throw ProviderFailure `directory_metadata_missing`, or `directory_metadata_foreign` where something else answers.
 * @see https://cloud.google.com/compute/docs/metadata/querying-metadata
 */
export function createMetadataServer({ fetch }: Pick<Platform, 'fetch'>): MetadataServer {
  async function read(path: string, caller: AbortSignal): Promise<Answer> {
    const signal = AbortSignal.any([caller, AbortSignal.timeout(timeoutMilliseconds)]);
    const headers = { 'metadata-flavor': 'Google' };
    const answer = await ask(fetch, `${root}/${path}`, { headers, signal }).catch(() => undefined);
    if (answer === undefined) throw new ProviderFailure('directory_metadata_missing');
    // > "Metadata-Flavor: Google: This header indicates that the request was sent with the intention of retrieving
    // > metadata values", and its answers carry it: whatever else is at that address on this network does not.
    if (answer.headers.get('metadata-flavor') !== 'Google') {
      throw new ProviderFailure('directory_metadata_foreign');
    }
    if (answer.status !== 200) throw new ProviderFailure('directory_metadata_missing');
    return answer;
  }

  return {
    async token(signal) {
      const scope = encodeURIComponent('https://www.googleapis.com/auth/cloud-platform');
      const { body } = await read(`token?scopes=${scope}`, signal);
      const { access_token: token, token_type: type } = membersOf(body);
      if (!isBearer(token, type)) throw new ProviderFailure('directory_metadata_missing');
      return token;
    },
    serviceAccount: async (signal) => (await read('email', signal)).text.trim(),
  };
}
