const label = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const encoded = /^..--/;

/**
 * Whether a text is a label of a host name that may stand for a `*`: lower-case letters, digits and hyphens between them,
 * 63 at most. Not one with hyphens in the third and fourth place: those stand for characters that people take for others.
 * @see RFC 1123 §2.1, RFC 5890 §2.3.1
 */
export function isHostLabel(text: string): boolean {
  return label.test(text) && !encoded.test(text);
}
