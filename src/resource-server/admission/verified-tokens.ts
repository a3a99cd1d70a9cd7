/**
 * Tokens that opened, so that the cipher runs once per token and not once per call. It says what a token holds, never
 * that it is still good: expiry and revocation are asked again on every hit.
 */
export interface VerifiedTokens<Content> {
  find(token: string): Content | undefined;
  /** Returns a copy of the token that may be kept: a slice would keep the whole request head it was cut from alive. */
  keep(token: string, content: Content): string;
  forget(token: string): void;
  forgetAll(): void;
}

interface Entry<Content> {
  readonly token: string;
  readonly content: Content;
}

/** The end of a sealed token is its authentication tag: tells tokens apart, and is hashed in a fraction of the time. */
const keyLength = 24;

/**
 * Keeps at most `maxEntries` tokens; the one kept longest goes first. Found by their ends, and taken for known only when
 * all of them is equal.
 */
export function createVerifiedTokens<Content>(maxEntries: number): VerifiedTokens<Content> {
  const opened = new Map<string, Entry<Content>>();
  return {
    find(token) {
      const entry = opened.get(token.slice(-keyLength));
      return entry?.token === token ? entry.content : undefined;
    },
    keep(token, content) {
      const copy = Buffer.from(token, 'latin1').toString('latin1');
      if (maxEntries <= 0) return copy;
      if (opened.size >= maxEntries) {
        for (const oldest of opened.keys()) {
          opened.delete(oldest);
          break;
        }
      }
      opened.set(copy.slice(-keyLength), { token: copy, content });
      return copy;
    },
    forget(token) {
      opened.delete(token.slice(-keyLength));
    },
    forgetAll() {
      opened.clear();
    },
  };
}
