/**
 * How this server proves to each identity provider that it is the client it says: opens certificates and the sources of
 * tokens that the configuration names, and knows what to do when one of them fails.
 */
import { readFile } from 'node:fs/promises';
import type { Dispatcher } from 'undici';

import type { Clock } from '../platform/clock.ts';
import { createCertifiedDispatcher } from '../platform/outbound/direct-dispatcher.ts';
import { createGuardedFetch } from '../platform/outbound/guarded-fetch.ts';
import { createMetadataFetch } from '../platform/outbound/metadata-fetch.ts';
import { createSystemNetwork, type OutboundNetwork } from '../platform/outbound/outbound-network.ts';
import type { Certificate } from '../platform/tls/pem-files.ts';
import type { Emit } from '../services/audit/events.ts';
import type { ClientCredential } from '../services/identity/client-credential.ts';
import { findPreset } from '../services/identity/presets/presets.ts';
import { createAzureMetadataSource } from '../services/identity/workload/azure-metadata.ts';
import { createGitHubActionsSource } from '../services/identity/workload/github-actions.ts';
import { createGoogleMetadataSource } from '../services/identity/workload/google-metadata.ts';
import { createTokenFile, tokenFileHints } from '../services/identity/workload/token-file.ts';
import { createWorkloadToken, type TokenSource } from '../services/identity/workload/workload-token.ts';
import { type LiveCertificates, openProviderCertificate } from './certificates.ts';
import type { ClientTokenConfig, GatehouseConfig, ProviderConfig } from './config/config.ts';
import { version } from './version.ts';

export interface ClientCredentialsDeps {
  readonly clock: Clock;
  readonly emit: Emit;
  /** In place of the real one, for metadata services and for the authorities of token endpoints. */
  readonly network?: Pick<OutboundNetwork, 'dial' | 'ca'> | undefined;
}

export interface OpenedCredential {
  readonly credential: ClientCredential;
  /** What to do next, by the kind of failure. */
  readonly hints: Readonly<Record<string, string>>;
  /** For the requests that show a certificate. Undefined: there is none. */
  readonly certified: (() => Dispatcher) | undefined;
}

/** Of all identity providers. */
export interface ClientCredentials {
  of(provider: ProviderConfig): OpenedCredential;
  /** Epoch seconds; of the certificates that are shown or named, the first. */
  expiresAt(): number | undefined;
  /** Reads certificates again now. */
  reload(): void;
  close(): void;
}

/** Of a token endpoint, whose answers are small and whose clients are waiting. */
const certifiedTimeoutMs = 10_000;
/** A source is on this machine, or next to it; a recheck has five seconds in all. */
const sourceTimeoutMs = 3_000;
const sourceMaxBytes = 64 * 1024;

/** @throws PemFileError when a certificate is not acceptable */
export function openClientCredentials(
  { identityProviders }: Pick<GatehouseConfig, 'identityProviders'>,
  deps: ClientCredentialsDeps,
): ClientCredentials {
  const certificates = new Map<string, LiveCertificates<Certificate>>();
  for (const { name, clientCertificate } of identityProviders) {
    if (clientCertificate === undefined) continue;
    const live = openProviderCertificate(clientCertificate.files, { ...deps, onChange: () => undefined });
    certificates.set(name, live);
  }
  return {
    of: (provider) => open(provider, certificates.get(provider.name), deps),
    expiresAt() {
      const shown = [...certificates.values()].map((live) => live.expiresAt());
      const named = identityProviders.map(({ clientKey }) => clientKey?.certificate?.expiresAt);
      const ends = [...shown, ...named].filter((end) => end !== undefined);
      return ends.length === 0 ? undefined : Math.min(...ends);
    },
    reload() {
      for (const live of certificates.values()) live.reload();
    },
    close() {
      for (const live of certificates.values()) live.close();
    },
  };
}

