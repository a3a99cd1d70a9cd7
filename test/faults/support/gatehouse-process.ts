import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

import { freePort } from '../../support/free-port.ts';

const root = join(import.meta.dirname, '..', '..', '..');
/** `FAULT_BUILD=.cache` runs what is published, compiled; otherwise the sources run. */
const build = process.env['FAULT_BUILD'];
const flags = ['--disallow-code-generation-from-strings', '--disable-proto=delete'];
const program =
  build === undefined ? join(root, 'src', 'cli', 'main.ts') : join(root, build, 'cli', 'main.js');

/** One `gatehouse serve`, on a port it keeps over restarts. */
export interface GatehouseProcess {
  readonly index: number;
  /** `http://127.0.0.1:PORT`, where it is reached; its public URL is another. */
  readonly origin: string;
  /** Of `origin`. */
  readonly port: number;
  /** Starts it, and resolves with the milliseconds until it served. */
  start(): Promise<number>;
  /** SIGKILL. Resolves when it is gone. */
  kill(): Promise<void>;
  /** SIGTERM: it drains. Resolves with the milliseconds until it is gone. */
  stop(): Promise<number>;
  /** NaN while it does not run. */
  residentMegabytes(): number;
  /** The most that was resident at once since it started. */
  peakMegabytes(): number;
  /** Of all its cores together. */
  cpuMilliseconds(): number;
  /** Files and sockets it has open. */
  descriptors(): number;
  /** The sum of a metric over its labels. */
  metric(name: string): Promise<number>;
  /** Undefined while it does not run. */
  pid(): number | undefined;
  /** Messages it logged, with how often, warnings and worse. */
  readonly warnings: ReadonlyMap<string, number>;
}

export interface GatehouseProcessOptions {
  readonly index: number;
  readonly env: Readonly<Record<string, string>>;
  /** How many files and sockets it may have open. Default: as many as this process. */
  readonly descriptors?: number | undefined;
}

const running = new Set<ChildProcess>();
// A worker that ends early must not leave servers behind.
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

const startMilliseconds = 20_000;

/** Runs another command of the program, and returns what it prints. Throws when it fails. */
export function runGatehouse(...words: readonly string[]): string {
  return execFileSync(process.execPath, [...flags, program, ...words], { encoding: 'utf8' });
}

/** Prepares a process and does not start it. */
export async function createGatehouseProcess(options: GatehouseProcessOptions): Promise<GatehouseProcess> {
  const [port, metricsPort] = [await freePort(), await freePort()];
  const origin = `http://127.0.0.1:${port}`;
  const warnings = new Map<string, number>();
  let child: ChildProcess | undefined;

  function spawnServer(): ChildProcess {
    const [command, ...words] = limited([process.execPath, ...flags, program, 'serve'], options.descriptors);
    const started = spawn(command, words, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        LISTEN_ADDR: `127.0.0.1:${port}`,
        METRICS_ADDR: `127.0.0.1:${metricsPort}`,
        LOG_LEVEL: 'warn',
        ...options.env,
      },
    });
    running.add(started);
    started.once('exit', () => running.delete(started));
    for (const input of [started.stdout, started.stderr]) {
      createInterface({ input }).on('line', (line) => note(warnings, line));
    }
    return started;
  }

  async function end(signal: NodeJS.Signals): Promise<void> {
    const ending = child;
    if (ending === undefined || isGone(ending)) return;
    const gone = once(ending, 'exit');
    ending.kill(signal);
    await gone;
  }

  return {
    index: options.index,
    origin,
    port,
    warnings,
    async start() {
      const began = performance.now();
      const started = spawnServer();
      child = started;
      while (!(await isServing(origin))) {
        if (isGone(started)) throw new Error(`the gatehouse ended: ${describe(warnings)}`);
        if (performance.now() - began > startMilliseconds) throw new Error('the gatehouse does not serve');
        await sleep(10);
      }
      return performance.now() - began;
    },
    kill: () => end('SIGKILL'),
    async stop() {
      const began = performance.now();
      await end('SIGTERM');
      return performance.now() - began;
    },
    pid: () => (child === undefined || isGone(child) ? undefined : child.pid),
    residentMegabytes: () => readMegabytes(child?.pid, 'VmRSS'),
    peakMegabytes: () => readMegabytes(child?.pid, 'VmHWM'),
    cpuMilliseconds: () => readCpuMilliseconds(child?.pid),
    descriptors: () => readdirSync(`/proc/${child?.pid}/fd`).length,
    async metric(name) {
      const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
      return sumMetric(text, name);
    },
  };
}

/** The limit is there from the start; the process is the same. */
function limited(command: readonly [string, ...string[]], descriptors: number | undefined): typeof command {
  if (descriptors === undefined) return command;
  return ['/usr/bin/prlimit', `--nofile=${descriptors}:${descriptors}`, ...command];
}

/** Behind `/healthz` there may be nothing yet: the port is bound before the store is open. */
async function isServing(origin: string): Promise<boolean> {
  return fetch(`${origin}/.well-known/oauth-authorization-server`).then(
    async (response) => {
      await response.body?.cancel();
      return response.status === 200;
    },
    () => false,
  );
}

function isGone(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

function note(warnings: Map<string, number>, line: string): void {
  const message = readMessage(line);
  warnings.set(message, (warnings.get(message) ?? 0) + 1);
}

function readMessage(line: string): string {
  try {
    const parsed: unknown = JSON.parse(line);
    const { msg }: { readonly msg?: unknown } = parsed !== null && typeof parsed === 'object' ? parsed : {};
    return typeof msg === 'string' ? msg : line;
  } catch {
    return line;
  }
}

function describe(warnings: ReadonlyMap<string, number>): string {
  return [...warnings.keys()].join('; ');
}

function readMegabytes(pid: number | undefined, what: 'VmRSS' | 'VmHWM'): number {
  const path = `/proc/${pid}/status`;
  if (pid === undefined || !existsSync(path)) return Number.NaN;
  const kilobytes = new RegExp(`^${what}:\\s+(\\d+) kB$`, 'm').exec(readFileSync(path, 'utf8'))?.[1];
  return Number(kilobytes) / 1024;
}

/** Fields 14 and 15 of proc(5), in hundredths of a second; the name of the program before them may have spaces. */
function readCpuMilliseconds(pid: number | undefined): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

function sumMetric(text: string, name: string): number {
  return text
    .split('\n')
    .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
    .reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}
