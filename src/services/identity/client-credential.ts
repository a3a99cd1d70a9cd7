import type { CryptoKey, JWK } from 'jose';
import type { ClientAuth, ServerMetadata } from 'openid-client';

import type { OpenIdClient } from './openid-settings.ts';
import { ProviderFailure } from './provider-failure.ts';

/** A private key that the provider knows the public one of. */
export interface ClientKey {
  /** Private, without anything but the key itself. */
  readonly jwk: JWK;
  readonly algorithm: string;
  /** Under which the provider knows it. Undefined: it has one key of this client. */
  readonly keyId: string | undefined;
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
  /** A token that the platform we run on renews. Read anew for each use. */
  | { readonly method: 'workload_token'; readonly read: () => Promise<string> };

export type ChooseAuthentication = (client: OpenIdClient, metadata: ServerMetadata) => Promise<ClientAuth>;

const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
const maxTokenLength = 16 * 1024;

/**
 * Makes the client authentication of each talk with the token endpoint.
 * @throws ProviderFailure `client_token_unreadable`: the file of a workload token has none   @see RFC 7523 §2.2
 */
export function createClientAuthentication(credential: ClientCredential): ChooseAuthentication {
  switch (credential.method) {
    case 'secret':
      return (client, metadata) => Promise.resolve(presentSecret(client, metadata, credential.secret));
    case 'private_key_jwt':
      return signAssertions(credential);
    case 'workload_token':
      return async () => {
        const token = await readToken(credential.read);
        return (_server, client, body) => {
          body.set('client_id', client.client_id);
          body.set('client_assertion_type', assertionType);
          body.set('client_assertion', token);
        };
      };
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
      [client.modifyAssertion]: (_header, payload) => {
        // One, and never a list: another server of the list could present it here.
        if (audience === 'token_endpoint') payload['aud'] = metadata.token_endpoint;
      },
    });
  };
}

async function importKey({ jwk, algorithm }: ClientKey): Promise<CryptoKey> {
  const jose = await import('jose');
  const key = await jose.importJWK({ ...jwk }, algorithm);
  if (key instanceof Uint8Array) throw new ProviderFailure('client_key_unusable');
  return key;
}

async function readToken(read: () => Promise<string>): Promise<string> {
  const token = await read().then(
    (text) => text.trim(),
    () => '',
  );
  const isToken = token.length <= maxTokenLength && /^[\w-]+\.[\w-]+\.[\w-]+$/.test(token);
  if (!isToken) throw new ProviderFailure('client_token_unreadable');
  return token;
}

/** `client_secret_post` where offered: `client_secret_basic` encodes the secret, and providers disagree about how. */
function presentSecret(client: OpenIdClient, metadata: ServerMetadata, secret: string): ClientAuth {
  const offered: unknown = metadata.token_endpoint_auth_methods_supported;
  const isPostOffered = Array.isArray(offered) && offered.includes('client_secret_post');
  return isPostOffered ? client.ClientSecretPost(secret) : client.ClientSecretBasic(secret);
}
