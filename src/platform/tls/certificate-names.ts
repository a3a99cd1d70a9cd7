import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';

/**
 * Tells which hosts a certificate is for, as clients judge it: a `*` in it is one label.
 * @param pem the certificate itself first   @see RFC 9525 §6.3
 */
export function createNameCheck(pem: string): (hostname: string) => boolean {
  const certificate = new X509Certificate(pem);
  return (hostname) => {
    const host = hostname.replace(/^\[(.*)\]$/, '$1');
    return (isIP(host) === 0 ? certificate.checkHost(host) : certificate.checkIP(host)) !== undefined;
  };
}
