// An MCP client on the official TypeScript SDK, version 1, as its guide has it. See line-protocol.ts.
import { UnauthorizedError } from '@modelcontextprotocol/sdk/client/auth.js';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';

import { listenForCallback, obey, readProgramOptions, toolName } from './line-protocol.ts';
import { MemoryProvider } from './memory-provider.ts';

const { url, document } = readProgramOptions();
const callback = await listenForCallback();
const authProvider = new MemoryProvider('TypeScript SDK 1', callback.redirectUri, document);
let connected: Client | undefined;

async function connect(): Promise<Client> {
  const open = async (transport: StreamableHTTPClientTransport): Promise<Client> => {
    const client = new Client({ name: 'sdk-v1', version: '1.0.0' });
    await client.connect(transport);
    return client;
  };
  const transport = new StreamableHTTPClientTransport(url, { authProvider });
  try {
    return await open(transport);
  } catch (error) {
    if (!(error instanceof UnauthorizedError)) throw error;
  }
  await transport.finishAuth((await callback.nextAnswer()).get('code') ?? '');
  return open(new StreamableHTTPClientTransport(url, { authProvider }));
}

await obey({
  async callTool() {
    connected ??= await connect();
    const { content } = (await connected.callTool({ name: toolName, arguments: {} })) as CallToolResult;
    const [first] = content;
    return first?.type === 'text' ? first.text : '';
  },
  async close() {
    await connected?.close();
    callback.close();
  },
});
