import { authorizeUrl, createPkce, registerClient } from './flow.ts';
import { freePort } from './free-port.ts';
import { LoopbackBrowser } from './loopback-browser.ts';
import { startOpenIdProvider } from './oidc-provider.ts';
import { startServedGatehouse } from './served-gatehouse.ts';

/** A served gatehouse in front of an MCP server, with an identity provider and a person who has signed in. */
export interface ProtectedServer {
  readonly publicUrl: string;
  /** The MCP server through the gatehouse. */
  readonly mcpUrl: string;
  /** 127.0.0.1:port, where the gatehouse listens. */
  readonly port: number;
  readonly browser: LoopbackBrowser;
  /** Signs the person in, through whatever stands at the public URL. */
  signIn(): Promise<string>;
  /** Returns the client id. */
  registerClient(redirectUri: string): Promise<string>;
  close(): Promise<void>;
}

const credentials = { clientId: 'gatehouse', clientSecret: 'provider-client-secret' };

/** `publicPort`: where people reach it, when something of the test's stands in front. */
export async function startProtectedServer(upstream: URL, publicPort?: number): Promise<ProtectedServer> {
  const [port, providerPort] = [await freePort(), await freePort()];
  const publicUrl = `http://127.0.0.1:${publicPort ?? port}`;
  const redirectUri = `${publicUrl}/callback`;
  const provider = await startOpenIdProvider({ ...credentials, redirectUri }, providerPort);
  const gatehouse = await startServedGatehouse({
    port,
    publicUrl,
    upstream: upstream.href,
    identityProvider: { issuer: provider.issuer, ...credentials },
  });
  const target = {
    publicUrl,
    resource: `${publicUrl}${upstream.pathname}`,
    fetch: (path: string, init?: RequestInit) => fetch(new URL(path, publicUrl), init),
  };
  const browser = new LoopbackBrowser({ login: 'alice' });
  return {
    publicUrl,
    mcpUrl: target.resource,
    port,
    browser,
    signIn: () => obtainAccessToken(target, browser),
    registerClient: async (uri) => (await registerClient(target, { redirect_uris: [uri] })).clientId,
    async close() {
      await gatehouse.close();
      await provider.close();
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
