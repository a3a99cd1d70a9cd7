import { writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

import { createTestAuthority } from '../support/certificates.ts';
import { startEverythingServer } from '../support/everything-server/everything-server.ts';
import { freePort } from '../support/free-port.ts';
import { startOpenIdProvider } from '../support/oidc-provider.ts';
import { startServedGatehouse } from '../support/served-gatehouse.ts';
import { startTap, type TappedRequest } from './tap.ts';

/** What one client meets: a gatehouse that was just started, an MCP server behind it, and where people log in. */
export interface ClientHouse {
  /** All that the client is told. */
  readonly mcpUrl: string;
  readonly requests: readonly TappedRequest[];
  logged(): string;
  close(): Promise<void>;
}

/** Where clients publish what they say of themselves. */
export interface DocumentHost {
  /** The authority that the host's certificate is from, in PEM. */
  readonly authorityFile: string;
  /** @returns the `client_id` */
  publish(name: string, redirectUris: readonly string[]): string;
  close(): Promise<void>;
}

/** More than the 60 s that mcp-remote wants to be left: with less it refreshes before each of its requests. */
export const accessTokenSeconds = 75;

const credentials = { clientId: 'gatehouse', clientSecret: 'provider-client-secret' };

export async function startClientHouse(documents: DocumentHost): Promise<ClientHouse> {
  const [publicPort, port, providerPort] = [await freePort(), await freePort(), await freePort()];
  const publicUrl = `http://127.0.0.1:${publicPort}`;
  const upstream = await startEverythingServer();
  const provider = await startOpenIdProvider(
    { ...credentials, redirectUri: `${publicUrl}/callback` },
    providerPort,
  );
  const gatehouse = await startServedGatehouse({
    port,
    publicUrl,
    upstream: upstream.url,
    identityProvider: { issuer: provider.issuer, ...credentials },
    env: {
      ACCESS_TOKEN_TTL: `${accessTokenSeconds}s`,
      RATE_LIMIT_ENABLED: 'true',
      CIMD_ALLOW_LOOPBACK: 'true',
      NODE_EXTRA_CA_CERTS: documents.authorityFile,
    },
  });
  const tap = await startTap(publicPort, port);
  return {
    mcpUrl: `${publicUrl}/mcp`,
    requests: tap.requests,
    logged: () => gatehouse.logged(),
    async close() {
      await tap.close();
      await gatehouse.close();
      await provider.close();
      await upstream.close();
    },
  };
}

export async function startDocumentHost(folder: string): Promise<DocumentHost> {
  const authority = createTestAuthority();
  const authorityFile = join(folder, 'authority.crt');
  writeFileSync(authorityFile, authority.cert);
  const published = new Map<string, object>();
  const server = createServer(authority.issue('IP:127.0.0.1'), (request, response) => {
    const document = published.get(request.url ?? '');
    response.writeHead(document === undefined ? 404 : 200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(document ?? {}));
  });
  authority.close();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    authorityFile,
    publish(name, redirectUris) {
      const path = `/${name}/client.json`;
      const clientId = `https://127.0.0.1:${port}${path}`;
      published.set(path, {
        client_id: clientId,
        client_name: name,
        redirect_uris: redirectUris,
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
        token_endpoint_auth_method: 'none',
      });
      return clientId;
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
