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

/** How many entries are looked at for one that is over, when a token wants in and there is no room. */
const looksForRoom = 8;

export interface VerifiedTokensRules<Content> {
  /** 0: none is kept. */
  readonly maxEntries: number;
  /** Whether a token with this content is over. */
  readonly isOver: (content: Content) => boolean;
}

/**
 * Keeps so many tokens, found by their ends, and taken for known only when all of them is equal. When there are more,
 * those that came first stay, and the others are opened each time: to push one out for the next would have every token
 * opened each time, and make room besides.
 */
export function createVerifiedTokens<Content>(rules: VerifiedTokensRules<Content>): VerifiedTokens<Content> {
  const { maxEntries, isOver } = rules;
  const opened = new Map<string, Entry<Content>>();
  let looking = opened.entries();

  /** Goes round all entries, a few at a time. */
  function makeRoom(): void {
    for (let looks = 0; looks < looksForRoom; looks += 1) {
      const next = looking.next();
      if (next.done === true) looking = opened.entries();
      else if (isOver(next.value[1].content)) opened.delete(next.value[0]);
    }
  }

  return {
    find(token) {
      const entry = opened.get(token.slice(-keyLength));
      return entry?.token === token ? entry.content : undefined;
    },
    keep(token, content) {
      const copy = Buffer.from(token, 'latin1').toString('latin1');
      if (opened.size >= maxEntries && maxEntries > 0) makeRoom();
      if (opened.size < maxEntries) opened.set(copy.slice(-keyLength), { token: copy, content });
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
