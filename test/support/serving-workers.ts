import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import { Agent, fetch as fetchOver } from 'undici';

import { systemClock } from '../../src/platform/clock.ts';
import { soundEnvironment } from './configuration.ts';
import { TestOpenIdProvider } from './openid-provider.ts';
import { eventually } from './redis.ts';

export interface LoggedLine {
  readonly msg: string;
  readonly worker?: number;
  readonly worker_pid?: number;
  readonly address?: string;
  readonly path?: string;
  readonly status?: number;
}

/** `gatehouse serve` with several workers, one SQLite file, and a provider that logs everybody in. */
export interface ServingWorkers {
  readonly publicUrl: string;
  readonly resource: string;
  readonly provider: TestOpenIdProvider;
  readonly child: ChildProcess;
  readonly exit: Promise<number | null>;
  readonly lines: readonly LoggedLine[];
  errorText(): string;
  /** Over a connection of its own, so that each request can land anywhere. */
  fetch(pathOrUrl: string, init?: RequestInit): Promise<Response>;
  /** The process that is worker `number` now. */
  pidOf(number: number): number;
  /** While `run` runs, the other workers get nothing to do: they are stopped. */
  at<Result>(number: number, run: () => Promise<Result>): Promise<Result>;
  /** The line with this message, once there are `count`. */
  line(message: string, count?: number): Promise<LoggedLine>;
  /** The sum of a metric over its labels. */
  metric(name: string): Promise<number>;
  readyz(): Promise<{ readonly status: number; readonly body: Record<string, unknown> }>;
  /** Runs another command on the same configuration; returns what it prints. */
  run(...words: readonly string[]): string;
  close(): Promise<void>;
}

export interface ServingWorkersOptions {
  readonly workers: number;
  readonly upstream?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Default: it has to come up. */
  readonly awaitReady?: boolean;
}

const main = new URL('../../src/cli/main.ts', import.meta.url).pathname;

export async function startServingWorkers(options: ServingWorkersOptions): Promise<ServingWorkers> {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-workers-'));
  const provider = await TestOpenIdProvider.start(systemClock);
  const env = {
    ...soundEnvironment,
    PROD_MODE: 'false',
    OIDC_ISSUER_URL: provider.issuer,
    OIDC_CLIENT_ID: provider.clientId,
    OIDC_CLIENT_SECRET: provider.clientSecret,
    UPSTREAM_MCP_URL: options.upstream ?? 'http://127.0.0.1:9/mcp',
    STORE_PATH: join(folder, 'store.sqlite'),
    STORE_SYNCHRONOUS: 'NORMAL',
    LISTEN_ADDR: '127.0.0.1:0',
    METRICS_ADDR: '127.0.0.1:0',
    RATE_LIMIT_ENABLED: 'false',
    WORKERS: String(options.workers),
    ...options.env,
  };
  const child = spawn(process.execPath, [main, 'serve'], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const lines: LoggedLine[] = [];
  const agent = new Agent({ pipelining: 0 });
  let errorText = '';
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(JSON.parse(line) as LoggedLine));
  child.stderr.on('data', (chunk: Buffer) => (errorText += chunk.toString()));
  const exit = once(child, 'close').then(() => child.exitCode);

  const line = (message: string, count = 1): Promise<LoggedLine> =>
    eventually(() => {
      const found = lines.filter(({ msg }) => msg === message)[count - 1];
      if (found === undefined) throw new Error(`no ${message} yet: ${errorText} ${JSON.stringify(lines)}`);
      return found;
    });
  const originOf = async (message: string): Promise<string> => `http://${(await line(message)).address}`;
  const pidOf = (number: number): number => {
    const pid = lines.findLast(({ msg, worker }) => msg === 'worker_ready' && worker === number)?.worker_pid;
    if (pid === undefined) throw new Error(`there is no worker ${number}`);
    return pid;
  };

  const crew: ServingWorkers = {
    publicUrl: 'https://gatehouse.test',
    resource: 'https://gatehouse.test/mcp',
    provider,
    child,
    exit,
    lines,
    errorText: () => errorText,
    pidOf,
    line,
    async fetch(pathOrUrl, init) {
      const { pathname, search } = new URL(pathOrUrl, crew.publicUrl);
      const url = (await originOf('listening')) + pathname + search;
      return fetchOver(url, { ...init, dispatcher: agent } as never);
    },
    async at(number, run) {
      const others = Array.from({ length: options.workers }, (_, index) => index + 1)
        .filter((each) => each !== number)
        .map(pidOf);
      for (const pid of others) process.kill(pid, 'SIGSTOP');
      try {
        return await run();
      } finally {
        for (const pid of others) process.kill(pid, 'SIGCONT');
      }
    },
    async metric(name) {
      const text = await (await fetch(`${await originOf('metrics_listening')}/metrics`)).text();
      return text
        .split('\n')
        .filter((each) => each.startsWith(`${name}{`) || each.startsWith(`${name} `))
        .reduce((sum, each) => sum + Number(each.split(' ').at(-1)), 0);
    },
    async readyz() {
      const response = await fetch(`${await originOf('metrics_listening')}/readyz`);
      return { status: response.status, body: (await response.json()) as Record<string, unknown> };
    },
    run(...words) {
      const ended = spawnSync(process.execPath, [main, ...words], { env, encoding: 'utf8' });
      if (ended.status !== 0) throw new Error(`${words.join(' ')}: ${ended.stderr}`);
      return ended.stdout;
    },
    async close() {
      // Workers end with the process that started them.
      child.kill('SIGKILL');
      await exit;
      await agent.close();
      await provider.close();
      rmSync(folder, { recursive: true, maxRetries: 5, retryDelay: 100 });
    },
  };
  if (options.awaitReady !== false) await line('listening');
  return crew;
}
