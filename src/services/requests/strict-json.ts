/** An object of JSON as it came: null-prototype, so that no member is found that was not sent. */
export type JsonObject = Readonly<Record<string, unknown>>;

export type JsonReading =
  | { readonly outcome: 'read'; readonly value: JsonObject }
  /** `problem` is safe for strangers. */
  | { readonly outcome: 'refused'; readonly problem: string };

/** What a JSON text may be at most. */
export interface JsonLimits {
  readonly maxDepth: number;
  /** Colons and commas outside of strings: as many values fit into it. */
  readonly maxValues: number;
}

export type JsonValueReading =
  | {
      readonly outcome: 'read';
      readonly value: unknown;
      /** The level, from 1, of the outermost member name that is written with an escape; Infinity: there is none. */
      readonly escapedNameDepth: number;
    }
  | { readonly outcome: 'refused'; readonly problem: string };

/** Deeper than any metadata a client has a use for. */
export const maxJsonDepth = 32;
/** More values than any client's metadata has a use for. */
export const maxJsonValues = 2048;

const documentLimits: JsonLimits = { maxDepth: maxJsonDepth, maxValues: maxJsonValues };

/**
 * Reads a text that is one JSON object and nothing else. A member name given twice, at any depth, is refused: the
 * first-wins and the last-wins parser would read two different requests.
 * @see RFC 8259 §4 ("The names within an object SHOULD be unique"), RFC 7493 §2.3
 */
export function parseStrictJson(text: string): JsonReading {
  const reading = readStrictJson(text, documentLimits);
  if (reading.outcome === 'refused') return reading;
  const { value, escapedNameDepth } = reading;
  // No client has a reason to escape a name, and Node 24.21's own parser misreads some that are.
  if (escapedNameDepth !== Infinity)
    return { outcome: 'refused', problem: 'has a member name with an escape' };
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return { outcome: 'refused', problem: 'is not a JSON object' };
  }
  // A member named __proto__ stays an ordinary member: without a prototype there is no setter it could reach.
  return { outcome: 'read', value: Object.assign(Object.create(null) as Record<string, unknown>, value) };
}

/**
 * Reads a text that is one JSON value of any kind, without a member name given twice at any depth. Names are compared
 * as they are meant, whatever escapes they are written with; where one decides, the reader has to look at
 * `escapedNameDepth`, since Node 24.21's own parser misreads some of these.
 */
export function readStrictJson(text: string, limits: JsonLimits): JsonValueReading {
  // Before the parser: a megabyte of brackets would keep it busy for a quarter of a second.
  const structure = judgeStructure(text, limits);
  if (typeof structure === 'string') return { outcome: 'refused', problem: structure };
  try {
    return { outcome: 'read', value: JSON.parse(text), escapedNameDepth: structure };
  } catch {
    return { outcome: 'refused', problem: 'is not valid JSON' };
  }
}

const quote = 0x22;
const backslash = 0x5c;
const colon = 0x3a;
const comma = 0x2c;

/**
 * One walk over the text, right for every text that JSON.parse accepts; what it says of any other text is of no
 * matter, as that is refused in any case. In valid JSON a colon outside of a string follows a member name and nothing
 * else, so the string that ended last is the name, and the innermost open bracket is the object it belongs to.
 * @returns what is wrong, or the level of the outermost escaped member name
 */
function judgeStructure(text: string, { maxDepth, maxValues }: JsonLimits): string | number {
  /** The names seen in each object that is open; an array has none. */
  const open: (Set<string> | undefined)[] = [];
  let values = 0;
  let escapedNameDepth = Infinity;
  let nameStart = 0;
  let nameEnd = 0;
  for (let at = 0; at < text.length; at += 1) {
    switch (text.charCodeAt(at)) {
      case quote:
        nameStart = at + 1;
        nameEnd = findClosingQuote(text, nameStart);
        at = nameEnd;
        break;
      case 0x7b: // {
      case 0x5b: // [
        if (open.push(undefined) > maxDepth) return `is nested deeper than ${maxDepth} levels`;
        break;
      case 0x7d: // }
      case 0x5d: // ]
        open.pop();
        break;
      case comma:
        values += 1;
        if (values > maxValues) return 'has too many members';
        break;
      case colon: {
        values += 1;
        if (values > maxValues) return 'has too many members';
        const written = text.slice(nameStart, nameEnd);
        const isEscaped = written.includes('\\');
        if (isEscaped) escapedNameDepth = Math.min(escapedNameDepth, open.length);
        if (isRepeated(open, isEscaped ? unescapeName(written) : written)) return 'has a member name twice';
        break;
      }
    }
  }
  return escapedNameDepth;
}

/** The index of the quote that closes a string whose characters begin at `start`, or the end of the text. */
function findClosingQuote(text: string, start: number): number {
  let at = start;
  for (;;) {
    const end = text.indexOf('"', at);
    if (end === -1) return text.length;
    let escapes = end;
    while (escapes > start && text.charCodeAt(escapes - 1) === backslash) escapes -= 1;
    if ((end - escapes) % 2 === 0) return end;
    at = end + 1;
  }
}

/** The name that is written so. Of a string on its own the parser misreads nothing. */
function unescapeName(written: string): string {
  try {
    return JSON.parse(`"${written}"`) as string;
  } catch {
    return written;
  }
}

function isRepeated(open: (Set<string> | undefined)[], name: string): boolean {
  const names = open.at(-1);
  if (names === undefined) {
    open[open.length - 1] = new Set([name]);
    return false;
  }
  if (names.has(name)) return true;
  names.add(name);
  return false;
}
