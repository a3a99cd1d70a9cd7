import type { EpochSeconds } from '../../platform/clock.ts';
import type { Sealer, SealPurpose } from '../../platform/sealing/sealer.ts';
import { type Infer, integer, name, shape } from '../../platform/sealing/shape.ts';
import type { LoginSecrets } from '../../services/identity/identity-provider.ts';

/**
 * A person is at the identity provider to see what they allowed. It is no authorization and names no client; of a purpose
 * of its own, so that neither of the two can come back as the other: one makes a code, the other a session.
 */
export interface AccountLogin {
  /** Names the flow's cookie and its one callback. */
  readonly flowId: string;
  /** SHA-256 of the flow's cookie, which only the browser got that began the login. */
  readonly flowHash: string;
  readonly secrets: LoginSecrets;
  /** The one that the login was started at, by name. Absent: there was one alone. */
  readonly identityProvider?: string | undefined;
  readonly expiresAt: EpochSeconds;
}

const accountLoginPurpose: SealPurpose = { name: 'account-login', prefix: 'mgh_al_', maxLength: 1024 };

const sealedLogin = shape({ flw: name, ck: name, non: name, ver: name, exp: integer }, { idp: name });

export function sealAccountLogin(sealer: Sealer, login: AccountLogin): string {
  const packed: Infer<typeof sealedLogin> = {
    flw: login.flowId,
    ck: login.flowHash,
    non: login.secrets.nonce,
    ver: login.secrets.codeVerifier,
    ...(login.identityProvider === undefined ? {} : { idp: login.identityProvider }),
    exp: login.expiresAt,
  };
  return sealer.seal(accountLoginPurpose, JSON.stringify(packed));
}

/** The login, or undefined for anything we did not seal as one. Expiry is the caller's to judge. */
export function openAccountLogin(sealer: Sealer, token: string): AccountLogin | undefined {
  const plaintext = sealer.open(accountLoginPurpose, token);
  if (plaintext === undefined) return undefined;
  const packed: unknown = JSON.parse(plaintext);
  if (!sealedLogin.matches(packed)) return undefined;
  return {
    flowId: packed.flw,
    flowHash: packed.ck,
    secrets: { nonce: packed.non, codeVerifier: packed.ver },
    ...(packed.idp === undefined ? {} : { identityProvider: packed.idp }),
    expiresAt: packed.exp,
  };
}
