/**
 * The URI of a resource in each spelling that a server may take it in: as it was sent, with scheme and host in lower
 * case, and with its percent-encodings undone. Whoever may read it has to be allowed all of them, so that no rule
 * is walked around by another spelling of what it names. Undefined: with segments `.` or `..` in it, however these
 * are written, it may lead anywhere.
 * @see RFC 3986 §6.2.2
 */
export function spellingsOf(uri: string): readonly string[] | undefined {
  const decoded = uri.includes('%') ? decodeFully(uri) : uri;
  if (decoded === undefined || dotSegment.test(decoded.replaceAll(thrownAway, ''))) return undefined;
  const meant = lowerOrigin(decoded);
  // Most have one.
  if (meant === uri) return [uri];
  return [...new Set([uri, lowerOrigin(uri), meant])];
}

/** A pattern in the spellings that URIs are held against it in: the operator may have written it in any. */
export function spellingsOfPattern(pattern: string): readonly string[] {
  const decoded = decodeFully(pattern) ?? pattern;
  // An encoded star stands for itself.
  const meant = stars(decoded) === stars(pattern) ? decoded : pattern;
  return [...new Set([pattern, lowerOrigin(pattern), lowerOrigin(meant)])];
}

function stars(pattern: string): number {
  return pattern.split('*').length;
}

// `;` opens parameters of a segment to some servers, which then take `..;` for `..`.
const dotSegment = /(?:^|[/\\:])\.{1,2}(?:[/\\?#;]|$)/;
/** Parsers of URLs pass over these wherever they stand: a segment is `..` to them with one in the middle, too. */
const thrownAway = /[\t\n\r]/g;
const origin = /^[^:/?#]*:(?:\/\/[^/?#]*)?/;
/** Encoded twice is what a server behind another one undoes; nobody means it more often. */
const maxDecodings = 3;

/** Undefined: nobody knows what it says. */
export function decodeFully(uri: string): string | undefined {
  let text = uri;
  for (let round = 0; round < maxDecodings; round += 1) {
    const decoded = decode(text);
    if (decoded === undefined || decoded === text) return decoded;
    text = decoded;
  }
  return undefined;
}

/** A `%` that begins no encoding stays as it is. Undefined: what is encoded is no UTF-8, and nobody knows what it says. */
function decode(text: string): string | undefined {
  if (!/%[0-9a-f]{2}/i.test(text)) return text;
  try {
    return decodeURIComponent(text.replaceAll(/%(?![0-9a-f]{2})/gi, '%25'));
  } catch {
    return undefined;
  }
}

/** Of scheme and authority. */
export function lengthOfOrigin(uri: string): number {
  return origin.exec(uri)?.[0].length ?? 0;
}

function lowerOrigin(uri: string): string {
  return uri.replace(origin, (text) => text.toLowerCase());
}
