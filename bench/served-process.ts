/** The compiled server, and any other, as a process of its own: when it answers, what it costs, how it ends. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { get } from 'node:http';
import { join } from 'node:path';

import { freePort } from '../test/support/free-port.ts';
import { onCores } from './cores.ts';
import { isShort } from './effort.ts';
import { cpuMilliseconds, residentKibibytes } from './process-cost.ts';

const root = join(import.meta.dirname, '..');

/** Where the compiled package is put for measuring; as deep as `dist`. */
export const compiledFolder = join(root, '.cache');

/** What a started gatehouse seals with, unless its environment says otherwise. */
export const benchSecret = 'Kq3v9Zt7Xw1Lr5Np8Bd2Fh6Jm4Sg0Yc-bench-secret';

/** Where its people log in: nobody listens there, and no name has to be looked up. */
export const benchIdentityIssuer = 'http://127.0.0.1:9';

/** A moment of a start, seen from outside: time since the process was made, and the CPU time it used. */
export interface StartMoment {
  readonly wallMilliseconds: number;
  readonly cpuMilliseconds: number;
}

export interface ServedProcess {
  readonly url: string;
  readonly pid: number;
  /** The first 200 of /healthz: the listener is bound. */
  readonly started: StartMoment;
  /** The first 200 of the authorization server's metadata: everything is loaded and the store is open. */
  readonly ready: StartMoment;
  /** CPU time so far in milliseconds, user and system, all threads and child processes. */
  cpuMilliseconds(): number;
  residentMegabytes(): number;
  stop(): Promise<void>;
}

/** How a process is run; by default anywhere, and what it writes to its standard output is dropped. */
export interface RunOptions {
  /** The cores it may use, as taskset writes them: `0` or `0,1`. */
  readonly cores?: string | undefined;
  readonly nodeOptions?: readonly string[];
  /** The descriptor of an open file for its standard output. */
  readonly output?: number;
}

/** Starts the compiled gatehouse on a port of 127.0.0.1 and waits until it is ready. */
export async function startGatehouse(
  env: Record<string, string> = {},
  knownPort?: number,
  options: RunOptions = {},
): Promise<ServedProcess> {
  const port = knownPort ?? (await freePort());
  const environment = {
    PROD_MODE: 'false',
    PROXY_BASE_URL: `http://127.0.0.1:${port}`,
    LISTEN_ADDR: `127.0.0.1:${port}`,
    METRICS_ADDR: '127.0.0.1:0',
    UPSTREAM_MCP_URL: 'http://127.0.0.1:9/mcp',
    OIDC_ISSUER_URL: benchIdentityIssuer,
    OIDC_CLIENT_ID: 'gatehouse',
    OIDC_CLIENT_SECRET: 'provider-client-secret',
    TOKEN_SIGNING_SECRET: benchSecret,
    STORE_PATH: ':memory:',
    RATE_LIMIT_ENABLED: 'false',
    ...env,
  };
  const main = isShort ? join(root, 'src', 'cli', 'main.ts') : join(compiledFolder, 'cli', 'main.js');
  return startProcess([...(options.nodeOptions ?? []), main, 'serve'], port, environment, options);
}

/** Starts the smallest server Node can be: what of a start and of the memory is Node's own. */
export async function startEmptyServer(): Promise<ServedProcess> {
  const port = await freePort();
  const source = `require('node:http').createServer((q, s) => s.end()).listen(${port}, '127.0.0.1')`;
  return startProcess(['-e', source], port, {});
}

async function startProcess(
  argv: readonly string[],
  port: number,
  env: Record<string, string>,
  options: RunOptions = {},
): Promise<ServedProcess> {
  const url = `http://127.0.0.1:${port}`;
  const startedAt = performance.now();
  const [program, ...words] = onCores(options.cores, [process.execPath, ...argv]);
  const child = spawn(program, words, { stdio: ['ignore', options.output ?? 'ignore', 'inherit'], env });
  const { pid } = child;
  if (pid === undefined) throw new Error(`${program} cannot be started`);
  const end = (): boolean => child.kill('SIGKILL');
  process.once('exit', end);
  child.once('exit', () => process.off('exit', end));
  const look = (): StartMoment => ({
    wallMilliseconds: performance.now() - startedAt,
    cpuMilliseconds: cpuMilliseconds(pid),
  });
  const seen = async (path: string): Promise<StartMoment> => {
    await untilAnswered(`${url}${path}`, child).catch((error: unknown) => {
      end();
      throw error;
    });
    return look();
  };
  const started = await seen('/healthz');
  const ready = await seen('/.well-known/oauth-authorization-server');
  return {
    url,
    pid,
    started,
    ready,
    cpuMilliseconds: () => cpuMilliseconds(pid),
    residentMegabytes: () => residentKibibytes(pid) / 1000,
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = once(child, 'exit');
      child.kill('SIGTERM');
      await gone;
    },
  };
}

async function untilAnswered(url: string, child: ChildProcess): Promise<void> {
  for (let attempt = 0; attempt < 10_000; attempt += 1) {
    if (child.exitCode !== null) throw new Error(`the server ended with ${child.exitCode}`);
    if (await answers(url)) return;
    await new Promise((resolve) => {
      setTimeout(resolve, 1);
    });
  }
  throw new Error('the server does not answer');
}

function answers(url: string): Promise<boolean> {
  return new Promise((resolve) => {
    const request = get(url, { agent: false }, (response) => {
      response.resume();
      response.once('end', () => resolve(response.statusCode === 200));
    });
    request.once('error', () => resolve(false));
  });
}
