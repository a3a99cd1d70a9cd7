/** What an `Authorization` header offers. `absent` covers every other scheme: no such credential was presented. */
export type BearerCredential =
  | { readonly kind: 'absent' }
  | { readonly kind: 'malformed' }
  | { readonly kind: 'token'; readonly token: string };

const absent: BearerCredential = { kind: 'absent' };
const malformed: BearerCredential = { kind: 'malformed' };

/** The schemes that an access token comes with. */
const schemes = { bearer: /^bearer(?: |$)/i, dpop: /^dpop(?: |$)/i };

/**
 * Reads a bearer credential, or one of the other scheme. The scheme is compared without case; what follows it need not be
 * a token: that shows when it is opened. Several lines are malformed: whoever stands before or behind us may believe another one than we do.
 * @see RFC 6750 §2.1, RFC 9449 §7.1, RFC 9110 §11.1
 */
export function readBearerCredential(
  authorization: string | readonly string[] | undefined,
  scheme: keyof typeof schemes = 'bearer',
): BearerCredential {
  if (authorization === undefined) return absent;
  if (typeof authorization !== 'string') {
    return authorization.length > 1 ? malformed : readBearerCredential(authorization[0], scheme);
  }
  if (!schemes[scheme].test(authorization)) return absent;
  const token = authorization.slice(scheme.length).trim();
  if (token === '') return absent;
  return { kind: 'token', token };
}
