import type { EpochSeconds } from '../../platform/clock.ts';
import type { Sealer, SealPurpose } from '../../platform/sealing/sealer.ts';
import { type Infer, integer, name, shape } from '../../platform/sealing/shape.ts';
import type { ClientFingerprint } from '../../services/clients/client.ts';

/** Part of the released format: a client may hold it for years. */
const registrationAccessPurpose: SealPurpose = {
  name: 'registration-access',
  prefix: 'mgh_ra_',
  maxLength: 512,
};

/** With it a client manages its own registration and no other. It ends with the registration. */
export interface RegistrationAccessToken {
  readonly fingerprint: ClientFingerprint;
  readonly issuedAt: EpochSeconds;
}

const sealedToken = shape({ cid: name, iat: integer });

export function sealRegistrationAccessToken(sealer: Sealer, token: RegistrationAccessToken): string {
  const packed: Infer<typeof sealedToken> = { cid: token.fingerprint, iat: token.issuedAt };
  return sealer.seal(registrationAccessPurpose, JSON.stringify(packed));
}

/** The token's content, or undefined for anything that we did not seal as such a token. */
export function openRegistrationAccessToken(
  sealer: Sealer,
  token: string,
): RegistrationAccessToken | undefined {
  const plaintext = sealer.open(registrationAccessPurpose, token);
  if (plaintext === undefined) return undefined;
  const packed: unknown = JSON.parse(plaintext);
  if (!sealedToken.matches(packed)) return undefined;
  return { fingerprint: packed.cid as ClientFingerprint, issuedAt: packed.iat };
}
