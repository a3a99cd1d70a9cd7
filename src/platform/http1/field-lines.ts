/**
 * The syntax of header and trailer fields, for heads of requests and of responses alike. Text is latin1.
 * @see RFC 9110 §5, RFC 9112 §5
 */

/** Characters of a token, as the inside of a character class. @see RFC 9110 §5.6.2 */
export const tokenCharacters = String.raw`!#$%&'*+\-.^_\x60|~0-9A-Za-z`;

/** Characters of a value and of a reason phrase: blanks, visible ASCII, and bytes past ASCII, which mean nothing to us. */
export const textCharacters = String.raw`\t\x20-\x7e\x80-\xff`;

/**
 * One field line with its line end. A blank before the colon, a line that is folded or begins with a blank, a lone CR
 * or LF and every control character but the tab are what parsers disagree on; none of them fits.
 */
export const fieldLinePattern = `[${tokenCharacters}]+:[${textCharacters}]*\\r\\n`;

/** A length that every parser reads as the same number: digits, below 10^15. */
export const lengthPattern = /^\d{1,15}$/;

/**
 * Takes lines apart that have been found to fit `fieldLinePattern`, from a position up to the empty line at the end.
 * @returns name and value alternating. They share the memory of `text`: what is kept for long is to be copied.
 */
export function splitFieldLines(text: string, from: number): string[] {
  const fields: string[] = [];
  const emptyLine = text.length - 2;
  for (let at = from; at < emptyLine;) {
    const colon = text.indexOf(':', at);
    const lineEnd = text.indexOf('\r', colon);
    fields.push(text.slice(at, colon), withoutBlanks(text, colon + 1, lineEnd));
    at = lineEnd + 2;
  }
  return fields;
}

/** Not `trim`: that would take U+00A0 for a blank and make `\xa0chunked` into `chunked`. */
export function withoutBlanks(text: string, from: number, to: number): string {
  let start = from;
  let end = to;
  while (start < end && isBlank(text.charCodeAt(start))) start += 1;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end -= 1;
  return text.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}
