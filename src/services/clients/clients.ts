import type { Clock } from '../../platform/clock.ts';
import { SealTooLargeError, type Sealer, type SealPurpose } from '../../platform/sealing/sealer.ts';
import { type Infer, integer, shape, text, textList } from '../../platform/sealing/shape.ts';
import { OAuthError } from '../../protocol/oauth-error.ts';
import {
  findRedirectUriProblem,
  type RedirectUri,
  type RedirectUriRules,
} from '../../protocol/redirect-uri.ts';
import {
  browserGrantTypes,
  type Client,
  type ClientFingerprint,
  type FindClient,
  fingerprintClientId,
  refuseDeniedClient,
} from './client.ts';

/**
 * A client id is the sealed registration. It travels in the authorization request's query, next to a challenge, a
 * state and a redirect URI: what is longer would pass the 4 kB that proxies allow for a URL.
 */
export const clientPurpose: SealPurpose = { name: 'client', prefix: 'mgh_cl_', maxLength: 2048 };

/** What a client may choose when it registers. Everything in it was checked by the registration endpoint. */
export interface Registration {
  readonly name: string | undefined;
  readonly redirectUris: readonly RedirectUri[];
}

/** Registered clients. Nothing is stored: a registration is as good as its seal and its time. */
export interface Clients {
  /** @throws OAuthError `invalid_redirect_uri`, reason `redirect_uri_invalid`, when the id would become too long */
  register(metadata: Registration): Client;
  find: FindClient;
}

export interface ClientsDeps extends RedirectUriRules {
  readonly sealer: Sealer;
  readonly clock: Clock;
  /** Undefined: a registration never expires. Clients keep their id for years and rarely register again by themselves. */
  readonly registrationTtlSeconds: number | undefined;
  /** Whether the client was deleted, or denied by the operator. Absent: none is. */
  readonly isDenied?: (client: ClientFingerprint) => boolean;
}

/** Sealed form: short names, since it travels in URLs. Part of the released format. */
const sealedClient = shape({ r: textList, iat: integer }, { n: text, exp: integer });

type SealedClient = Infer<typeof sealedClient>;

export function createClients(deps: ClientsDeps): Clients {
  return {
    register(metadata) {
      const now = deps.clock.nowSeconds();
      const ttl = deps.registrationTtlSeconds;
      const packed: SealedClient = {
        r: [...metadata.redirectUris],
        ...(metadata.name === undefined ? {} : { n: metadata.name }),
        iat: now,
        ...(ttl === undefined ? {} : { exp: now + ttl }),
      };
      return unpackClient(sealClient(deps.sealer, packed), packed);
    },
    async find(clientId) {
      if (clientId === undefined || clientId === '') {
        throw new OAuthError('invalid_request', 'client_id is required', { reason: 'client_id_missing' });
      }
      const packed = openClientId(deps.sealer, clientId);
      if (packed === undefined) {
        throw new OAuthError('invalid_client', 'client_id is not known here; register again', {
          reason: 'client_id_invalid',
        });
      }
      const client = unpackClient(clientId, { ...packed, r: keepAcceptable(packed.r, deps) });
      if (client.redirectUris.length === 0) {
        throw new OAuthError(
          'invalid_client',
          'None of the redirect URIs is accepted here now; register again',
          {
            reason: 'client_id_invalid',
          },
        );
      }
      if (client.expiresAt !== undefined && client.expiresAt <= deps.clock.nowSeconds()) {
        throw new OAuthError('invalid_client', 'The client registration expired; register again', {
          reason: 'client_registration_expired',
        });
      }
      if (deps.isDenied?.(client.fingerprint) === true) throw refuseDeniedClient();
      return client;
    },
  };
}

function sealClient(sealer: Sealer, packed: SealedClient): string {
  try {
    return sealer.seal(clientPurpose, JSON.stringify(packed));
  } catch (error) {
    if (!(error instanceof SealTooLargeError)) throw error;
    throw new OAuthError('invalid_redirect_uri', 'Too much to register: use fewer or shorter redirect URIs', {
      reason: 'redirect_uri_invalid',
      cause: error,
    });
  }
}

function openClientId(sealer: Sealer, clientId: string): SealedClient | undefined {
  const plaintext = sealer.open(clientPurpose, clientId);
  if (plaintext === undefined) return undefined;
  // A shape of another release is no client of ours: it registers again, which costs it nothing.
  const packed: unknown = JSON.parse(plaintext);
  return sealedClient.matches(packed) && packed.r.length > 0 ? packed : undefined;
}

/** Judges the redirect URIs by the rules of today: what an operator disabled must not live on in old registrations. */
function keepAcceptable(uris: readonly string[], rules: RedirectUriRules): string[] {
  return uris.filter((uri) => findRedirectUriProblem(uri, rules) === undefined);
}

function unpackClient(clientId: string, packed: SealedClient): Client {
  return {
    clientId,
    fingerprint: fingerprintClientId(clientId),
    name: packed.n,
    // Checked before they were sealed, which nobody else can, and again whenever they are opened.
    redirectUris: packed.r as RedirectUri[],
    authentication: { method: 'none' },
    grantTypes: browserGrantTypes,
    issuedAt: packed.iat,
    expiresAt: packed.exp,
  };
}
