import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { eventually } from './redis.ts';

const program = '/usr/sbin/haproxy';

/** Debian's; tests behind HAProxy are left out where it is missing. */
export const hasHaproxy = existsSync(program);

if (!hasHaproxy) console.warn('left out: the tests behind HAProxy; install the package "haproxy"');

export interface Haproxy {
  readonly url: string;
  close(): Promise<void>;
}

export interface HaproxyOptions {
  readonly port: number;
  /** Ports of 127.0.0.1. */
  readonly replicas: readonly number[];
}

/**
 * Runs HAProxy, which shares its connections to us among all of its clients: what one of them leaves behind on a
 * connection is read as the beginning of another's request.
 */
export async function startHaproxy(options: HaproxyOptions): Promise<Haproxy> {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-haproxy-'));
  const configuration = join(folder, 'haproxy.cfg');
  writeFileSync(configuration, configure(options));
  const child = spawn(program, ['-db', '-f', configuration], { stdio: ['ignore', 'ignore', 'pipe'] });
  let complaints = '';
  child.stderr.on('data', (bytes: Buffer) => {
    complaints += bytes.toString();
  });
  const kill = (): boolean => child.kill('SIGKILL');
  process.once('exit', kill);
  await eventually(() => reach(options.port, child, () => complaints));
  return {
    url: `http://127.0.0.1:${options.port}`,
    async close() {
      const gone = once(child, 'exit');
      kill();
      await gone;
      process.off('exit', kill);
      rmSync(folder, { recursive: true });
    },
  };
}

function configure({ port, replicas }: HaproxyOptions): string {
  const servers = replicas.map((replica, at) => `    server replica-${at} 127.0.0.1:${replica}`);
  return `
global
    nbthread 1
defaults
    mode http
    timeout connect 2s
    timeout client 1h
    timeout server 1h
    timeout http-request 10s
    option forwardfor
    http-reuse always
frontend public
    bind 127.0.0.1:${port}
    default_backend gatehouse
backend gatehouse
${servers.join('\n')}
`;
}

async function reach(port: number, child: ChildProcess, complaints: () => string): Promise<void> {
  if (child.exitCode !== null) throw new Error(`HAProxy ended with ${child.exitCode}: ${complaints()}`);
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
  } finally {
    socket.destroy();
  }
}
