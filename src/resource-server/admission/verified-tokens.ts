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

/** Keeps at most `maxEntries` tokens; the one kept longest goes first. Keyed by the whole token, never a part of it. */
export function createVerifiedTokens<Content>(maxEntries: number): VerifiedTokens<Content> {
  const opened = new Map<string, Content>();
  return {
    find: (token) => opened.get(token),
    keep(token, content) {
      const copy = Buffer.from(token, 'latin1').toString('latin1');
      if (maxEntries <= 0) return copy;
      if (opened.size >= maxEntries) {
        for (const oldest of opened.keys()) {
          opened.delete(oldest);
          break;
        }
      }
      opened.set(copy, content);
      return copy;
    },
    forget(token) {
      opened.delete(token);
    },
    forgetAll() {
      opened.clear();
    },
  };
}
