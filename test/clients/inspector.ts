import { freePort } from '../support/free-port.ts';
import { type Child, startChild } from './child.ts';
import { watchOpenedUrls } from './opened-urls.ts';
import {
  callLimitMs,
  createFailure,
  type RealClient,
  type RealClientOptions,
  within,
} from './real-client.ts';

/** The path that the Inspector listens on by default; its port is fixed too, and here any. */
export const inspectorCallbackPath = '/oauth/callback';

/** MCP Inspector's command line: each call is a process of its own, which finds what the last one kept. */
export function createInspector(program: string, options: RealClientOptions): RealClient {
  const { person, folder } = options;
  let running: Child | undefined;
  let failure = createFailure();
  const opened = watchOpenedUrls(
    folder,
    (url) => void person.signIn(url).catch((error) => failure.fail(error)),
  );
  const env = {
    ...opened.env,
    HOME: folder,
    MCP_STORAGE_DIR: folder,
    MCP_INSPECTOR_SECRET_STORE: 'file',
    // Without a terminal it opens nothing unless it is told to.
    MCP_AUTO_OPEN_ENABLED: 'true',
  };
  return {
    async callTool(name) {
      failure = createFailure();
      const callbackUrl = `http://127.0.0.1:${await freePort()}${inspectorCallbackPath}`;
      const lines: string[] = [];
      const child = startChild({
        command: [process.execPath, program, '--cli', ...wordsFor(options, callbackUrl, name)],
        env,
        cwd: folder,
        onLine: (line) => lines.push(line),
      });
      running = child;
      // Before it asks for more scope it asks on its standard input.
      child.write('y');
      try {
        const code = await within(callLimitMs, 'the tool call', child.exitCode, failure.over);
        if (code !== 0) throw new Error(`the Inspector ended with ${code}`);
        return textIn(lines.join('\n'));
      } finally {
        await child.end();
      }
    },
    said: () => running?.said() ?? '',
    async close() {
      opened.close();
      await running?.end();
    },
  };
}

function wordsFor(
  { mcpUrl, era, document }: RealClientOptions,
  callbackUrl: string,
  name: string,
): readonly string[] {
  const words = {
    '--server-url': mcpUrl,
    '--transport': 'http',
    '--protocol-era': era,
    '--callback-url': callbackUrl,
    '--method': 'tools/call',
    '--tool-name': name,
    '--format': 'json',
    '--connect-timeout': String(callLimitMs),
    ...(document !== undefined && { '--client-metadata-url': document }),
  };
  return Object.entries(words).flat();
}

function textIn(output: string): string {
  const { content, result } = JSON.parse(output) as ToolOutput & { readonly result?: ToolOutput };
  return (content ?? result?.content)?.[0]?.text ?? '';
}

interface ToolOutput {
  readonly content?: readonly { readonly text?: string }[];
}
