/** A part of a text, from `start` up to `end`. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

export interface MemberSpan {
  /** As it is written between its quotes. */
  readonly name: string;
  readonly value: Span;
}

/**
 * The members of the object that begins at `start`, where their bytes are: to take a part out of a text and leave the
 * rest as its author wrote it. Of a text that `readStrictJson` has read.
 */
export function membersOf(text: string, start: number): readonly MemberSpan[] {
  const members: MemberSpan[] = [];
  let at = skipSpace(text, start + 1);
  while (text[at] === '"') {
    const nameEnd = endOfString(text, at);
    const name = text.slice(at + 1, nameEnd - 1);
    const valueStart = skipSpace(text, skipSpace(text, nameEnd) + 1);
    const value = { start: valueStart, end: endOfValue(text, valueStart) };
    members.push({ name, value });
    at = skipSpace(text, value.end);
    if (text[at] === ',') at = skipSpace(text, at + 1);
  }
  return members;
}

/** The elements of the array that begins at `start`. Of a text that `readStrictJson` has read. */
export function elementsOf(text: string, start: number): readonly Span[] {
  const elements: Span[] = [];
  let at = skipSpace(text, start + 1);
  while (at < text.length && text[at] !== ']') {
    const end = endOfValue(text, at);
    elements.push({ start: at, end });
    at = skipSpace(text, end);
    if (text[at] === ',') at = skipSpace(text, at + 1);
  }
  return elements;
}

/** Where the value of the whole text begins. */
export function startOfValue(text: string): number {
  return skipSpace(text, 0);
}

function skipSpace(text: string, start: number): number {
  let at = start;
  while (text[at] === ' ' || text[at] === '\n' || text[at] === '\r' || text[at] === '\t') at += 1;
  return at;
}

function endOfValue(text: string, start: number): number {
  const first = text[start];
  if (first === '"') return endOfString(text, start);
  if (first === '{' || first === '[') return endOfBrackets(text, start);
  let at = start;
  while (at < text.length && !/[,\]}\s]/.test(text[at] as string)) at += 1;
  return at;
}

function endOfBrackets(text: string, start: number): number {
  let depth = 0;
  for (let at = start; at < text.length; at += 1) {
    const character = text[at];
    if (character === '"') at = endOfString(text, at) - 1;
    else if (character === '{' || character === '[') depth += 1;
    else if ((character === '}' || character === ']') && --depth === 0) return at + 1;
  }
  return text.length;
}

/** Behind the closing quote of the string that opens at `start`. */
function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
  return at + 1;
}
