import { createCipheriv, createDecipheriv, type KeyObject, type DecipherGCM } from 'node:crypto';

import type { Random } from '../random.ts';
import { createKeyring, type Keyring, scheduleSecrets } from './keyring.ts';
import { keyIdBytes, type SealingKey } from './sealing-key.ts';

/** One kind of sealed value. Name and prefix are part of the format and never change once released. */
export interface SealPurpose {
  readonly name: string;
  /** Typed prefix of the token string, so that scanners and logs recognise it, e.g. `mgh_at_`. */
  readonly prefix: string;
  /** Cap on the whole token string, on seal and open. */
  readonly maxLength: number;
}

export interface Sealer {
  /** @throws SealTooLargeError when the token string would pass the purpose's cap */
  seal(purpose: SealPurpose, plaintext: string): string;
  /** The plaintext, or undefined for anything that this deployment did not seal for this purpose. */
  open(purpose: SealPurpose, token: string): string | undefined;
}

export type SealerOptions = SealerSettings & (KeyringOption | SecretsOption);

interface KeyringOption {
  readonly keyring: Pick<Keyring, 'current'>;
}

interface SecretsOption {
  /** The active secret first, then those that may still open. Each at least 32 bytes; checked by the configuration. */
  readonly secrets: readonly [string, ...string[]];
}

interface SealerSettings {
  /** Bound into every token: the public base URL. A token of another deployment does not open. */
  readonly context: string;
  readonly random: Random;
  /** Told of every seal, for the seal counter. */
  readonly onSeal?: (purpose: SealPurpose, keyId: string) => void;
}

/** What should be sealed does not fit into the purpose's size cap. */
export class SealTooLargeError extends Error {
  constructor(purpose: SealPurpose) {
    super(`sealed ${purpose.name} would exceed ${purpose.maxLength} characters`);
    this.name = 'SealTooLargeError';
  }
}

const formatVersion = 1;
const nonceBytes = 12;
const tagBytes = 16;
const headerBytes = 1 + keyIdBytes + nonceBytes;

/**
 * AES-256-GCM sealing. A token is `prefix base64url(version ‖ key id ‖ nonce ‖ ciphertext ‖ tag)`; purpose, key id
 * and context are authenticated with it. One HKDF key per purpose and generation: a value sealed for one purpose
 * cannot open as another, even if prefixes were swapped.
 * @see RFC 5869, NIST SP 800-38D §5.2.1.2 (16-byte tag) and §8.2.2 (random 96-bit nonce)
 */
export function createSealer(options: SealerOptions): Sealer {
  const keyring = 'keyring' in options ? options.keyring : createStandingKeyring(options.secrets);
  return {
    seal(purpose, plaintext) {
      const { active } = keyring.current();
      if (active === undefined) throw new Error('every sealing key has ended');
      const nonce = options.random.bytes(nonceBytes);
      const cipher = createCipheriv('aes-256-gcm', active.keyFor(purpose.name), nonce, {
        authTagLength: tagBytes,
      });
      cipher.setAAD(additionalData(purpose, active, options.context));
      const ciphertext = cipher.update(plaintext, 'utf8');
      cipher.final();
      const parts = [Buffer.of(formatVersion), active.idBytes, nonce, ciphertext, cipher.getAuthTag()];
      const token = purpose.prefix + Buffer.concat(parts).toString('base64url');
      if (token.length > purpose.maxLength) throw new SealTooLargeError(purpose);
      options.onSeal?.(purpose, active.id);
      return token;
    },
    open(purpose, token) {
      const bytes = decodeToken(purpose, token);
      if (bytes === undefined) return undefined;
      const key = keyring.current().find(bytes, 1);
      if (key === undefined) return undefined;
      return decrypt(bytes, key.keyFor(purpose.name), additionalData(purpose, key, options.context));
    },
  };
}

/** Secrets for as long as the process lives: no moment ever comes at which one of them changes. */
function createStandingKeyring(secrets: readonly [string, ...string[]]): Keyring {
  return createKeyring(scheduleSecrets(secrets), { clock: { nowSeconds: () => 0 } });
}

function decodeToken(purpose: SealPurpose, token: string): Buffer | undefined {
  if (token.length > purpose.maxLength || !token.startsWith(purpose.prefix)) return undefined;
  const encoded = token.slice(purpose.prefix.length);
  const bytes = Buffer.from(encoded, 'base64url');
  if (bytes.length < headerBytes + tagBytes || bytes[0] !== formatVersion) return undefined;
  // Node decodes padding, junk and differing trailing bits to the same bytes: only the canonical spelling is a token.
  return bytes.toString('base64url') === encoded ? bytes : undefined;
}

function decrypt(bytes: Buffer, key: KeyObject, aad: Buffer): string | undefined {
  const nonce = bytes.subarray(1 + keyIdBytes, headerBytes);
  // Without a fixed tag length Node authenticates truncated tags.
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes });
  decipher.setAAD(aad);
  decipher.setAuthTag(bytes.subarray(bytes.length - tagBytes));
  const plaintext = decipher.update(bytes.subarray(headerBytes, bytes.length - tagBytes));
  return isAuthentic(decipher) ? plaintext.toString('utf8') : undefined;
}

function isAuthentic(decipher: DecipherGCM): boolean {
  const { stackTraceLimit } = Error;
  // Node throws for a forged token, and would describe the stack each time: more work than the cipher itself.
  Error.stackTraceLimit = 0;
  try {
    decipher.final();
    return true;
  } catch {
    return false;
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

function additionalData(purpose: SealPurpose, key: SealingKey, context: string): Buffer {
  return Buffer.from(`${formatVersion}|${key.id}|${purpose.name}|${context}`);
}
