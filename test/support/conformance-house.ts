import { startEverythingServer } from './everything-server/everything-server.ts';
import { startForwardingShim } from './forwarding-shim.ts';
import { freePort } from './free-port.ts';
import { startProtectedServer, type ProtectedServer } from './protected-server.ts';

/**
 * The everything server behind a gatehouse, with a shim in front that adds a valid access token to requests for the
 * MCP server: the official suite cannot send one.
 */
export interface ConformanceHouse extends Omit<ProtectedServer, 'signIn' | 'port'> {
  /** The everything server itself. */
  readonly upstreamUrl: string;
}

export async function startConformanceHouse(): Promise<ConformanceHouse> {
  const publicPort = await freePort();
  const upstream = await startEverythingServer();
  const gatehouse = await startProtectedServer(new URL(upstream.url), publicPort);
  let accessToken: string | undefined;
  const shim = await startForwardingShim({
    port: publicPort,
    target: { hostname: '127.0.0.1', port: gatehouse.port },
    change: (path, headers) => {
      const credential = path.startsWith('/mcp') ? accessToken : undefined;
      return { path, headers: { ...headers, ...(credential && { authorization: `Bearer ${credential}` }) } };
    },
  });
  accessToken = await gatehouse.signIn();
  return {
    ...gatehouse,
    upstreamUrl: upstream.url,
    async close() {
      await shim.close();
      await gatehouse.close();
      await upstream.close();
    },
  };
}
