import type { EpochSeconds } from '../../platform/clock.ts';
import type { Sealer, SealPurpose } from '../../platform/sealing/sealer.ts';
import { type GrantTerms, packTerms, type SealedTerms, unpackTerms } from './grant-terms.ts';

export const accessTokenTtlSeconds = 3600;

export const accessTokenPurpose: SealPurpose = { name: 'access', prefix: 'mgh_at_', maxLength: 8192 };

/** What an access token says once opened. Whether it is still good is admission's to decide. */
export interface AccessToken {
  readonly terms: GrantTerms;
  readonly issuedAt: EpochSeconds;
  readonly expiresAt: EpochSeconds;
}

interface SealedAccess extends SealedTerms {
  readonly iat: number;
  readonly exp: number;
}

export function sealAccessToken(sealer: Sealer, token: AccessToken): string {
  const packed: SealedAccess = { ...packTerms(token.terms), iat: token.issuedAt, exp: token.expiresAt };
  return sealer.seal(accessTokenPurpose, JSON.stringify(packed));
}

/**
 * The token's content, or undefined for anything we did not seal as an access token. Checked by hand instead of by
 * schema: this runs for every call that the verified-token cache has not seen.
 */
export function openAccessToken(sealer: Sealer, token: string): AccessToken | undefined {
  const plaintext = sealer.open(accessTokenPurpose, token);
  if (plaintext === undefined) return undefined;
  const packed = JSON.parse(plaintext) as Partial<SealedAccess>;
  const complete =
    typeof packed.gid === 'string' &&
    typeof packed.idp === 'string' &&
    typeof packed.sub === 'string' &&
    packed.sub !== '' &&
    typeof packed.cid === 'string' &&
    typeof packed.res === 'string' &&
    Number.isSafeInteger(packed.iat) &&
    Number.isSafeInteger(packed.exp);
  if (!complete) return undefined;
  const whole = packed as SealedAccess;
  return { terms: unpackTerms(whole), issuedAt: whole.iat, expiresAt: whole.exp };
}