function open(
  provider: ProviderConfig,
  live: LiveCertificates<Certificate> | undefined,
  deps: ClientCredentialsDeps,
): OpenedCredential {
  const { clientKey: key, clientToken, clientCertificate, clientSecret: secret } = provider;
  if (live !== undefined) {
    const certificate = { hosts: clientCertificate?.hosts ?? [], expiresAt: () => live.expiresAt() };
    const options = { totalTimeoutMs: certifiedTimeoutMs, ca: deps.network?.ca };
    return {
      credential: { method: 'mutual_tls', certificate },
      hints: certificateHints,
      certified: createCertifiedDispatcher(() => live.current(), options),
    };
  }
  if (clientToken !== undefined) return { ...openToken(clientToken, deps), certified: undefined };
  if (key !== undefined) {
    const { assertionAudience: audience = 'issuer' } = findPreset(provider.preset);
    return {
      credential: { method: 'private_key_jwt', key, audience },
      hints: keyHints,
      certified: undefined,
    };
  }
  return { credential: { method: 'secret', secret }, hints: secretHints, certified: undefined };
}

function openToken(
  config: ClientTokenConfig,
  deps: ClientCredentialsDeps,
): Pick<OpenedCredential, 'credential' | 'hints'> {
  const { hosts = [] } = config;
  if (config.source === 'file') {
    const read = createTokenFile(() => readFile(config.path, 'utf8'));
    return {
      credential: { method: 'workload_token', read, hosts },
      hints: { ...federationHints, ...tokenFileHints },
    };
  }
  const source = createSource(config, deps);
  return {
    credential: { method: 'workload_token', read: createWorkloadToken(source, deps.clock), hosts },
    hints: { ...federationHints, ...source.hints },
  };
}

function createSource(
  config: Exclude<ClientTokenConfig, { source: 'file' }>,
  { network = createSystemNetwork() }: ClientCredentialsDeps,
): TokenSource {
  const options = {
    totalTimeoutMs: sourceTimeoutMs,
    maxBytes: sourceMaxBytes,
    userAgent: `mcp-gatehouse/${version}`,
  };
  switch (config.source) {
    case 'github-actions':
      return createGitHubActionsSource(config, createGuardedFetch(options));
    case 'gcp':
      return createGoogleMetadataSource(config.audience, createMetadataFetch({ ...options, network }));
    case 'azure':
      return createAzureMetadataSource(config, createMetadataFetch({ ...options, network }));
  }
}

const unlisted =
  'token_endpoint_auth_methods_supported of its discovery document does not list how this server authenticates; logins may fail: enable the method at the provider, or choose another';

const secretHints = { client_method_unlisted: unlisted };

const keyHints = {
  client_method_unlisted: unlisted,
  invalid_client:
    'the provider does not take the assertion: register the public key of OIDC_CLIENT_KEY, or its certificate, for this very client, under the kid of OIDC_CLIENT_KEY_ID if it is set; and compare the clocks',
};

const federationHints = {
  client_method_unlisted: unlisted,
  client_token_host:
    "the discovery document names a token endpoint on a host that is not the issuer's, and the token of the platform is not sent there: if it is the provider's, add the host to OIDC_CLIENT_TOKEN_HOSTS",
  invalid_client:
    'the provider does not take the token of the platform: issuer, subject and audience of its federated credential have to be equal to iss, sub and aud of the token',
};

const certificateHints = {
  client_method_unlisted: unlisted,
  client_certificate_expired:
    'the certificate of OIDC_CLIENT_CERT_FILE has expired: write a new one to the file',
  client_certificate_host:
    "the discovery document names a token endpoint on a host that is not the issuer's, and the certificate is not shown there: if it is the provider's, add the host to OIDC_CLIENT_CERT_HOSTS (see mtls_endpoint_aliases)",
  insecure_url: 'a certificate can be shown over https alone, and the token endpoint is http',
  network:
    'the token endpoint gave no answer: if it can be reached, it may be the certificate of OIDC_CLIENT_CERT_FILE that it does not take, since some hang up on a certificate without a word',
  certificate_refused:
    'the token endpoint refuses the certificate of OIDC_CLIENT_CERT_FILE in the handshake: let the provider trust the authority that signed it, and send the intermediate ones along in the file',
  invalid_client:
    'the provider does not know this client by the certificate of OIDC_CLIENT_CERT_FILE: compare subject or thumbprint with what is registered; and see that nothing in front of the provider ends TLS without handing the certificate on',
};
