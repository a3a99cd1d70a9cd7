import { compactVerify } from 'jose';

import type { ClientKey } from '../../clients/client.ts';
import type { IssuerKeys, KeyHolder } from './issuer-keys.ts';

/** What the header of a signed token says about its signature. */
export interface SignatureHeader {
  readonly algorithm: string;
  readonly keyId: string | undefined;
}

/**
 * Whether a compact JWS was signed with a key that its issuer publishes now. Keys come from there alone: what a header
 * brings along (`jwk`, `jku`, `x5u`, `x5c`) is not looked at.
 * @throws OAuthError `temporarily_unavailable`, reason `issuer_keys_unavailable`
 */
export async function isSignedByIssuer(
  token: string,
  header: SignatureHeader,
  issuer: KeyHolder,
  keys: IssuerKeys,
): Promise<boolean> {
  const present = await keys.find(issuer);
  if (await verifyWith(token, header, present)) return true;
  // The issuer may have changed its keys. A token that names one we know was not signed with a new one.
  if (present.some(({ id }) => id !== undefined && id === header.keyId)) return false;
  const renewed = await keys.renew(issuer);
  return renewed !== present && (await verifyWith(token, header, renewed));
}

async function verifyWith(
  token: string,
  { algorithm, keyId }: SignatureHeader,
  keys: readonly ClientKey[],
): Promise<boolean> {
  for (const { id, algorithms, key } of keys) {
    // The algorithm is the key's, never the token's own choice (RFC 8725 §3.1).
    if (!algorithms.some((possible) => possible === algorithm)) continue;
    if (keyId !== undefined && keyId !== id) continue;
    try {
      await compactVerify(token, key, { algorithms: [algorithm] });
      return true;
    } catch {
      // Signed with another key, or a header that asks for what nobody here knows (`crit`).
    }
  }
  return false;
}
