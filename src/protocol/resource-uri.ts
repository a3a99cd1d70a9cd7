/**
 * A resource indicator's comparison form: lower-case scheme and host, default port dropped, trailing slashes of the
 * path dropped. Undefined for anything that is no absolute http(s) URI without query, fragment and user information.
 * @see RFC 8707 §2 and the MCP rules on canonical server URIs (revision 2026-07-28)
 */
export function canonicalResource(value: string): string | undefined {
  // WHATWG parsing silently drops tabs, newlines and edge blanks; a resource that needs that was never ours.
  if (!/^[\x21-\x7e]{1,2048}$/.test(value) || value.includes('\\') || !/^https?:\/\//i.test(value))
    return undefined;
  if (value.includes('#') || value.includes('?')) return undefined;
  let url: URL;
  try {
    url = new URL(value);
  } catch {
    return undefined;
  }
  if (url.username !== '' || url.password !== '') return undefined;
  return url.origin + url.pathname.replace(/\/+$/, '');
}
