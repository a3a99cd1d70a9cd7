import { createHmac, timingSafeEqual } from 'node:crypto';

import type { Keyring } from './keyring.ts';
import { keyIdBytes, type SealingKey } from './sealing-key.ts';

const macBytes = 16;

/** Characters of every tag. */
export const tagLength = Math.ceil(((keyIdBytes + macBytes) * 4) / 3);

/** Proves that a text came by here before, for whoever has to hand it out in the clear. */
export interface Tagger {
  /** The same for the same text as long as the active key is the same; base64url. */
  tag(text: string): string;
  verify(text: string, tag: string): boolean;
}

export interface TaggerOptions {
  readonly keyring: Keyring;
  /** What the tags are for: one purpose's are no good for another. */
  readonly purpose: string;
  /** The deployment. */
  readonly context: string;
}

/** Tags texts with HMAC-SHA-256, shortened to 128 bits, behind the id of the key that made them. */
export function createTagger({ keyring, purpose, context }: TaggerOptions): Tagger {
  const compute = (key: SealingKey, text: string): Buffer =>
    createHmac('sha256', key.keyFor(purpose)).update(`${context}\n${text}`).digest().subarray(0, macBytes);

  return {
    tag(text) {
      const { active } = keyring.current();
      if (active === undefined) throw new Error('every sealing key has ended');
      return Buffer.concat([active.idBytes, compute(active, text)]).toString('base64url');
    },
    verify(text, tag) {
      if (tag.length !== tagLength) return false;
      const bytes = Buffer.from(tag, 'base64url');
      // Other spellings decode to the same bytes: only the canonical one is a tag.
      if (bytes.length !== keyIdBytes + macBytes || bytes.toString('base64url') !== tag) return false;
      const key = keyring.current().find(bytes, 0);
      return key !== undefined && timingSafeEqual(compute(key, text), bytes.subarray(keyIdBytes));
    },
  };
}
