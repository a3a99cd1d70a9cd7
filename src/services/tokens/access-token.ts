import type { EpochSeconds } from '../../platform/clock.ts';
import type { Sealer, SealPurpose } from '../../platform/sealing/sealer.ts';
import { type Infer, integer } from '../../platform/sealing/shape.ts';
import { type GrantTerms, packTerms, sealedTerms, unpackTerms } from './grant-terms.ts';

/** The longest an access token lives, and the default. What was revoked is remembered for as long. */
export const accessTokenTtlSeconds = 3600;

export const accessTokenPurpose: SealPurpose = { name: 'access', prefix: 'mgh_at_', maxLength: 8192 };

/** What an access token says once opened. Whether it is still good is admission's to decide. */
export interface AccessToken {
  readonly terms: GrantTerms;
  readonly issuedAt: EpochSeconds;
  readonly expiresAt: EpochSeconds;
}

const sealedAccess = sealedTerms.extend({ iat: integer, exp: integer });

export function sealAccessToken(sealer: Sealer, token: AccessToken): string {
  const packed: Infer<typeof sealedAccess> = {
    ...packTerms(token.terms),
    iat: token.issuedAt,
    exp: token.expiresAt,
  };
  return sealer.seal(accessTokenPurpose, JSON.stringify(packed));
}

/** The token's content, or undefined for anything we did not seal as an access token. */
export function openAccessToken(sealer: Sealer, token: string): AccessToken | undefined {
  const plaintext = sealer.open(accessTokenPurpose, token);
  if (plaintext === undefined) return undefined;
  const packed: unknown = JSON.parse(plaintext);
  if (!sealedAccess.matches(packed)) return undefined;
  // Nothing of ours lasts longer, and a revocation is forgotten after this time.
  if (packed.exp - packed.iat > accessTokenTtlSeconds) return undefined;
  return { terms: unpackTerms(packed), issuedAt: packed.iat, expiresAt: packed.exp };
}
