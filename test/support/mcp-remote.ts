import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { LoopbackBrowser } from './loopback-browser.ts';

/** mcp-remote as a desktop client runs it: JSON-RPC on standard input and output, a person when it asks for one. */
export interface McpRemote {
  /** How often it asked the person to sign in. */
  readonly signIns: () => number;
  call(method: string, params?: object): Promise<unknown>;
  notify(method: string): void;
  close(): Promise<void>;
}

export interface McpRemoteOptions {
  readonly program: string;
  readonly mcpUrl: string;
  /** Where it keeps registrations and tokens between runs. */
  readonly configFolder: string;
  readonly browser: LoopbackBrowser;
}

const answerLimitSeconds = 60;

export function startMcpRemote(options: McpRemoteOptions): McpRemote {
  const child = spawn(process.execPath, [options.program, options.mcpUrl], {
    // Nothing in PATH: it must not find a browser of its own.
    env: { PATH: '/nonexistent', HOME: options.configFolder, MCP_REMOTE_CONFIG_DIR: options.configFolder },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let signIns = 0;
  let lastId = 0;
  const said: string[] = [];
  const waiting = new Map<number, (answer: Answer) => void>();
  createInterface({ input: child.stderr }).on('line', (line) => {
    said.push(line);
    if (!/^https?:\/\/\S+code_challenge=/.test(line)) return;
    signIns += 1;
    void visit(line, options.browser).catch((error: unknown) => said.push(String(error)));
  });
  createInterface({ input: child.stdout }).on('line', (line) => {
    const answer = JSON.parse(line) as Answer;
    waiting.get(answer.id)?.(answer);
  });
  const send = (message: object): void =>
    void child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
  return {
    signIns: () => signIns,
    notify: (method) => send({ method }),
    async call(method, params = {}) {
      const id = (lastId += 1);
      const answer = await new Promise<Answer>((resolve, reject) => {
        const complain = (): void => reject(new Error(`no answer to ${method}: ${said.join('\n')}`));
        const limit = setTimeout(complain, answerLimitSeconds * 1000);
        waiting.set(id, (found) => {
          clearTimeout(limit);
          resolve(found);
        });
        send({ id, method, params });
      });
      if (answer.error !== undefined) throw new Error(`${method}: ${JSON.stringify(answer.error)}`);
      return answer.result;
    },
    async close() {
      const ended = once(child, 'close');
      child.kill('SIGTERM');
      const giveUp = setTimeout(() => child.kill('SIGKILL'), 5000);
      await ended;
      clearTimeout(giveUp);
    },
  };
}

interface Answer {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: unknown;
}

async function visit(authorizationUrl: string, browser: LoopbackBrowser): Promise<void> {
  const redirectUri = new URL(authorizationUrl).searchParams.get('redirect_uri') ?? '';
  await fetch(await browser.signIn(authorizationUrl, redirectUri));
}
