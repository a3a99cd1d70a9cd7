import {
  type Client,
  type ClientAuthentication,
  type ClientFingerprint,
  type ClientKeys,
  type FindClient,
  fingerprintClientId,
  refuseDeniedClient,
} from './client.ts';
import { parseKeySet } from './key-set.ts';

/** A client as the operator wrote it down: plain data, which processes can send each other. */
export interface ConfiguredClient extends Pick<
  Client,
  'clientId' | 'name' | 'redirectUris' | 'grantTypes' | 'resources' | 'scope'
> {
  readonly authentication:
    Exclude<ClientAuthentication, { readonly method: 'private_key_jwt' }> | KeysInWriting;
}

interface KeysInWriting {
  readonly method: 'private_key_jwt';
  /** The JWK set, which `parseKeySet` has read once, or its address. */
  readonly keys:
    { readonly kind: 'set'; readonly jwks: unknown } | Extract<ClientKeys, { readonly kind: 'address' }>;
}

/** The clients of the configuration. A reload may change them; then the next request knows. */
export interface ConfiguredClients {
  has(clientId: string): boolean;
  readonly find: FindClient;
  all(): readonly Client[];
  /** The one that tokens know by this, denied or not. Undefined: it is none of these. */
  known(fingerprint: ClientFingerprint): Client | undefined;
  replace(clients: readonly ConfiguredClient[]): void;
}

export interface ConfiguredClientsDeps {
  readonly isDenied: (client: ClientFingerprint) => boolean;
}

export function createConfiguredClients(
  initial: readonly ConfiguredClient[],
  deps: ConfiguredClientsDeps,
): ConfiguredClients {
  let byId = index(initial);
  let byFingerprint = indexFingerprints(byId);
  return {
    has: (clientId) => byId.has(clientId),
    async find(clientId = '') {
      const client = byId.get(clientId);
      // Gone since it was asked for, or denied: the operator's word either way.
      if (client === undefined || deps.isDenied(client.fingerprint)) throw refuseDeniedClient();
      return client;
    },
    all: () => [...byId.values()],
    known: (fingerprint) => byFingerprint.get(fingerprint),
    replace(clients) {
      byId = index(clients);
      byFingerprint = indexFingerprints(byId);
    },
  };
}

function index(clients: readonly ConfiguredClient[]): ReadonlyMap<string, Client> {
  return new Map(clients.map((client) => [client.clientId, describe(client)]));
}

function indexFingerprints(clients: ReadonlyMap<string, Client>): ReadonlyMap<ClientFingerprint, Client> {
  return new Map([...clients.values()].map((client) => [client.fingerprint, client]));
}

function describe(client: ConfiguredClient): Client {
  return {
    ...client,
    authentication: importKeys(client.authentication),
    fingerprint: fingerprintClientId(client.clientId),
    preRegistered: true,
    issuedAt: 0,
    expiresAt: undefined,
  };
}

function importKeys(authentication: ConfiguredClient['authentication']): ClientAuthentication {
  if (authentication.method !== 'private_key_jwt') return authentication;
  const { method, keys } = authentication;
  if (keys.kind === 'address') return { method, keys };
  const reading = parseKeySet(keys.jwks);
  return { method, keys: { kind: 'known', keys: reading.outcome === 'read' ? reading.keys : [] } };
}
