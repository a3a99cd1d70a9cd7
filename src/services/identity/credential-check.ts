import type { ServerMetadata } from 'openid-client';

import type { Clock } from '../../platform/clock.ts';
import { checkTokenHost, type ClientCredential } from './client-credential.ts';
import { checkCertificateTime, findCertificateEndpoint } from './mutual-tls.ts';
import type { OpenIdSettings } from './openid-settings.ts';
import { ProviderFailure, summarizeFailure } from './provider-failure.ts';

/** The discovery document does not list our way to authenticate. Some forget to: logins are tried nevertheless. */
export const methodUnlisted = 'client_method_unlisted';

/** Any of these will do. @see RFC 8414 §2, RFC 8705 §2 */
const listedMethods: Readonly<Record<ClientCredential['method'], readonly string[]>> = {
  secret: ['client_secret_basic', 'client_secret_post'],
  private_key_jwt: ['private_key_jwt'],
  workload_token: ['private_key_jwt'],
  mutual_tls: ['tls_client_auth', 'self_signed_tls_client_auth'],
};

/**
 * Finds out what is wrong with our credential for this provider, as far as that shows without a login: a certificate that
 * cannot be shown, a token that is not to be had, a method that is not listed.
 */
export async function findCredentialProblem(
  metadata: ServerMetadata,
  deps: { readonly config: Pick<OpenIdSettings, 'clientCredential'>; readonly clock: Clock },
): Promise<ProviderFailure | undefined> {
  const { method } = deps.config.clientCredential ?? { method: 'secret' };
  try {
    await tryOut(metadata, deps);
  } catch (error) {
    return summarizeFailure(error);
  }
  const listed: unknown = metadata.token_endpoint_auth_methods_supported;
  const isListed = !Array.isArray(listed) || listedMethods[method].some((name) => listed.includes(name));
  return isListed ? undefined : new ProviderFailure(methodUnlisted);
}

async function tryOut(
  metadata: ServerMetadata,
  { config: { clientCredential }, clock }: Parameters<typeof findCredentialProblem>[1],
): Promise<void> {
  if (clientCredential?.method === 'workload_token') {
    checkTokenHost(metadata, clientCredential.hosts);
    await clientCredential.read();
  }
  if (clientCredential?.method !== 'mutual_tls') return;
  const { certificate } = clientCredential;
  checkCertificateTime(certificate, clock.nowSeconds());
  findCertificateEndpoint(metadata, certificate.hosts);
}
