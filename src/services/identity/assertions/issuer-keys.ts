import type { Clock, EpochSeconds } from '../../../platform/clock.ts';
import { OAuthError } from '../../../protocol/oauth-error.ts';
import type { ClientKey } from '../../clients/client.ts';
import type { PublishedKeys } from '../../clients/published-keys.ts';
import type { TrustedIssuer } from './trusted-issuer.ts';

/** Whose keys are wanted, and where they are, if that is known. */
export type KeyHolder = Pick<TrustedIssuer, 'issuer' | 'jwksUri'>;

/**
 * The public keys of trusted issuers. While an issuer does not answer, what it said within a day counts on.
 * @throws OAuthError `temporarily_unavailable`, reason `issuer_keys_unavailable`
 */
export interface IssuerKeys {
  find(issuer: KeyHolder): Promise<readonly ClientKey[]>;
  /** Reads them anew, for a key that is not among those; once a minute at most. */
  renew(issuer: KeyHolder): Promise<readonly ClientKey[]>;
}

export interface IssuerKeysDeps {
  readonly keys: PublishedKeys;
  /** A JSON object of this address. Rejects when it cannot be had. */
  readonly readJson: (url: string) => Promise<Readonly<Record<string, unknown>>>;
  readonly clock: Clock;
}

const addressFreshSeconds = 3600;
const retryAfterSeconds = 10;

export function createIssuerKeys({ keys, readJson, clock }: IssuerKeysDeps): IssuerKeys {
  const addresses = new Map<string, { readonly url: string; readonly freshUntil: EpochSeconds }>();

  async function discover(issuer: string): Promise<string> {
    const base = issuer.endsWith('/') ? issuer.slice(0, -1) : issuer;
    const document = await readJson(`${base}/.well-known/openid-configuration`);
    const { issuer: named, jwks_uri: url } = document;
    // OpenID Connect Discovery §4.3: a document of somebody else's would name somebody else's keys.
    if (named !== issuer || typeof url !== 'string' || !isSecure(url, issuer)) throw unavailable();
    addresses.set(issuer, { url, freshUntil: clock.nowSeconds() + addressFreshSeconds });
    return url;
  }

  async function findAddress({ issuer, jwksUri }: KeyHolder): Promise<string> {
    if (jwksUri !== undefined) return jwksUri;
    const known = addresses.get(issuer);
    if (known !== undefined && known.freshUntil > clock.nowSeconds()) return known.url;
    try {
      return await discover(issuer);
    } catch (error) {
      // Where its keys were is where they are, as long as nobody says anything else.
      if (known !== undefined) return known.url;
      throw error instanceof OAuthError ? error : unavailable(error);
    }
  }

  async function orUnavailable(
    read: (url: string) => Promise<readonly ClientKey[]>,
    issuer: KeyHolder,
  ): Promise<readonly ClientKey[]> {
    const url = await findAddress(issuer);
    try {
      return await read(url);
    } catch (error) {
      // The words are about keys of clients, and the client did nothing wrong.
      throw error instanceof OAuthError ? unavailable(error.cause) : error;
    }
  }

  return {
    find: (issuer) => orUnavailable((url) => keys.find(url), issuer),
    renew: (issuer) => orUnavailable((url) => keys.renew(url), issuer),
  };
}

/** As secure as the issuer's own address, which the operator chose. */
function isSecure(url: string, issuer: string): boolean {
  return url.startsWith('https://') || (issuer.startsWith('http://') && url.startsWith('http://'));
}

function unavailable(cause?: unknown): OAuthError {
  return new OAuthError('temporarily_unavailable', 'The keys of the identity provider cannot be read now', {
    reason: 'issuer_keys_unavailable',
    retryAfterSeconds,
    cause,
  });
}
