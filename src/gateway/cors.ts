/**
 * Cross-origin access to documents and the token and registration endpoints, for clients that run in a browser. None
 * of these reads a cookie, so any origin may; pages (authorize, consent, callback) never get these headers.
 * @see OAuth 2.1 §3.1, RFC 9700 §2.6
 */
export function addCors(headers: Headers): void {
  headers.set('Access-Control-Allow-Origin', '*');
  headers.set('Access-Control-Expose-Headers', 'WWW-Authenticate, DPoP-Nonce, Retry-After, X-Request-Id');
}

/** Answers a preflight before anything else is looked at. Header names are listed: `*` does not cover Authorization. */
export function answerPreflight(methods: readonly string[]): Response {
  return new Response(null, {
    status: 204,
    headers: {
      'Access-Control-Allow-Methods': [...methods, 'OPTIONS'].join(', '),
      'Access-Control-Allow-Headers': 'Authorization, Content-Type, Accept, MCP-Protocol-Version, DPoP',
      'Access-Control-Max-Age': '7200',
      Allow: [...methods, 'OPTIONS'].join(', '),
    },
  });
}
