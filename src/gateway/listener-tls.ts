import { constants } from 'node:crypto';
import type { TlsOptions } from 'node:tls';

import type { Certificate } from '../platform/tls/pem-files.ts';

/** A client that gets no further than this has no patience to be waited for. */
const handshakeTimeoutMs = 10_000;

/** What holds for every connection, whatever the certificate. HTTP/2 is not offered: only what is judged is spoken. */
export const tlsRules = {
  handshakeTimeout: handshakeTimeoutMs,
  ALPNProtocols: ['http/1.1'],
} as const satisfies Omit<TlsOptions, 'ALPNProtocols'> & { readonly ALPNProtocols: readonly string[] };

/** Of TLS 1.2 only what authenticates what it encrypts, under keys that are forgotten. RFC 9325 §4.2 */
const ciphers = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
].join(':');

/** What is agreed with clients under this certificate. Said here, or else the command line of Node could say otherwise. */
export function secureContext({ cert, key }: Certificate): TlsOptions {
  return {
    cert,
    key,
    minVersion: 'TLSv1.2',
    ciphers,
    // A client could have us do the dear half of a handshake over and over.
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
  };
}
