import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type ServerOptions } from 'node:https';
import { type AddressInfo, connect, type Socket } from 'node:net';

import type { OutboundNetwork } from '../../src/platform/outbound/outbound-network.ts';
import { createTestAuthority, type KeyPair, type TestAuthority } from './certificates.ts';

export const publicAddress = '93.184.215.14';
export const clientHost = 'client.example';
export const clientUrl = `https://${clientHost}/oauth/client.json`;

/** A good metadata document of the client at that URL. */
export function describeDocument(members: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    client_id: clientUrl,
    client_name: 'Document Client',
    redirect_uris: ['https://client.example/callback', 'http://127.0.0.1/callback'],
    token_endpoint_auth_method: 'none',
    ...members,
  };
}

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** What one answers to everything, as JSON. */
export function answerJson(body: unknown, headers: Record<string, string> = {}, status = 200): Answer {
  return (_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body));
  };
}

/** A network with one web server in it, and a DNS of the test's own. */
export interface MetadataHosts extends OutboundNetwork {
  answer: Answer;
  /** What names resolve to; called anew each time. Default: one public address. */
  addressesOf: (name: string) => readonly string[];
  /** Where a connection to an address ends up. Default: where it was sent. */
  peerOf: (address: string) => string;
  readonly lookups: string[];
  readonly dialled: string[];
  readonly requests: IncomingMessage[];
  /** Names in the TLS handshakes. */
  readonly serverNames: string[];
  close(): Promise<void>;
}

let authority: TestAuthority | undefined;
let certificate: KeyPair | undefined;

export async function startMetadataHosts(
  options: { readonly names?: string; readonly tls?: ServerOptions } = {},
): Promise<MetadataHosts> {
  authority ??= createTestAuthority();
  certificate ??= authority.issue(`DNS:${clientHost},DNS:*.${clientHost},DNS:other.example`);
  const shown = options.names === undefined ? certificate : authority.issue(options.names);
  const server = createServer({ ...shown, ...options.tls }, (request, response) => {
    hosts.requests.push(request);
    response.on('error', () => undefined);
    hosts.answer(request, response);
  });
  server.on('secureConnection', (socket) => hosts.serverNames.push(String(socket.servername)));
  server.on('tlsClientError', () => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const hosts: MetadataHosts = {
    answer: answerJson(describeDocument()),
    addressesOf: () => [publicAddress],
    peerOf: (address) => address,
    lookups: [],
    dialled: [],
    requests: [],
    serverNames: [],
    ca: authority.cert,
    async resolve(name) {
      hosts.lookups.push(name);
      return await Promise.resolve(hosts.addressesOf(name));
    },
    dial(address) {
      hosts.dialled.push(address);
      return standIn(connect(port, '127.0.0.1'), hosts.peerOf(address));
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return hosts;
}

export function closeAuthority(): void {
  authority?.close();
  authority = undefined;
  certificate = undefined;
}

/** A connection to this machine that says it leads to the address. */
function standIn(socket: Socket, address: string): Socket {
  return Object.defineProperty(socket, 'remoteAddress', { value: address });
}
