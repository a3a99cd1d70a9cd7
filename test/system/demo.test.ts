import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';

import { describe, expect, it } from 'vitest';

import { expectedHops } from '../../src/cli/demo/hops.ts';
import { runDemo } from '../../src/cli/demo/demo.ts';
import { closeServer, listenOn } from '../../src/cli/demo/listening.ts';

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

/** Makes a process find the package missing, as one that has only the published package's dependencies. */
const withoutClient = `data:text/javascript,${encodeURIComponent(`
  import { registerHooks } from 'node:module';
  registerHooks({
    resolve(specifier, context, next) {
      if (specifier !== '@modelcontextprotocol/client') return next(specifier, context);
      const error = new Error("Cannot find package '@modelcontextprotocol/client'");
      throw Object.assign(error, { code: 'ERR_MODULE_NOT_FOUND' });
    },
  });`)}`;

describe('demo, self-test', () => {
  it('walks the whole way with the official client and ends with 0', async () => {
    const { code, output } = await run(['--self-test']);
    expect(output).toContain('X-User-Email: ada@example.com');
    const hops = [...output.matchAll(/^ {2}ok {2}(.+?) {2,}\d+ ms$/gm)].map(([, hop]) => hop);
    expect([...new Set(hops)]).toEqual([...expectedHops]);
    expect(output).not.toContain('\u001b[');
    expect(code).toBe(0);
  });

  it('says what to install where the official client is missing', async () => {
    const { code, output } = await run(['--self-test'], { nodeOptions: ['--import', withoutClient] });
    expect(output).toBe(
      'error: the self-test needs the official MCP client\nhint: npm install @modelcontextprotocol/client\n',
    );
    expect(code).toBe(1);
  });
});

describe('demo', () => {
  it('says what to paste into a client, works, and stops on a signal', async () => {
    const port = await findFreePort();
    const url = `http://127.0.0.1:${String(port)}/mcp`;
    const { code, output } = await run(['--port', String(port)], {
      meanwhile: async (printed) => {
        await printed('Stop with Ctrl-C');
        const refused = await fetch(url, { method: 'POST' });
        expect(refused.status).toBe(401);
        expect(refused.headers.get('www-authenticate')).toContain('resource_metadata=');
        return 'SIGINT';
      },
    });
    expect(output).toContain(`claude mcp add --transport http gatehouse-demo ${url}`);
    expect(output).toContain('Stopping');
    expect(code).toBe(0);
    await expect(fetch(url)).rejects.toThrow();
  });

  it('says which port is taken, and how to choose another', async () => {
    const blocker = createServer();
    const port = Number(new URL(await listenOn(blocker, '127.0.0.1', 0)).port);
    try {
      const { code, errors } = await runInside({ selfTest: false, port }, {});
      expect(errors).toMatch(/^error: port \d+ of 127\.0\.0\.1 is taken\nhint: .*--port \d+\n$/);
      expect(code).toBe(1);
    } finally {
      await closeServer(blocker);
    }
  });

  it.each([{ PROD_MODE: 'true' }, { NODE_ENV: 'production' }])(
    'refuses a production environment: %o',
    async (env) => {
      const { code, errors } = await runInside({ selfTest: false, port: 0 }, env);
      expect(errors).toMatch(/^error: the demo does not start in a production environment.*\nhint: .*\n$/);
      expect(code).toBe(1);
    },
  );

  it('refuses a port that is none', async () => {
    const { code, errors } = await runInside({ selfTest: false, port: 70_000 }, {});
    expect(errors).toMatch(/^error: the port is not a number from 1 to 65535\n/);
    expect(code).toBe(1);
  });
});

/** In this process: for what ends before anything is started. */
async function runInside(options: Parameters<typeof runDemo>[0], env: Record<string, string>) {
  let errors = '';
  const code = await runDemo(options, {
    env,
    stdout: { write: () => true },
    stderr: { write: (text) => (errors += text) },
    stopped: () => Promise.resolve(),
  });
  return { code, errors };
}

interface RunOptions {
  readonly nodeOptions?: readonly string[];
  readonly meanwhile?: (printed: (text: string) => Promise<void>) => Promise<NodeJS.Signals>;
}

/** As a person would: a process of its own. `meanwhile` waits for output and answers with the signal to send. */
async function run(
  args: readonly string[],
  { nodeOptions = [], meanwhile }: RunOptions = {},
): Promise<{ code: number | null; output: string }> {
  const { PROD_MODE: _mode, NODE_ENV: _environment, FORCE_COLOR: _colour, ...env } = process.env;
  const command = [...nodeOptions, main, 'demo', ...args];
  const child = spawn(process.execPath, command, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  const readers: (() => void)[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      for (const look of readers) look();
    });
  }
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const printed = (text: string) =>
    new Promise<void>((resolve, reject) => {
      const look = () => {
        if (output.includes(text)) resolve();
      };
      readers.push(look);
      look();
      void ended.then(() => reject(new Error(`ended before it printed “${text}”:\n${output}`)));
    });
  try {
    if (meanwhile !== undefined) child.kill(await meanwhile(printed));
    return { code: await ended, output };
  } finally {
    child.kill('SIGKILL');
  }
}

async function findFreePort(): Promise<number> {
  const probe = createServer();
  const port = Number(new URL(await listenOn(probe, '127.0.0.1', 0)).port);
  await closeServer(probe);
  return port;
}
