/**
 * Headers every answer of ours carries; a page that needs a wider policy has set its own before. HSTS only on https:
 * on loopback http it would lock the developer's whole machine in.
 */
export function securityHeaders(issuer: string): Readonly<Record<string, string>> {
  return {
    'X-Content-Type-Options': 'nosniff',
    'X-Frame-Options': 'DENY',
    'Referrer-Policy': 'no-referrer',
    'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
    ...(issuer.startsWith('https:')
      ? { 'Strict-Transport-Security': 'max-age=63072000; includeSubDomains' }
      : {}),
  };
}

export function addSecurityHeaders(headers: Headers, issuer: string): void {
  for (const [name, value] of Object.entries(securityHeaders(issuer))) {
    if (!headers.has(name)) headers.set(name, value);
  }
}
