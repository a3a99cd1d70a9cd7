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
  const packed: unknown = JSON.parse(plaintext);
  if (!isSealedAccess(packed)) return undefined;
  return { terms: unpackTerms(packed), issuedAt: packed.iat, expiresAt: packed.exp };
}

const texts = ['gid', 'idp', 'sub', 'cid', 'res'] as const;
const optionalTexts = ['eml', 'nam'] as const;
const optionalLists = ['grp', 'scp'] as const;
const moments = ['gat', 'end', 'iat', 'exp'] as const;

function isSealedAccess(packed: unknown): packed is SealedAccess {
  if (typeof packed !== 'object' || packed === null) return false;
  const members = packed as Readonly<Record<string, unknown>>;
  return (
    texts.every((name) => typeof members[name] === 'string' && members[name] !== '') &&
    optionalTexts.every((name) => members[name] === undefined || typeof members[name] === 'string') &&
    optionalLists.every((name) => members[name] === undefined || isTextList(members[name])) &&
    moments.every((name) => Number.isSafeInteger(members[name]))
  );
}

function isTextList(value: unknown): boolean {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}
