import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer, type NetConnectOpts } from 'node:net';
import { createInterface } from 'node:readline';

import { afterEach, describe, expect, it } from 'vitest';

import { soundEnvironment } from '../support/configuration.ts';

interface LogLine {
  readonly msg: string;
  readonly level: string;
  readonly address?: string;
}

/** `gatehouse serve` as a process of its own, and its log. */
class ServeProcess {
  readonly child: ChildProcess;
  readonly lines: LogLine[] = [];
  errorText = '';
  readonly exit: Promise<number | null>;
  #changed: (() => void) | undefined;

  constructor(env: Record<string, string>) {
    const main = new URL('../../src/cli/main.ts', import.meta.url).pathname;
    const child = spawn(process.execPath, [main, 'serve'], {
      env: {
        ...soundEnvironment,
        PROD_MODE: 'false',
        OIDC_ISSUER_URL: 'http://127.0.0.1:1',
        STORE_PATH: ':memory:',
        LISTEN_ADDR: '127.0.0.1:0',
        METRICS_ADDR: '127.0.0.1:0',
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child = child;
    this.exit = once(child, 'close').then(() => child.exitCode);
    createInterface({ input: child.stdout }).on('line', (line) => {
      this.lines.push(JSON.parse(line) as LogLine);
      this.#changed?.();
    });
    child.stderr.on('data', (chunk: Buffer) => {
      this.errorText += chunk.toString();
    });
  }

  /** The first line with this message; waits for it. */
  async findLine(message: string): Promise<LogLine> {
    for (;;) {
      const line = this.lines.find(({ msg }) => msg === message);
      if (line !== undefined) return line;
      await new Promise<void>((resolve) => {
        this.#changed = resolve;
      });
    }
  }

  async address(): Promise<{ readonly host: string; readonly port: number }> {
    const [host = '', port] = ((await this.findLine('listening')).address ?? '').split(':');
    return { host, port: Number(port) };
  }
}

const processes: ServeProcess[] = [];

function startServe(env: Record<string, string> = {}): ServeProcess {
  const process = new ServeProcess(env);
  processes.push(process);
  return process;
}

afterEach(async () => {
  for (const process of processes.splice(0)) {
    process.child.kill('SIGKILL');
    await process.exit;
  }
});

/** A token request whose body never comes: a call under way. */
async function openCall(server: ServeProcess) {
  const socket = connect(await server.address());
  await once(socket, 'connect');
  socket.on('error', () => {});
  const head = [
    'POST /token HTTP/1.1',
    'Host: gatehouse.test',
    'Content-Type: application/x-www-form-urlencoded',
    'Content-Length: 10',
    // The answer to this tells that the server has the request.
    'Expect: 100-continue',
  ];
  socket.write(`${head.join('\r\n')}\r\n\r\n`);
  await once(socket, 'data');
  return socket;
}

describe('gatehouse serve', () => {
  it('starts while the identity provider is away, and answers', async () => {
    const server = startServe();
    const { host, port } = await server.address();
    const response = await fetch(`http://${host}:${port}/healthz`);
    expect(response.status).toBe(200);
    expect(server.lines.map(({ msg }) => msg)).toEqual(
      expect.arrayContaining(['starting', 'production_mode_off', 'startup_config', 'metrics_listening']),
    );
  });

  it.each(['SIGTERM', 'SIGINT'] as const)('ends with 0 on %s when nothing is under way', async (signal) => {
    const server = startServe();
    await server.address();
    server.child.kill(signal);
    expect(await server.exit).toBe(0);
    expect(server.lines.map(({ msg }) => msg)).toContain('shutting_down');
  });

  it('waits for a call under way, and takes no new connection', async () => {
    const server = startServe();
    const call = await openCall(server);
    server.child.kill('SIGTERM');
    await server.findLine('shutting_down');
    expect(await untilRefused(await server.address())).toBe('ECONNREFUSED');
    call.write('a=b&c=defg');
    const [answer] = (await once(call, 'data')) as [Buffer];
    expect(answer.toString()).toContain('HTTP/1.1 400');
    call.end();
    expect(await server.exit).toBe(0);
  });

  it('cuts what is still under way at the deadline, and ends with 0', async () => {
    const server = startServe({ SHUTDOWN_TIMEOUT: '1s' });
    await openCall(server);
    server.child.kill('SIGTERM');
    expect(await server.exit).toBe(0);
  });

  it('ends with 2 on a second signal', async () => {
    const server = startServe();
    await openCall(server);
    server.child.kill('SIGTERM');
    await server.findLine('shutting_down');
    server.child.kill('SIGTERM');
    expect(await server.exit).toBe(2);
    expect(server.lines.map(({ msg }) => msg)).toContain('shutdown_forced_second_signal');
  });

  it('ends with 1 and says why when an address is taken', async () => {
    const occupant = createServer().listen(0, '127.0.0.1');
    await once(occupant, 'listening');
    const bound = occupant.address();
    const port = typeof bound === 'object' && bound !== null ? bound.port : 0;
    const server = startServe({ METRICS_ADDR: `127.0.0.1:${port}` });
    expect(await server.exit).toBe(1);
    expect(server.errorText).toContain('error: a listen address is taken\nhint: ');
    occupant.close();
  });
});

/** Connects until that fails: the line in the log comes a moment before the listener closes. */
async function untilRefused(address: NetConnectOpts): Promise<string | undefined> {
  let code: string | undefined;
  for (let attempt = 0; attempt < 200 && code !== 'ECONNREFUSED'; attempt += 1) {
    const socket = connect(address);
    code = await new Promise((resolve) => {
      socket.once('connect', () => {
        resolve(undefined);
      });
      socket.on('error', (error: NodeJS.ErrnoException) => {
        resolve(error.code);
      });
    });
    socket.destroy();
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return code;
}
