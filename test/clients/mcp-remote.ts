import { startChild, type Child } from './child.ts';
import { watchOpenedUrls } from './opened-urls.ts';
import {
  callLimitMs,
  createFailure,
  type RealClient,
  type RealClientOptions,
  within,
} from './real-client.ts';

/** mcp-remote as a desktop client runs it: JSON-RPC on standard input and output, the person's browser on its own. */
export function startMcpRemote(program: string, options: RealClientOptions): RealClient {
  const { mcpUrl, era, document, person, folder } = options;
  const failure = createFailure();
  const opened = watchOpenedUrls(folder, (url) => void person.signIn(url).catch(failure.fail));
  const waiting = new Map<number, (answer: Answer) => void>();
  const child = startChild({
    command: [
      process.execPath,
      program,
      mcpUrl,
      ...(era === 'modern' ? ['--protocol', 'auto'] : []),
      ...(document === undefined ? [] : ['--client-metadata-url', document]),
    ],
    env: { ...opened.env, HOME: folder, MCP_REMOTE_CONFIG_DIR: folder },
    cwd: folder,
    onLine(line) {
      const answer = JSON.parse(line) as Answer;
      if (answer.id !== undefined) waiting.get(answer.id)?.(answer);
    },
  });
  void child.exitCode.then((code) => failure.fail(new Error(`mcp-remote ended with ${code}`)));
  const rpc = createRpc(child, waiting, failure.over);
  let initialized: Promise<unknown> | undefined;
  return {
    async callTool(name) {
      initialized ??= initialize(rpc);
      await initialized;
      const result = (await rpc.call('tools/call', { name, arguments: {} })) as {
        readonly content?: readonly { readonly text?: string }[];
      };
      return result.content?.[0]?.text ?? '';
    },
    said: () => child.said(),
    async close() {
      opened.close();
      await child.end();
    },
  };
}

interface Answer {
  readonly id?: number;
  readonly result?: unknown;
  readonly error?: unknown;
}

interface Rpc {
  call(method: string, params: object): Promise<unknown>;
  notify(method: string): void;
}

function createRpc(child: Child, waiting: Map<number, (answer: Answer) => void>, over: Promise<never>): Rpc {
  let lastId = 0;
  const send = (message: object): void => child.write(JSON.stringify({ jsonrpc: '2.0', ...message }));
  return {
    notify: (method) => send({ method }),
    async call(method, params) {
      const id = (lastId += 1);
      const answered = new Promise<Answer>((resolve) => waiting.set(id, resolve));
      send({ id, method, params });
      const { result, error } = await within(callLimitMs, method, answered, over);
      if (error !== undefined) throw new Error(`${method}: ${JSON.stringify(error)}`);
      return result;
    },
  };
}

async function initialize(rpc: Rpc): Promise<void> {
  await rpc.call('initialize', {
    protocolVersion: '2025-11-25',
    capabilities: {},
    clientInfo: { name: 'desktop', version: '1.0.0' },
  });
  rpc.notify('notifications/initialized');
}
