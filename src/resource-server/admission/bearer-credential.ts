/** What an `Authorization` header offers. `absent` covers every other scheme: no bearer credential was presented. */
export type BearerCredential =
  | { readonly kind: 'absent' }
  | { readonly kind: 'malformed' }
  | { readonly kind: 'token'; readonly token: string };

const visible = /^[\x21-\x7e]+$/;
const absent: BearerCredential = { kind: 'absent' };
const malformed: BearerCredential = { kind: 'malformed' };

/**
 * Reads a bearer credential. The scheme is compared without case; the token is one run of visible characters. Several
 * lines are malformed: whoever stands before or behind us may believe another one than we do.
 * @see RFC 6750 §2.1, RFC 9110 §11.1
 */
export function readBearerCredential(
  authorization: string | readonly string[] | undefined,
): BearerCredential {
  if (authorization === undefined) return absent;
  if (typeof authorization !== 'string') {
    return authorization.length > 1 ? malformed : readBearerCredential(authorization[0]);
  }
  if (!/^bearer(?: |$)/i.test(authorization)) return absent;
  const token = authorization.slice('bearer'.length).trim();
  if (token === '') return absent;
  return visible.test(token) ? { kind: 'token', token } : malformed;
}
