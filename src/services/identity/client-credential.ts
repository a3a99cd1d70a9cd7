import type { CryptoKey, JWK } from 'jose';
import type { ClientAuth, ServerMetadata } from 'openid-client';

import type { ClientCertificate } from './mutual-tls.ts';
import type { OpenIdClient } from './openid-settings.ts';
import { ProviderFailure } from './provider-failure.ts';

/** A private key that the provider knows the public one of. */
export interface ClientKey {
  /** Private, without anything but the key itself. */
  readonly jwk: JWK;
  readonly algorithm: string;
  /** Under which the provider knows it. Undefined: it has one key of this client. */
  readonly keyId: string | undefined;
  /** The certificate of the key, for providers that know the key by it. */
  readonly certificate?: KeyCertificate | undefined;
}

/** Thumbprints of a certificate's DER, base64url, as JOSE headers have them. @see RFC 7515 §4.1.7, §4.1.8 */
export interface KeyCertificate {
  readonly sha256: string;
  readonly sha1: string;
  /** Epoch seconds. */
  readonly expiresAt: number;
}

/** With what this server shows the provider that it is the client it says. */
export type ClientCredential =
  | { readonly method: 'secret'; readonly secret: string }
  | {
      readonly method: 'private_key_jwt';
      readonly key: ClientKey;
      /** Whom the assertion is for, as the provider wants it named. */
      readonly audience: 'issuer' | 'token_endpoint';
    }
  /** A token of the platform we run on, which renews it. Asked for at each use. */
  | {
      readonly method: 'workload_token';
      readonly read: () => Promise<string>;
      /** Hosts that may get it beside the issuer's own; lower case. */
      readonly hosts: readonly string[];
    }
  /** Nothing is sent but the client id: the connection proves who we are. @see RFC 8705 §2 */
  | { readonly method: 'mutual_tls'; readonly certificate: ClientCertificate };

export type ChooseAuthentication = (client: OpenIdClient, metadata: ServerMetadata) => Promise<ClientAuth>;

const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

/**
 * Makes the client authentication of each talk with the token endpoint.
 * @throws ProviderFailure `client_token_…`: there is no token of the platform, or it may not be sent there   @see RFC 7523 §2.2
 */
export function createClientAuthentication(credential: ClientCredential): ChooseAuthentication {
  switch (credential.method) {
    case 'secret':
      return (client, metadata) => Promise.resolve(presentSecret(client, metadata, credential.secret));
    case 'private_key_jwt':
      return signAssertions(credential);
    case 'workload_token':
      return async (_library, metadata) => {
        checkTokenHost(metadata, credential.hosts);
        const token = await credential.read();
        return (_server, client, body) => {
          body.set('client_id', client.client_id);
          body.set('client_assertion_type', assertionType);
          body.set('client_assertion', token);
        };
      };
    case 'mutual_tls':
      return (client) => Promise.resolve(client.TlsClientAuth());
  }
}

/**
 * Whoever could change the discovery document could have the token sent to themselves, and be this machine wherever it is
 * taken: others than this provider may take it.
 * @throws ProviderFailure `client_token_host`
 */
export function checkTokenHost(metadata: ServerMetadata, hosts: readonly string[]): void {
  const host = URL.parse(metadata.token_endpoint ?? '')?.hostname ?? '';
  if (![new URL(metadata.issuer).hostname, ...hosts].includes(host)) {
    throw new ProviderFailure('client_token_host');
  }
}

function signAssertions({
  key,
  audience,
}: ClientCredential & { method: 'private_key_jwt' }): ChooseAuthentication {
  let imported: Promise<CryptoKey> | undefined;
  return async (client, metadata) => {
    imported ??= importKey(key);
    const named = { key: await imported, ...(key.keyId === undefined ? {} : { kid: key.keyId }) };
    return client.PrivateKeyJwt(named, {
      [client.modifyAssertion]: (header, payload) => {
        Object.assign(header, nameCertificate(key));
        // One, and never a list: another server of the list could present it here.
        if (audience === 'token_endpoint') payload['aud'] = metadata.token_endpoint;
      },
    });
  };
}

/** SHA-1 beside RS256 alone, for servers from before SHA-256: there it is a name, and vouches for nothing. */
function nameCertificate({ algorithm, certificate }: ClientKey): Record<string, string> {
  if (certificate === undefined) return {};
  const { sha1, sha256 } = certificate;
  return { 'x5t#S256': sha256, ...(algorithm === 'RS256' ? { x5t: sha1 } : {}) };
}

async function importKey({ jwk, algorithm }: ClientKey): Promise<CryptoKey> {
  const jose = await import('jose');
  const key = await jose.importJWK({ ...jwk }, algorithm);
  if (key instanceof Uint8Array) throw new ProviderFailure('client_key_unusable');
  return key;
}

/** `client_secret_post` where offered: `client_secret_basic` encodes the secret, and providers disagree about how. */
function presentSecret(client: OpenIdClient, metadata: ServerMetadata, secret: string): ClientAuth {
  const offered: unknown = metadata.token_endpoint_auth_methods_supported;
  const isPostOffered = Array.isArray(offered) && offered.includes('client_secret_post');
  return isPostOffered ? client.ClientSecretPost(secret) : client.ClientSecretBasic(secret);
}
