import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { freePort } from './free-port.ts';

/** The gatehouse as an operator starts it: its own process, the flags of `npm start`, nothing but its environment. */
export interface ServedGatehouse {
  readonly publicUrl: string;
  /** What it logged so far. */
  logged(): string;
  /** As the out-of-memory killer does it. Resolves when the process is gone. */
  kill(): Promise<void>;
  close(): Promise<void>;
}

export interface ServedGatehouseOptions {
  readonly port: number;
  /** Where people reach it, when that is not the port itself. */
  readonly publicUrl?: string;
  readonly upstream: string;
  readonly identityProvider: {
    readonly issuer: string;
    readonly clientId: string;
    readonly clientSecret: string;
  };
  readonly env?: Readonly<Record<string, string>>;
}

const root = join(import.meta.dirname, '..', '..');
const flags = ['--disallow-code-generation-from-strings', '--disable-proto=delete'];

export async function startServedGatehouse(options: ServedGatehouseOptions): Promise<ServedGatehouse> {
  const metricsPort = await freePort();
  const publicUrl = options.publicUrl ?? `http://127.0.0.1:${options.port}`;
  const child = spawn(process.execPath, [...flags, join(root, 'src/cli/main.ts'), 'serve'], {
    env: {
      PATH: process.env['PATH'],
      PROD_MODE: 'false',
      PROXY_BASE_URL: publicUrl,
      LISTEN_ADDR: `127.0.0.1:${options.port}`,
      METRICS_ADDR: `127.0.0.1:${metricsPort}`,
      UPSTREAM_MCP_URL: options.upstream,
      OIDC_ISSUER_URL: options.identityProvider.issuer,
      OIDC_CLIENT_ID: options.identityProvider.clientId,
      OIDC_CLIENT_SECRET: options.identityProvider.clientSecret,
      TOKEN_SIGNING_SECRET: 'Kq3v9Zt7Xw1Lr5Np8Bd2Fh6Jm4Sg0Yc-test-secret',
      STORE_PATH: ':memory:',
      RATE_LIMIT_ENABLED: 'false',
      ...options.env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const kill = (): boolean => child.kill('SIGKILL');
  process.once('exit', kill);
  let output = '';
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString('utf8');
    });
  await waitUntilReady(`http://127.0.0.1:${metricsPort}/readyz`, () => {
    if (child.exitCode !== null) throw new Error(`serve ended with ${child.exitCode}: ${output}`);
  }).catch((error: unknown) => {
    kill();
    throw error;
  });
  return {
    publicUrl,
    logged: () => output,
    async kill() {
      kill();
      await ended;
      process.off('exit', kill);
    },
    async close() {
      child.kill('SIGTERM');
      const giveUp = setTimeout(kill, 10_000);
      await ended;
      clearTimeout(giveUp);
      process.off('exit', kill);
    },
  };
}

async function waitUntilReady(readiness: string, check: () => void): Promise<void> {
  for (let attempt = 0; attempt < 300; attempt += 1) {
    check();
    const response = await fetch(readiness).catch(() => undefined);
    if (response?.ok === true) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error('serve did not become ready within 30 seconds');
}
