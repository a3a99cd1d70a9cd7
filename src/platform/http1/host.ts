const label = '(?!xn--)[a-z0-9-]+';
const lastLabel = '(?!xn--)[a-z][a-z0-9-]*';
const octet = String.raw`(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)`;
const port = String.raw`(?::(?:\d{1,4}|[1-5]\d{4}))?`;

/** Names that are neither numbers nor internationalised, and addresses of four numbers: nearly all that is ever sent. */
const plainHost = new RegExp(`^(?:(?:${label}\\.)*${lastLabel}|(?:${octet}\\.){3}${octet})${port}$`, 'i');

/**
 * Whether URL parsers take the text of a `Host` field for a host, and for the same one.
 * @see RFC 9110 §7.2
 */
export function isHost(text: string): boolean {
  return plainHost.test(text) || isHostToUrlParsers(text);
}

/** The rule itself. Says the same of every plain host, at ten times the cost. */
export function isHostToUrlParsers(text: string): boolean {
  if (!/^(?:[\w.-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?$/i.test(text)) return false;
  const url = URL.canParse(`http://${text}/`) ? new URL(`http://${text}/`) : undefined;
  return url?.hostname === text.replace(/:\d+$/, '').toLowerCase();
}
