// An MCP client on the official TypeScript SDK, version 1, as its guide has it. See line-protocol.ts.
import { UnauthorizedError } from '@modelcontextprotocol/sdk/client/auth.js';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';

import { listenForCallback, obey, readProgramOptions } from './line-protocol.ts';
import { MemoryProvider } from './memory-provider.ts';

const { url, document } = readProgramOptions();
const callback = await listenForCallback();
const authProvider = new MemoryProvider('TypeScript SDK 1', callback.redirectUri, document);
let connected: Connection | undefined;

interface Connection {
  readonly client: Client;
  readonly transport: StreamableHTTPClientTransport;
}

async function open(): Promise<Connection> {
  const client = new Client({ name: 'sdk-v1', version: '1.0.0' });
  const transport = new StreamableHTTPClientTransport(url, { authProvider });
  try {
    await client.connect(transport);
    return { client, transport };
  } catch (error) {
    if (!(error instanceof UnauthorizedError)) throw error;
  }
  await transport.finishAuth((await callback.nextAnswer()).get('code') ?? '');
  return open();
}

/** The SDK has sent the person to the browser, for the first time or for more scope, when it says `Unauthorized`. */
async function callTool(connection: Connection, name: string): Promise<CallToolResult> {
  try {
    return (await connection.client.callTool({ name, arguments: {} })) as CallToolResult;
  } catch (error) {
    if (!(error instanceof UnauthorizedError)) throw error;
  }
  await connection.transport.finishAuth((await callback.nextAnswer()).get('code') ?? '');
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
