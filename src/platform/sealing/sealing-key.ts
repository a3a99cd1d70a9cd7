import { createHash, createSecretKey, hkdfSync, type KeyObject } from 'node:crypto';

/** Bytes of the key id that every sealed value carries. Part of the released format. */
export const keyIdBytes = 4;

/** One generation: a secret, and what is derived from it. */
export interface SealingKey {
  /** The key id as eight hexadecimal digits: what the key is called in files, logs and metrics. No secret. */
  readonly id: string;
  /** The key id as it stands in a sealed value. */
  readonly idBytes: Buffer;
  /** The AES-256 key of one purpose; none of them tells anything of another. */
  keyFor(purposeName: string): KeyObject;
}

/** Derives a generation of keys from a secret.   @see RFC 5869 */
export function createSealingKey(secret: string): SealingKey {
  const idBytes = derive(secret, 'mcp-gatehouse/v1/key-id', keyIdBytes);
  const keys = new Map<string, KeyObject>();
  return {
    id: idBytes.toString('hex'),
    idBytes,
    keyFor(purposeName) {
      let key = keys.get(purposeName);
      if (key === undefined) {
        key = createSecretKey(derive(secret, `mcp-gatehouse/v1/seal/${purposeName}`, 32));
        keys.set(purposeName, key);
      }
      return key;
    },
  };
}

/** The id of the key that a secret makes. */
export function findKeyId(secret: string): string {
  return derive(secret, 'mcp-gatehouse/v1/key-id', keyIdBytes).toString('hex');
}

function derive(secret: string, info: string, length: number): Buffer {
  const salt = createHash('sha256').update('mcp-gatehouse').digest();
  return Buffer.from(hkdfSync('sha256', secret, salt, info, length));
}
