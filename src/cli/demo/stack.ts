import { createServer } from 'node:http';

import type { GatehouseConfig } from '../../gateway/config/config.ts';
import { loadConfig } from '../../gateway/config/load-config.ts';
import { createGateway } from '../../gateway/gateway.ts';
import type { Gateway } from '../../gateway/gateway.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Random } from '../../platform/random.ts';
import { createLogger } from '../../platform/telemetry/logger.ts';
import type { GatehouseEvent } from '../../services/audit/events.ts';
import { DemoError } from './demo-error.ts';
import { startDevelopmentIdentityProvider } from './identity-provider/development-identity-provider.ts';
import { closeServer, listenOn } from './listening.ts';
import { startSampleMcpServer } from './sample-mcp-server.ts';

export interface StackSettings {
  /** Of the gatehouse; 0: any free one. */
  readonly port: number;
  /** Whether the other servers try 9400 and 9401 before they take any free port. */
  readonly preferFixedPorts: boolean;
  readonly logLevel: 'warn' | 'error';
  /** Read only to find out whether this is a production environment; nothing of it configures the demo. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

export interface StackDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly onLog: (line: string) => void;
  readonly onEvent?: (event: GatehouseEvent) => void;
}

/** Everything running, on 127.0.0.1. */
export interface Stack {
  /** Scheme, host and port of the gatehouse: the OAuth issuer. */
  readonly gatehouseUrl: string;
  readonly mcpUrl: string;
  readonly identityProviderUrl: string;
  readonly upstreamUrl: string;
  readonly readinessUrl: string;
  close(): Promise<void>;
}

const host = '127.0.0.1';
const fixedPorts = { identityProvider: 9400, sampleServer: 9401 };
const shutdownSeconds = 2;

type Closer = () => Promise<void>;

/**
 * Starts identity provider, sample server and gatehouse, in this order; when one fails, those before it are stopped.
 * @throws DemoError in a production environment and when the gatehouse's port is taken or none
 */
export async function startStack(settings: StackSettings, deps: StackDeps): Promise<Stack> {
  refuseProduction(settings.env);
  const closers: Closer[] = [];
  let isClosing = false;
  const close = async (): Promise<void> => {
    isClosing = true;
    for (const closer of closers.splice(0).toReversed()) await closer();
  };
  try {
    // What complains that the others are gone, as they stop one after another, is no news.
    const onLog = (line: string) => {
      if (!isClosing) deps.onLog(line);
    };
    return { ...(await startAll(settings, { ...deps, onLog }, closers)), close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function startAll(
  settings: StackSettings,
  deps: StackDeps,
  closers: Closer[],
): Promise<Omit<Stack, 'close'>> {
  const port = settings.port === 0 ? await findFreePort() : checkPort(settings.port);
  const gatehouseUrl = new URL(`http://${host}:${String(port)}`).origin;
  const client = {
    clientId: 'gatehouse-demo',
    clientSecret: deps.random.token(32),
    redirectUri: `${gatehouseUrl}/callback`,
  };
  const fixed = settings.preferFixedPorts ? fixedPorts : { identityProvider: 0, sampleServer: 0 };
  const provider = await onPort(fixed.identityProvider, (port) =>
    startDevelopmentIdentityProvider(
      { productionMode: false, host, port, client, clientName: 'the gatehouse demo' },
      deps,
    ),
  );
  closers.push(() => provider.close());
  const upstream = await onPort(fixed.sampleServer, (port) => startSampleMcpServer({ port }));
  closers.push(() => upstream.close());
  const config = loadConfig(
    {
      ...gatehouseEnvironment(gatehouseUrl, upstream.url, deps.random),
      LISTEN_ADDR: `${host}:${String(port)}`,
      OIDC_ISSUER_URL: provider.issuer,
      OIDC_CLIENT_ID: client.clientId,
      OIDC_CLIENT_SECRET: client.clientSecret,
    },
    noFiles,
  );
  const readinessUrl = await startGateway(config, settings, deps, closers);
  return {
    gatehouseUrl,
    mcpUrl: `${gatehouseUrl}/mcp`,
    identityProviderUrl: provider.issuer,
    upstreamUrl: upstream.url,
    readinessUrl,
  };
}

/** The gatehouse as it would be configured by hand for the same purpose; the secret lives as long as the process. */
function gatehouseEnvironment(
  gatehouseUrl: string,
  upstreamUrl: string,
  random: Random,
): Record<string, string> {
  return {
    PROD_MODE: 'false',
    PROXY_BASE_URL: gatehouseUrl,
    METRICS_ADDR: `${host}:0`,
    UPSTREAM_MCP_URL: upstreamUrl,
    MCP_RESOURCE_NAME: 'Gatehouse sample server',
    TOKEN_SIGNING_SECRET: random.token(48),
    STORE_PATH: ':memory:',
    WORKERS: '1',
  };
}

/** Returns the URL that tells the state of the gatehouse, once that is good. */
async function startGateway(
  config: GatehouseConfig,
  settings: StackSettings,
  deps: StackDeps,
  closers: Closer[],
): Promise<string> {
  const log = createLogger({ level: settings.logLevel, destination: { write: deps.onLog } });
  const gateway = createGateway(config, { ...deps, log });
  closers.push(() => gateway.close(shutdownSeconds));
  const { metricsPort } = await listenGateway(gateway, config.listen.port);
  const readinessUrl = `http://${host}:${String(metricsPort)}/readyz`;
  await waitUntilReady(readinessUrl);
  return readinessUrl;
}

function refuseProduction(env: StackSettings['env']): void {
  const mode = env['PROD_MODE'] ?? '';
  const isProduction = env['NODE_ENV'] === 'production' || (mode !== '' && mode.toLowerCase() !== 'false');
  if (!isProduction) return;
  throw new DemoError(
    'the demo does not start in a production environment: its identity provider asks for no password',
    'run it on your own machine, with PROD_MODE and NODE_ENV unset',
  );
}

function checkPort(port: number): number {
  if (Number.isInteger(port) && port > 0 && port <= 65_535) return port;
  throw new DemoError('the port is not a number from 1 to 65535', 'leave --port out for 8080');
}

async function findFreePort(): Promise<number> {
  const probe = createServer();
  const origin = await listenOn(probe, host, 0);
  await closeServer(probe);
  return Number(new URL(origin).port);
}

async function onPort<Started>(port: number, start: (port: number) => Promise<Started>): Promise<Started> {
  try {
    return await start(port);
  } catch (error) {
    if (port === 0 || !isTaken(error)) throw error;
    return start(0);
  }
}

async function listenGateway(gateway: Gateway, port: number): Promise<{ readonly metricsPort: number }> {
  try {
    return await gateway.listen();
  } catch (error) {
    if (isTaken(error)) {
      const next = String(port === 65_535 ? 8080 : port + 1);
      throw new DemoError(
        `port ${String(port)} of ${host} is taken`,
        `stop the program that listens there, or choose another port: --port ${next}`,
        { cause: error },
      );
    }
    if (!(error instanceof Error && 'code' in error && error.code === 'EACCES')) throw error;
    throw new DemoError(`port ${String(port)} needs more rights than you have`, 'choose a port above 1023', {
      cause: error,
    });
  }
}

function isTaken(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
}

/** The gatehouse reads the identity provider's discovery document in the background; a login before that is refused. */
async function waitUntilReady(readinessUrl: string): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const response = await fetch(readinessUrl);
    const state = (await response.json()) as { readonly identity_provider?: unknown };
    if (state.identity_provider === 'ok') return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new DemoError(
    'the gatehouse cannot reach the development identity provider',
    'see the log lines above; a proxy setting for 127.0.0.1 may be in the way',
  );
}

function noFiles(): never {
  throw new Error('the demo reads no files');
}
