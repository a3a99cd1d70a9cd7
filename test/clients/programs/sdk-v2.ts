// An MCP client on the official TypeScript SDK, version 2, as its guide has it. See line-protocol.ts.
import {
  type CallToolResult,
  Client,
  StreamableHTTPClientTransport,
  UnauthorizedError,
} from '@modelcontextprotocol/client';

import { listenForCallback, obey, readProgramOptions } from './line-protocol.ts';
import { MemoryProvider } from './memory-provider.ts';

const { url, era, document } = readProgramOptions();
const callback = await listenForCallback();
const authProvider = new MemoryProvider('TypeScript SDK 2', callback.redirectUri, document);
let connected: Connection | undefined;

interface Connection {
  readonly client: Client;
  readonly transport: StreamableHTTPClientTransport;
}

async function open(): Promise<Connection> {
  const mode = era === 'legacy' ? 'legacy' : 'auto';
  const client = new Client({ name: 'sdk-v2', version: '1.0.0' }, { versionNegotiation: { mode } });
  const transport = new StreamableHTTPClientTransport(url, { authProvider });
  try {
    await client.connect(transport);
    return { client, transport };
  } catch (error) {
    if (!(error instanceof UnauthorizedError)) throw error;
  }
  await transport.finishAuth(await callback.nextAnswer());
  return open();
}

/** The SDK has sent the person to the browser, for the first time or for more scope, when it says `Unauthorized`. */
async function callTool(connection: Connection, name: string): Promise<CallToolResult> {
  try {
    return await connection.client.callTool({ name, arguments: {} });
  } catch (error) {
    if (!(error instanceof UnauthorizedError)) throw error;
  }
  await connection.transport.finishAuth(await callback.nextAnswer());
  return callTool(connection, name);
}

await obey({
  async callTool(name) {
    connected ??= await open();
    const [first] = (await callTool(connected, name)).content;
    return first?.type === 'text' ? first.text : '';
  },
  async close() {
    await connected?.client.close();
    callback.close();
  },
});
