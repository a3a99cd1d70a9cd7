import type { EpochSeconds } from '../../platform/clock.ts';
import type { Sealer, SealPurpose } from '../../platform/sealing/sealer.ts';
import { type Infer, integer, name } from '../../platform/sealing/shape.ts';
import { type GrantTerms, packTerms, sealedTerms, unpackTerms } from './grant-terms.ts';

/** A refresh token that is not used for this long is dead. Each rotation starts it anew, up to the absolute end. */
export const refreshTokenIdleSeconds = 7 * 24 * 3600;

export const refreshTokenPurpose: SealPurpose = { name: 'refresh', prefix: 'mgh_rt_', maxLength: 8192 };

/** What the identity provider gave for the person. Sealed into refresh tokens, and nowhere else. */
export interface IdentityProof {
  /** The provider's own refresh token, with which it is asked again. Undefined: it gave none, or it did not fit. */
  readonly refreshToken: string | undefined;
  /** When the provider last vouched for the person. */
  readonly checkedAt: EpochSeconds;
}

/** One generation of a grant's refresh token. */
export interface RefreshToken {
  readonly terms: GrantTerms;
  /** Names this generation in the grant's record. */
  readonly tokenId: string;
  readonly expiresAt: EpochSeconds;
  /** Undefined: the provider vouched for the person when the grant began, and gave no refresh token. */
  readonly identity?: IdentityProof | undefined;
}

const sealedRefresh = sealedTerms.extend({ tid: name, exp: integer }, { irt: name, ick: integer });

export function sealRefreshToken(sealer: Sealer, token: RefreshToken): string {
  const packed: Infer<typeof sealedRefresh> = {
    ...packTerms(token.terms),
    tid: token.tokenId,
    exp: token.expiresAt,
    ...packProof(token.identity),
  };
  return sealer.seal(refreshTokenPurpose, JSON.stringify(packed));
}

/** The token's content, or undefined for anything we did not seal as a refresh token. */
export function openRefreshToken(sealer: Sealer, token: string): RefreshToken | undefined {
  const plaintext = sealer.open(refreshTokenPurpose, token);
  if (plaintext === undefined) return undefined;
  // A shape of another release is no token of ours: refused like a forged one, not guessed at.
  const packed: unknown = JSON.parse(plaintext);
  if (!sealedRefresh.matches(packed)) return undefined;
  const { irt, ick } = packed;
  const identity = ick === undefined ? {} : { identity: { refreshToken: irt, checkedAt: ick } };
  return { terms: unpackTerms(packed), tokenId: packed.tid, expiresAt: packed.exp, ...identity };
}

/** Without the provider's token a time alone, which releases that know of none pass over. */
function packProof(proof: IdentityProof | undefined): Pick<Infer<typeof sealedRefresh>, 'irt' | 'ick'> {
  if (proof === undefined) return {};
  const { refreshToken: irt, checkedAt: ick } = proof;
  return irt === undefined ? { ick } : { irt, ick };
}
