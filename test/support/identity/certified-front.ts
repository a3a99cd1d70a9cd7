import { once } from 'node:events';
import { type IncomingMessage, request as forward } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';

import type { TestAuthority } from '../certificates.ts';
import type { TestOpenIdProvider } from '../openid-provider.ts';

/** What a connection to it came with. */
export interface CertifiedRequest {
  readonly path: string;
  /** SHA-256 of the certificate that was shown; undefined: none was. */
  readonly fingerprint: string | undefined;
  readonly headers: IncomingMessage['headers'];
  readonly form: URLSearchParams;
}

/** TLS with client certificates in front of a provider, which is told whose certificate it was. */
export interface CertifiedFront {
  readonly port: number;
  readonly origin: string;
  readonly requests: CertifiedRequest[];
  /** Connections, also those that came to nothing. */
  readonly connections: () => number;
  close(): Promise<void>;
}

/** @param options.refuses whether certificates of nobody known end the handshake; else they count as none */
export async function startCertifiedFront(
  remote: TestOpenIdProvider,
  authority: TestAuthority,
  options: { readonly refuses?: boolean } = {},
): Promise<CertifiedFront> {
  const requests: CertifiedRequest[] = [];
  let connections = 0;
  const own = authority.issue('IP:127.0.0.1,DNS:localhost');
  const tls = { ...own, ca: authority.cert, requestCert: true, rejectUnauthorized: options.refuses === true };
  const server = createServer(tls, (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks);
      const { url: path = '/', headers, method } = request;
      const fingerprint = fingerprintOf(request.socket as TLSSocket);
      requests.push({ path, fingerprint, headers, form: new URLSearchParams(body.toString()) });
      const more = fingerprint === undefined ? {} : { 'x-client-certificate': fingerprint };
      const target = new URL(path, remote.origin);
      forward(target, { method, headers: { ...headers, ...more } }, (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      }).end(body);
    });
  });
  server.on('connection', () => (connections += 1));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    port,
    origin: `https://127.0.0.1:${port}`,
    requests,
    connections: () => connections,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function fingerprintOf(socket: TLSSocket): string | undefined {
  if (!socket.authorized) return undefined;
  return socket.getPeerX509Certificate()?.fingerprint256;
}
