import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { eventually } from './redis.ts';

const program = '/usr/sbin/nginx';

/** Debian's; tests behind nginx are left out where it is missing. */
export const hasNginx = existsSync(program);

if (!hasNginx) console.warn('left out: the tests behind nginx; install the package "nginx-light"');

/** A request that nginx has answered, in the order of the answers. */
export interface ForwardedRequest {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  /** The replica that answered, as `host:port`; several, joined by commas, when it was passed on. */
  readonly replica: string;
}

export interface Nginx {
  readonly url: string;
  forwarded(): readonly ForwardedRequest[];
  close(): Promise<void>;
}

export interface NginxOptions {
  readonly port: number;
  /** Ports of 127.0.0.1. */
  readonly replicas: readonly number[];
}

const example = join(import.meta.dirname, '..', '..', 'deploy', 'nginx.conf');

/** Runs nginx with `deploy/nginx.conf`, but for addresses, TLS and the log, which are the test's. */
export async function startNginx(options: NginxOptions): Promise<Nginx> {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-nginx-'));
  const logFile = join(folder, 'access.log');
  const configuration = join(folder, 'nginx.conf');
  writeFileSync(logFile, '');
  writeFileSync(configuration, wrap(adapt(readFileSync(example, 'utf8'), options, logFile), folder));
  // -e: before it has read its configuration it would write to a folder of the system.
  const child = spawn(program, ['-p', folder, '-c', configuration, '-e', 'stderr'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let complaints = '';
  child.stderr.on('data', (bytes: Buffer) => {
    complaints += bytes.toString();
  });
  const kill = (): boolean => child.kill('SIGKILL');
  process.once('exit', kill);
  await eventually(() => reach(options.port, child, () => complaints));
  return {
    url: `http://127.0.0.1:${options.port}`,
    forwarded: () => readFileSync(logFile, 'utf8').split('\n').slice(0, -1).map(parseLine),
    async close() {
      const gone = once(child, 'exit');
      child.kill('SIGTERM');
      await gone;
      process.off('exit', kill);
      rmSync(folder, { recursive: true });
    },
  };
}

/** @throws Error when the example has no such line: then a test would run with something else */
function adapt(text: string, { port, replicas }: NginxOptions, logFile: string): string {
  const servers = replicas.map((replica) => `server 127.0.0.1:${replica} max_fails=1 fail_timeout=2s;`);
  const changes: ReadonlyArray<readonly [RegExp, string]> = [
    [/server 10\.0\.0\.11:8080 max_fails=1 fail_timeout=2s;/, servers.join(' ')],
    [/server 10\.0\.0\.12:8080 max_fails=1 fail_timeout=2s;/, ''],
    [/listen 443 ssl http2;/, `listen 127.0.0.1:${port};`],
    [/server_name mcp\.example\.com;/, ''],
    [/ssl_certificate .*;/, ''],
    [/ssl_certificate_key .*;/, ''],
    [/ssl_protocols .*;/, ''],
    [/access_log off;/, `access_log ${logFile} hops;`],
  ];
  return changes.reduce((changed, [line, replacement]) => {
    if (!line.test(changed)) throw new Error(`deploy/nginx.conf has no line like ${line.source}`);
    return changed.replace(line, replacement);
  }, text);
}

/** One process and no files but in `folder`: it needs no rights, and ends with the process it is. */
function wrap(site: string, folder: string): string {
  const kinds = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return `
daemon off;
master_process off;
pid ${folder}/nginx.pid;
events { worker_connections 20000; }
http {
${kinds.map((kind) => `${kind}_temp_path ${folder}/${kind};`).join('\n')}
log_format hops '$request_method $uri $status $upstream_addr';
${site}
}
`;
}

function parseLine(line: string): ForwardedRequest {
  const [method = '', path = '', status = '', ...replica] = line.split(' ');
  return { method, path, status: Number(status), replica: replica.join('') };
}

async function reach(port: number, child: ChildProcess, complaints: () => string): Promise<void> {
  if (child.exitCode !== null) throw new Error(`nginx ended with ${child.exitCode}: ${complaints()}`);
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
  } finally {
    socket.destroy();
  }
}
