import type { EpochSeconds } from '../../platform/clock.ts';
import type { Sealer, SealPurpose } from '../../platform/sealing/sealer.ts';
import { type Infer, integer, name, text } from '../../platform/sealing/shape.ts';
import type { CodeChallenge } from '../../protocol/pkce.ts';
import { type GrantTerms, packTerms, sealedTerms, unpackTerms } from './grant-terms.ts';

/** RFC 6749 §4.1.2 recommends ten minutes at most; clients redeem within a second. */
export const authorizationCodeTtlSeconds = 60;

/** It travels in a URL: with the rest of it within the 8 KiB that proxies in front of clients take for a request line. */
export const authorizationCodePurpose: SealPurpose = { name: 'code', prefix: 'mgh_ac_', maxLength: 7168 };

/** What an authorization code says once opened. It is good once; the grant's record decides that. */
export interface AuthorizationCode {
  readonly terms: GrantTerms;
  /** Byte for byte what the authorization request named. */
  readonly redirectUri: string;
  readonly codeChallenge: CodeChallenge;
  readonly expiresAt: EpochSeconds;
  /** The identity provider's refresh token, on its way into ours. */
  readonly identityToken?: string | undefined;
}

const sealedCode = sealedTerms.extend({ ruri: text, chal: text, exp: integer }, { irt: name });

export function sealAuthorizationCode(sealer: Sealer, code: AuthorizationCode): string {
  const packed: Infer<typeof sealedCode> = {
    ...packTerms(code.terms),
    ruri: code.redirectUri,
    chal: code.codeChallenge,
    exp: code.expiresAt,
    ...(code.identityToken === undefined ? {} : { irt: code.identityToken }),
  };
  return sealer.seal(authorizationCodePurpose, JSON.stringify(packed));
}

/** The code's content, or undefined for anything we did not seal as a code. Expiry is the caller's to judge. */
export function openAuthorizationCode(sealer: Sealer, token: string): AuthorizationCode | undefined {
  const plaintext = sealer.open(authorizationCodePurpose, token);
  if (plaintext === undefined) return undefined;
  // A shape of another release is no code of ours: refused like a forged one, not guessed at.
  const packed: unknown = JSON.parse(plaintext);
  if (!sealedCode.matches(packed)) return undefined;
  return {
    terms: unpackTerms(packed),
    redirectUri: packed.ruri,
    codeChallenge: packed.chal as CodeChallenge,
    expiresAt: packed.exp,
    ...(packed.irt === undefined ? {} : { identityToken: packed.irt }),
  };
}
