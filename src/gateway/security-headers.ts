/**
 * Headers every response of ours carries; a page that needs a wider policy has set its own before. HSTS only on
 * https: on loopback http it would lock the developer's whole machine in.
 */
export function addSecurityHeaders(headers: Headers, issuer: string): void {
  const setDefault = (name: string, value: string): void => {
    if (!headers.has(name)) headers.set(name, value);
  };
  setDefault('X-Content-Type-Options', 'nosniff');
  setDefault('X-Frame-Options', 'DENY');
  setDefault('Referrer-Policy', 'no-referrer');
  setDefault('Content-Security-Policy', "default-src 'none'; frame-ancestors 'none'");
  if (issuer.startsWith('https:')) {
    setDefault('Strict-Transport-Security', 'max-age=63072000; includeSubDomains');
  }
}
