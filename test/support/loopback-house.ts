import { loadConfig } from '../../src/gateway/config/load-config.ts';
import { createGateway } from '../../src/gateway/gateway.ts';
import { createLogger } from '../../src/platform/telemetry/logger.ts';
import type { GatehouseEvent } from '../../src/services/audit/events.ts';
import { startEverythingServer, type EverythingServer } from './everything-server/everything-server.ts';
import { freePort } from './free-port.ts';
import { startOpenIdProvider } from './oidc-provider.ts';

/**
 * Everything server, gatehouse and a certified OpenID provider on real sockets, for clients that are programs of
 * their own. All of them live by the process's clock: a test that moves `Date` moves it for everybody.
 */
export interface LoopbackHouse {
  readonly publicUrl: string;
  readonly mcpUrl: URL;
  readonly upstream: EverythingServer;
  readonly events: readonly GatehouseEvent[];
  logged(): string;
  close(): Promise<void>;
}

const credentials = { clientId: 'gatehouse', clientSecret: 'provider-client-secret' };

/**
 * @param describe more of the mount than its URL and its upstream, as the configuration file has it
 * @param sections what else is in that file
 */
export async function startLoopbackHouse(
  describe?: Readonly<Record<string, unknown>>,
  sections: Readonly<Record<string, unknown>> = {},
): Promise<LoopbackHouse> {
  const [port, providerPort] = [await freePort(), await freePort()];
  const publicUrl = `http://127.0.0.1:${port}`;
  const upstream = await startEverythingServer();
  const provider = await startOpenIdProvider(
    { ...credentials, redirectUri: `${publicUrl}/callback` },
    providerPort,
  );
  const environment = {
    PROD_MODE: 'false',
    PROXY_BASE_URL: publicUrl,
    LISTEN_ADDR: `127.0.0.1:${port}`,
    METRICS_ADDR: '127.0.0.1:0',
    ...(describe === undefined ? { UPSTREAM_MCP_URL: upstream.url } : { GATEHOUSE_CONFIG: 'g.yaml' }),
    OIDC_ISSUER_URL: provider.issuer,
    OIDC_CLIENT_ID: credentials.clientId,
    OIDC_CLIENT_SECRET: credentials.clientSecret,
    TOKEN_SIGNING_SECRET: 'Kq3v9Zt7Xw1Lr5Np8Bd2Fh6Jm4Sg0Yc-test-secret',
    STORE_PATH: ':memory:',
    RATE_LIMIT_ENABLED: 'false',
  };
  const events: GatehouseEvent[] = [];
  const lines: string[] = [];
  const log = createLogger({ level: 'trace', destination: { write: (line) => void lines.push(line) } });
  const config = loadConfig(environment, () =>
    JSON.stringify({
      mounts: [{ name: 'mcp', url: '/mcp', upstream: upstream.url, ...describe }],
      ...sections,
    }),
  );
  const gateway = createGateway(config, { log, onEvent: (event) => events.push(event) });
  await gateway.listen();
  return {
    publicUrl,
    mcpUrl: new URL('/mcp', publicUrl),
    upstream,
    events,
    logged: () => lines.join(''),
    async close() {
      await gateway.close(0);
      await provider.close();
      await upstream.close();
    },
  };
}
