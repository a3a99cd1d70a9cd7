import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { createClient } from '@redis/client';

import { freePort } from './free-port.ts';

/** Debian's server; tests with Redis are left out where it is missing. */
export const hasRedis = existsSync('/usr/bin/redis-server') && existsSync('/usr/bin/redis-sentinel');

if (!hasRedis) {
  console.warn('left out: the tests with Redis; install the packages "redis-server" and "redis-sentinel"');
}

/** One redis-server on a port of 127.0.0.1, with a folder of its own that outlives a restart. */
export interface RedisProcess {
  readonly host: string;
  readonly port: number;
  readonly folder: string;
  /** Runs one command over a connection of its own. */
  command(...words: string[]): Promise<unknown>;
  /** As the out-of-memory killer does it. Resolves when the process is gone. */
  kill(): Promise<void>;
  /** Starts it again on the same port and folder, and resolves when it answers. */
  start(): Promise<void>;
  /** Stops answering and keeps its sockets, until `resume`. */
  pause(): void;
  resume(): void;
  /** Ends it for good and removes its folder. */
  dispose(): Promise<void>;
}

export interface RedisProcessOptions {
  readonly program?: 'redis-server' | 'redis-sentinel';
  /** Words of the command line, given the folder and the port. A path as first word is a configuration file. */
  readonly settings?: (folder: string, port: number) => readonly string[];
  /** Connection options of `command`. */
  readonly client?: Readonly<Record<string, unknown>>;
  readonly tls?: { readonly ca: string };
}

const running = new Set<ChildProcess>();
// A worker that ends early must not leave servers behind.
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

const startMilliseconds = 15_000;

export async function startRedis(options: RedisProcessOptions = {}): Promise<RedisProcess> {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-redis-'));
  const port = await freePort();
  const host = '127.0.0.1';
  let child: ChildProcess | undefined;

  async function command(...words: string[]): Promise<unknown> {
    const { tls } = options;
    const address = { host, port, reconnectStrategy: false as const, connectTimeout: 1_000 };
    const socket = tls === undefined ? address : { ...address, tls: true as const, ca: tls.ca };
    const client = createClient({ RESP: 2, socket, disableClientInfo: true, ...options.client });
    client.on('error', () => undefined);
    await client.connect();
    try {
      return await client.sendCommand(words);
    } finally {
      client.destroy();
    }
  }

  async function kill(): Promise<void> {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
    running.delete(child);
  }

  async function start(): Promise<void> {
    const basics = ['--bind', host, '--port', options.tls === undefined ? String(port) : '0', '--save', ''];
    const settings = options.settings?.(folder, port) ?? [];
    const words = options.program === 'redis-sentinel' ? settings : [...basics, '--dir', folder, ...settings];
    child = spawn(`/usr/bin/${options.program ?? 'redis-server'}`, words, { stdio: 'ignore' });
    running.add(child);
    try {
      await eventually(() => command('PING'), startMilliseconds);
    } catch (error) {
      await kill();
      throw error;
    }
  }

  await start().catch((error: unknown) => {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  });
  return {
    host,
    port,
    folder,
    command,
    kill,
    start,
    pause: () => child?.kill('SIGSTOP'),
    resume: () => child?.kill('SIGCONT'),
    async dispose() {
      await kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Tries until it works; rejects with the last failure when the time is over. */
export async function eventually<Result>(
  attempt: () => Promise<Result> | Result,
  milliseconds = 20_000,
): Promise<Result> {
  const end = performance.now() + milliseconds;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (performance.now() > end) throw error;
      await sleep(25);
    }
  }
}
