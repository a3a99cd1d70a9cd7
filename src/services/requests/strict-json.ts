/** An object of JSON as it came: null-prototype, so that no member is found that was not sent. */
export type JsonObject = Readonly<Record<string, unknown>>;

export type JsonReading =
  | { readonly outcome: 'read'; readonly value: JsonObject }
  /** `problem` is safe for strangers. */
  | { readonly outcome: 'refused'; readonly problem: string };

/** Deeper than any metadata a client has a use for. */
export const maxJsonDepth = 32;
/** Colons and commas outside of strings: as many values fit into a body, more than any client has a use for. */
export const maxJsonValues = 2048;

/**
 * Reads a text that is one JSON object and nothing else. A member name given twice, at any depth, is refused: the
 * first-wins and the last-wins parser would read two different requests.
 * @see RFC 8259 §4 ("The names within an object SHOULD be unique"), RFC 7493 §2.3
 */
export function parseStrictJson(text: string): JsonReading {
  // Before the parser: a megabyte of brackets would keep it busy for a quarter of a second.
  const problem = findStructureProblem(text);
  if (problem !== undefined) return { outcome: 'refused', problem };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { outcome: 'refused', problem: 'is not valid JSON' };
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return { outcome: 'refused', problem: 'is not a JSON object' };
  }
  // A member named __proto__ stays an ordinary member: without a prototype there is no setter it could reach.
  return { outcome: 'read', value: Object.assign(Object.create(null) as Record<string, unknown>, value) };
}

/**
 * One walk over the text, right for every text that JSON.parse accepts; what it says of any other text is of no
 * matter, as that is refused in any case. In valid JSON a colon outside of a string follows a member name and nothing
 * else, so the string that ended last is the name, and the innermost open bracket is the object it belongs to.
 */
function findStructureProblem(text: string): string | undefined {
  /** The names seen in each object that is open; an array has none. */
  const open: Set<string>[] = [];
  let values = 0;
  let lastString = '';
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at];
    if (character === '"') {
      const end = findStringEnd(text, at);
      lastString = text.slice(at, end);
      at = end - 1;
    } else if (character === '{' || character === '[') {
      if (open.push(new Set()) > maxJsonDepth) return `is nested deeper than ${maxJsonDepth} levels`;
    } else if (character === '}' || character === ']') {
      open.pop();
    } else if (character === ':' || character === ',') {
      values += 1;
      if (values > maxJsonValues) return 'has too many members';
      if (character === ',') continue;
      // No client has a reason to escape a name, and Node 24.21's own parser misreads some that are.
      if (lastString.includes('\\')) return 'has a member name with an escape';
      if (isRepeated(open.at(-1), lastString)) return 'has a member name twice';
    }
  }
  return undefined;
}

/** The index after the closing quote of the string that opens at `start`, or the end of the text. */
function findStringEnd(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
  return Math.min(at + 1, text.length);
}

/** Takes a member name as written, in quotes and without escapes: one spelling, one name. */
function isRepeated(names: Set<string> | undefined, written: string): boolean {
  if (names === undefined || names.has(written)) return true;
  names.add(written);
  return false;
}
