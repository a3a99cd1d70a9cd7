/**
 * Tokens that opened, so that the cipher runs once per token and not once per call. It says what a token holds, never
 * that it is still good: expiry and revocation are asked again on every hit.
 */
export interface VerifiedTokens<Content> {
  find(token: string): Content | undefined;
  keep(token: string, content: Content): void;
  forget(token: string): void;
}

/** Keeps at most `maxEntries` tokens; the one kept longest goes first. Keyed by the whole token, never a part of it. */
export function createVerifiedTokens<Content>(maxEntries: number): VerifiedTokens<Content> {
  const opened = new Map<string, Content>();
  return {
    find: (token) => opened.get(token),
    keep(token, content) {
      if (maxEntries <= 0) return;
      if (opened.size >= maxEntries) {
        for (const oldest of opened.keys()) {
          opened.delete(oldest);
          break;
        }
      }
      // A copy: a slice would keep the whole request head it was cut from alive.
      opened.set(Buffer.from(token, 'latin1').toString('latin1'), content);
    },
    forget(token) {
      opened.delete(token);
    },
  };
}
