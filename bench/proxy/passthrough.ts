/** HAProxy and nginx as they only pass calls on, without asking who calls: as cheap as a proxy can be. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { freePort } from '../../test/support/free-port.ts';
import { type Command, measuredCore, onCores } from '../cores.ts';
import { haproxyProgram, nginxProgram } from './programs.ts';

export interface Passthrough {
  readonly port: number;
  readonly pid: number;
  stop(): Promise<void>;
}

/** Without `http-no-delay` HAProxy holds events back until the next ones come: cheaper, and no way to pass on a stream. */
export async function startHaproxy(folder: string, upstreamPort: number): Promise<Passthrough> {
  const port = await freePort();
  const file = join(folder, `haproxy-${port}.cfg`);
  writeFileSync(
    file,
    `
global
    nbthread 1
    maxconn 9900
defaults
    mode http
    timeout connect 5s
    timeout client 10m
    timeout server 10m
    http-reuse always
    option http-no-delay
frontend public
    bind 127.0.0.1:${port}
    default_backend upstream
backend upstream
    server upstream 127.0.0.1:${upstreamPort} pool-max-conn 1024
`,
  );
  return start([haproxyProgram, '-db', '-f', file], port);
}

export async function startNginx(folder: string, upstreamPort: number): Promise<Passthrough> {
  const port = await freePort();
  const file = join(folder, `nginx-${port}.conf`);
  const kinds = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  writeFileSync(
    file,
    `
daemon off;
master_process off;
pid ${folder}/nginx-${port}.pid;
error_log stderr crit;
events { worker_connections 40000; }
http {
  access_log off;
  keepalive_requests 1000000000;
  keepalive_timeout 10m;
${kinds.map((kind) => `  ${kind}_temp_path ${folder}/${kind};`).join('\n')}
  upstream upstream {
    server 127.0.0.1:${upstreamPort};
    keepalive 512;
    keepalive_requests 1000000000;
  }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://upstream;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
      proxy_read_timeout 10m;
    }
  }
}
`,
  );
  return start([nginxProgram, '-p', folder, '-c', file, '-e', 'stderr'], port);
}

async function start(command: Command, port: number): Promise<Passthrough> {
  const [program, ...argv] = onCores(measuredCore, command);
  const child = spawn(program, argv, { stdio: ['ignore', 'ignore', 'inherit'] });
  const { pid } = child;
  if (pid === undefined) throw new Error(`${program} cannot be started`);
  const end = (): boolean => child.kill('SIGKILL');
  process.once('exit', end);
  await untilAnswering(port, child).catch((error: unknown) => {
    end();
    throw error;
  });
  return {
    port,
    pid,
    async stop() {
      const gone = once(child, 'exit');
      end();
      await gone;
      process.off('exit', end);
    },
  };
}

async function untilAnswering(port: number, child: ChildProcess): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    if (child.exitCode !== null) throw new Error(`${child.spawnfile} ended with ${child.exitCode}`);
    const answer = await fetch(`http://127.0.0.1:${port}/`, { method: 'POST' }).catch(() => undefined);
    await answer?.body?.cancel();
    if (answer?.status === 200) return;
    await new Promise((resolve) => {
      setTimeout(resolve, 25);
    });
  }
  throw new Error(`${child.spawnfile} does not answer`);
}
