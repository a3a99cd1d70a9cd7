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

/** Tells which headers reached the MCP server. A token of the first sign-in is good for it. */
export const headersTool = 'test_request_headers';
/** Needs a scope that no client asks for at first. */
export const guardedTool = 'test_simple_text';

const credentials = { clientId: 'gatehouse', clientSecret: 'provider-client-secret' };

export async function startClientHouse(documents: DocumentHost, folder: string): Promise<ClientHouse> {
  const closers: (() => Promise<void>)[] = [];
  const close = async (): Promise<void> => {
    for (const closer of closers.splice(0).toReversed()) await closer();
  };
  try {
    return { ...(await startAll(documents, folder, closers)), close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function startAll(
  documents: DocumentHost,
  folder: string,
  closers: (() => Promise<void>)[],
): Promise<Omit<ClientHouse, 'close'>> {
  const [publicPort, port, providerPort] = [await freePort(), await freePort(), await freePort()];
  const publicUrl = `http://127.0.0.1:${publicPort}`;
  const upstream = await startEverythingServer();
  closers.push(() => upstream.close());
  const relyingParty = { ...credentials, redirectUri: `${publicUrl}/callback` };
  const provider = await startOpenIdProvider(relyingParty, providerPort);
  closers.push(() => provider.close());
  const configFile = join(folder, 'gatehouse.yaml');
  writeFileSync(configFile, describeMount(upstream.url));
  const gatehouse = await startServedGatehouse({
    port,
    publicUrl,
    // Named in the file instead.
    upstream: '',
    identityProvider: { issuer: provider.issuer, ...credentials },
    env: {
      GATEHOUSE_CONFIG: configFile,
      ACCESS_TOKEN_TTL: `${accessTokenSeconds}s`,
      RATE_LIMIT_ENABLED: 'true',
      CIMD_ALLOW_LOOPBACK: 'true',
      NODE_EXTRA_CA_CERTS: documents.authorityFile,
    },
  });
  closers.push(() => gatehouse.close());
  const tap = await startTap(publicPort, port);
  closers.push(() => tap.close());
  return { mcpUrl: `${publicUrl}/mcp`, requests: tap.requests, logged: () => gatehouse.logged() };
}

function describeMount(upstream: string): string {
  return JSON.stringify({
    mounts: [
      {
        name: 'sample',
        url: '/mcp',
        upstream,
        scopes: {
          'tools:use': { description: 'Use the tools', default: true, required: true },
          'tools:more': { description: 'Use the guarded tool as well' },
        },
        policy: {
          default: 'allow',
          rules: [{ name: 'guarded', allow: { tools: [guardedTool] }, scopes: ['tools:more'] }],
        },
      },
    ],
  });
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
