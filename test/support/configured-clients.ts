import { createHash } from 'node:crypto';

import { type ClientKeyPair, createClientKey } from './client-keys.ts';

export const clientSecret = 'a secret: of 100 % entropy + more';
export const clientKey: ClientKeyPair = createClientKey('ES256', { kid: 'a' });

export function hashSecret(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}

/** A configuration file with two mounts and a client of each kind. */
export const fileWithClients = `
mounts:
  - name: first
    url: /mcp
    upstream: http://127.0.0.1:9/mcp
    default: true
    scopes:
      read: { default: true }
      write: {}
  - name: second
    url: /second/mcp
    upstream: http://127.0.0.1:9/second
clients:
  - client_id: basic
    name: Basic Client
    redirect_uris: [https://client.example/callback, http://127.0.0.1/callback, "exampleapp://callback"]
    token_endpoint_auth_method: client_secret_basic
    client_secret_sha256:
      - ${hashSecret('the next secret')}
      - ${hashSecret(clientSecret)}
  - client_id: post
    name: Post Client
    redirect_uris: [https://client.example/callback]
    token_endpoint_auth_method: client_secret_post
    client_secret_sha256: ${hashSecret(clientSecret)}
    mounts: [first]
    scopes: [read]
  - client_id: keyed
    name: Keyed Client
    redirect_uris: [https://client.example/callback]
    token_endpoint_auth_method: private_key_jwt
    jwks: { keys: [${JSON.stringify(clientKey.jwk)}] }
  - client_id: public
    name: Public Client
    redirect_uris: [https://client.example/callback]
    token_endpoint_auth_method: none
  - client_id: once
    name: Client Without Refresh
    redirect_uris: [https://client.example/callback]
    token_endpoint_auth_method: none
    grant_types: [authorization_code]
`;
