import { createServer, request as sendRequest, type Server } from 'node:http';
import { startEverythingServer } from './everything-server/everything-server.ts';
import { authorizeUrl, createPkce, registerClient } from './flow.ts';
import { freePort } from './free-port.ts';
import { LoopbackBrowser } from './loopback-browser.ts';
import { startOpenIdProvider } from './oidc-provider.ts';
import { startServedGatehouse } from './served-gatehouse.ts';

/**
 * Everything server, identity provider and a served gatehouse, with a shim in front that adds a valid access token to
 * requests for the MCP server: the official suite cannot send one.
 */
export interface ConformanceHouse {
  /** The everything server itself. */
  readonly upstreamUrl: string;
  readonly publicUrl: string;
  /** The everything server through shim and gatehouse. */
  readonly mcpUrl: string;
  readonly browser: LoopbackBrowser;
  /** Returns the client id. */
  registerClient(redirectUri: string): Promise<string>;
  close(): Promise<void>;
}

const credentials = { clientId: 'gatehouse', clientSecret: 'provider-client-secret' };

export async function startConformanceHouse(): Promise<ConformanceHouse> {
  const [shimPort, gatehousePort, providerPort] = [await freePort(), await freePort(), await freePort()];
  const publicUrl = `http://127.0.0.1:${shimPort}`;
  const upstream = await startEverythingServer();
  const provider = await startOpenIdProvider(
    { ...credentials, redirectUri: `${publicUrl}/callback` },
    providerPort,
  );
  const gatehouse = await startServedGatehouse({
    port: gatehousePort,
    publicUrl,
    upstream: upstream.url,
    identityProvider: { issuer: provider.issuer, ...credentials },
  });
  let accessToken: string | undefined;
  const shim = await startShim(shimPort, gatehousePort, () => accessToken);
  const target = {
    publicUrl,
    resource: `${publicUrl}/mcp`,
    fetch: (path: string, init?: RequestInit) => fetch(new URL(path, publicUrl), init),
  };
  const browser = new LoopbackBrowser({ login: 'alice' });
  accessToken = await obtainAccessToken(target, browser);
  return {
    upstreamUrl: upstream.url,
    publicUrl,
    mcpUrl: target.resource,
    browser,
    registerClient: async (redirectUri) =>
      (await registerClient(target, { redirect_uris: [redirectUri] })).clientId,
    async close() {
      shim.closeAllConnections();
      await new Promise((resolve) => shim.close(resolve));
      await gatehouse.close();
      await provider.close();
      await upstream.close();
    },
  };
}

interface Target {
  readonly publicUrl: string;
  readonly resource: string;
  fetch(path: string, init?: RequestInit): Promise<Response>;
}

async function obtainAccessToken(target: Target, browser: LoopbackBrowser): Promise<string> {
  const client = await registerClient(target, { redirect_uris: ['http://127.0.0.1:1/callback'] });
  const { verifier, challenge } = createPkce();
  const url = authorizeUrl(target, client, { code_challenge: challenge });
  const callback = await browser.signIn(url, client.redirectUri);
  const response = await target.fetch('/token', {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      code: callback.searchParams.get('code') ?? '',
      redirect_uri: client.redirectUri,
      client_id: client.clientId,
      code_verifier: verifier,
    }),
  });
  const tokens = (await response.json()) as { access_token?: string };
  if (tokens.access_token === undefined) throw new Error(`token answered ${response.status}`);
  return tokens.access_token;
}

/** Passes everything on unchanged, Host and Origin too, and gives requests for the MCP server a token. */
async function startShim(port: number, targetPort: number, token: () => string | undefined): Promise<Server> {
  const shim = createServer((incoming, outgoing) => {
    const credential = incoming.url?.startsWith('/mcp') === true ? token() : undefined;
    const headers = { ...incoming.headers, ...(credential && { authorization: `Bearer ${credential}` }) };
    const { method, url: path } = incoming;
    const forwarded = sendRequest(
      { host: '127.0.0.1', port: targetPort, method, path, headers },
      (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(outgoing);
      },
    );
    forwarded.on('error', () => outgoing.destroy());
    outgoing.on('close', () => forwarded.destroy());
    incoming.pipe(forwarded);
  });
  await new Promise<void>((resolve) => shim.listen(port, '127.0.0.1', resolve));
  return shim;
}
