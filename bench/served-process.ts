/** The compiled server, and any other, as a process of its own: when it answers, what it costs, how it ends. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { get } from 'node:http';
import { join } from 'node:path';

import { freePort } from '../test/support/free-port.ts';
import { isShort } from './effort.ts';

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
  /** The first 200 of /healthz: the listener is bound. */
  readonly started: StartMoment;
  /** The first 200 of the authorization server's metadata: everything is loaded and the store is open. */
  readonly ready: StartMoment;
  /** CPU time so far in milliseconds, user and system, all threads. */
  cpuMilliseconds(): number;
  residentMegabytes(): number;
  stop(): Promise<void>;
}

/** Starts the compiled gatehouse on a port of 127.0.0.1 and waits until it is ready. */
export async function startGatehouse(
  env: Record<string, string> = {},
  knownPort?: number,
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
  return startProcess([main, 'serve'], port, environment);
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
): Promise<ServedProcess> {
  const url = `http://127.0.0.1:${port}`;
  const startedAt = performance.now();
  const child = spawn(process.execPath, argv, { stdio: ['ignore', 'ignore', 'inherit'], env });
  const look = (): StartMoment => ({
    wallMilliseconds: performance.now() - startedAt,
    cpuMilliseconds: readCpuMilliseconds(child),
  });
  await untilAnswered(`${url}/healthz`, child);
  const started = look();
  await untilAnswered(`${url}/.well-known/oauth-authorization-server`, child);
  const ready = look();
  return {
    url,
    started,
    ready,
    cpuMilliseconds: () => readCpuMilliseconds(child),
    residentMegabytes: () => readResidentMegabytes(child),
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

/** Nanoseconds on a CPU, summed over the threads: /proc's other counters tick every 10 ms only. Linux. */
function readCpuMilliseconds(child: ChildProcess): number {
  const folder = `/proc/${child.pid}/task`;
  let nanoseconds = 0;
  for (const thread of readdirSync(folder)) {
    nanoseconds += Number(readFileSync(join(folder, thread, 'schedstat'), 'utf8').split(' ', 1)[0]);
  }
  return nanoseconds / 1e6;
}

function readResidentMegabytes(child: ChildProcess): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1];
  return Number(kilobytes) / 1000;
}
