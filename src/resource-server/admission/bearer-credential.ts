/** What an `Authorization` header offers. `absent` covers every other scheme: no bearer credential was presented. */
export type BearerCredential =
  | { readonly kind: 'absent' }
  | { readonly kind: 'malformed' }
  | { readonly kind: 'token'; readonly token: string };

const absent: BearerCredential = { kind: 'absent' };
const malformed: BearerCredential = { kind: 'malformed' };

/**
 * Reads a bearer credential. The scheme is compared without case; what follows it need not be a token: that shows when it is opened. Several
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
  return { kind: 'token', token };
}
