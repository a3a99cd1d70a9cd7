import type { ServerMetadata } from 'openid-client';

import type { GuardedFetch } from '../../platform/outbound/guarded-fetch.ts';
import { ProviderFailure } from './provider-failure.ts';

/** A certificate by which the provider knows this server. The fetch of the connection shows it. */
export interface ClientCertificate {
  /** Hosts that may see it beside the issuer's own; lower case. */
  readonly hosts: readonly string[];
  /** Epoch seconds, of the one that is in force now. */
  readonly expiresAt: () => number | undefined;
}

/**
 * Where the certificate is shown: the token endpoint, or its alias for such clients. The document may name any host, and
 * whoever could change it could have this server open doors elsewhere that the same certificate fits.
 * @throws ProviderFailure `client_certificate_host`, `insecure_url`   @see RFC 8705 §5
 */
export function findCertificateEndpoint(metadata: ServerMetadata, hosts: readonly string[]): URL {
  const alias: unknown = metadata.mtls_endpoint_aliases?.token_endpoint;
  const endpoint = URL.parse(typeof alias === 'string' ? alias : (metadata.token_endpoint ?? ''));
  if (endpoint === null) throw new ProviderFailure('metadata_incomplete');
  if (endpoint.protocol !== 'https:') throw new ProviderFailure('insecure_url');
  const own = new URL(metadata.issuer).hostname;
  if (![own, ...hosts].includes(endpoint.hostname)) throw new ProviderFailure('client_certificate_host');
  return endpoint;
}

/** The fetch for talks with the token endpoint: it shows the certificate there, and to nobody else it is used for. */
export function showCertificateAt(endpoint: URL, fetch: GuardedFetch): GuardedFetch {
  return (url, init) => {
    const isThere = new URL(url).href === endpoint.href;
    return fetch(url, isThere ? { ...init, showsCertificate: true } : init);
  };
}

/** @throws ProviderFailure `client_certificate_expired`: it would only be refused, in words that say less */
export function checkCertificateTime({ expiresAt }: ClientCertificate, nowSeconds: number): void {
  if ((expiresAt() ?? Infinity) <= nowSeconds) throw new ProviderFailure('client_certificate_expired');
}
