import { createHash, type KeyObject } from 'node:crypto';

import type { EpochSeconds } from '../../platform/clock.ts';
import { OAuthError } from '../../protocol/oauth-error.ts';
import type { RedirectUri } from '../../protocol/redirect-uri.ts';

/** An OAuth client, as this system knows it. Who registers by itself, or by a document, gets no secret. */
export interface Client {
  /** What the client sends as `client_id`. */
  readonly clientId: string;
  /** A short stable name for logs, codes and tokens: a hash of the `client_id`. */
  readonly fingerprint: ClientFingerprint;
  /** Chosen by whoever registered: shown as unverified. */
  readonly name: string | undefined;
  readonly redirectUris: readonly RedirectUri[];
  /** The host whose document the client is, port included. Absent: it registered itself, and nobody vouches for it. */
  readonly verifiedHost?: string;
  /** The operator registered it, in the configuration: name and redirect URIs are the operator's word. */
  readonly preRegistered?: true;
  /** The one way in which it proves who it is, at every endpoint that asks. */
  readonly authentication: ClientAuthentication;
  /** What it may ask the token endpoint for. */
  readonly grantTypes: readonly GrantTypeName[];
  /** Resource identifiers; it gets tokens for no other. Absent: for any that is served here. */
  readonly resources?: readonly string[];
  /** It is granted no scope beyond these. Absent: whatever the resource has. */
  readonly scope?: readonly string[];
  readonly issuedAt: EpochSeconds;
  /** Undefined: never. */
  readonly expiresAt: EpochSeconds | undefined;
}

/**
 * How a client is registered to authenticate. Never what it sends: a request decides nothing about that.
 * @see OAuth 2.1 §2.4, RFC 7523 §2.2
 */
export type ClientAuthentication =
  | { readonly method: 'none' }
  | {
      readonly method: 'client_secret_basic' | 'client_secret_post';
      /** SHA-256 of each secret that counts; several while one takes the place of another. 32 bytes each. */
      readonly secretHashes: readonly Buffer[];
    }
  | {
      readonly method: 'private_key_jwt';
      readonly keys: ClientKeys;
      /** The one it signs with. Absent: any that a key of its is good for. */
      readonly algorithm?: AssertionAlgorithm;
    };

export type AuthenticationMethod = ClientAuthentication['method'];

/** Where the public keys of a client are. */
export type ClientKeys =
  | { readonly kind: 'known'; readonly keys: readonly ClientKey[] }
  /** Behind the address of a JWK set, fetched when one is needed. */
  | { readonly kind: 'address'; readonly url: string };

/** A public key that passed the floor for its kind. */
export interface ClientKey {
  readonly id: string | undefined;
  readonly algorithms: readonly AssertionAlgorithm[];
  readonly key: KeyObject;
}

/**
 * What a client assertion may be signed with: public keys alone, no `none`, and nothing that both ends could sign with.
 * @see RFC 8725 §3.1 and §3.2
 */
export const assertionAlgorithms = ['ES256', 'EdDSA', 'PS256', 'RS256'] as const;

export type AssertionAlgorithm = (typeof assertionAlgorithms)[number];

export type GrantTypeName =
  | 'authorization_code'
  | 'refresh_token'
  | 'client_credentials'
  | 'urn:ietf:params:oauth:grant-type:device_code'
  | 'urn:ietf:params:oauth:grant-type:jwt-bearer';

/** Of every client that acts for a person in a browser. */
export const browserGrantTypes: readonly GrantTypeName[] = ['authorization_code', 'refresh_token'];

/** base64url SHA-256 of a `client_id`: what codes, tokens and grants are bound to. */
export type ClientFingerprint = string & { readonly __brand: 'ClientFingerprint' };

export function fingerprintClientId(clientId: string): ClientFingerprint {
  return createHash('sha256').update(clientId).digest('base64url') as ClientFingerprint;
}

/** The form in which a client is named in logs and events. */
export function abbreviateClient(fingerprint: ClientFingerprint): string {
  return fingerprint.slice(0, 16);
}

/** The refusal of a client that was deleted, or denied by the operator. */
export function refuseDeniedClient(): OAuthError {
  return new OAuthError('invalid_client', 'The client may not be used here any more', {
    reason: 'client_denied',
  });
}

/**
 * Finds a client by what it sent as `client_id`.
 * @throws OAuthError `invalid_request`, reason `client_id_missing`; or `invalid_client`, reason `client_id_invalid`,
 * `client_registration_expired` or `client_denied` — 401, the one answer after which clients register again; for a
 * `client_id` that is a URL `invalid_client`, reason `client_id_url_invalid`, `client_host_refused` or
 * `client_document_invalid`, and `temporarily_unavailable`, reason `client_document_unavailable` or `client_document_throttled`
 */
export type FindClient = (clientId: string | undefined) => Promise<Client>;
