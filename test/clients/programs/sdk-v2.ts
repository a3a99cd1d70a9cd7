// An MCP client on the official TypeScript SDK, version 2, as its guide has it. See line-protocol.ts.
import { Client, StreamableHTTPClientTransport, UnauthorizedError } from '@modelcontextprotocol/client';

import { listenForCallback, obey, readProgramOptions, toolName } from './line-protocol.ts';
import { MemoryProvider } from './memory-provider.ts';

const { url, era, document } = readProgramOptions();
const callback = await listenForCallback();
const authProvider = new MemoryProvider('TypeScript SDK 2', callback.redirectUri, document);
let connected: Client | undefined;

async function connect(): Promise<Client> {
  const open = async (transport: StreamableHTTPClientTransport): Promise<Client> => {
    const mode = era === 'legacy' ? 'legacy' : 'auto';
    const client = new Client({ name: 'sdk-v2', version: '1.0.0' }, { versionNegotiation: { mode } });
    await client.connect(transport);
    return client;
  };
  const transport = new StreamableHTTPClientTransport(url, { authProvider });
  try {
    return await open(transport);
  } catch (error) {
    if (!(error instanceof UnauthorizedError)) throw error;
  }
  await transport.finishAuth(await callback.nextAnswer());
  return open(new StreamableHTTPClientTransport(url, { authProvider }));
}

await obey({
  async callTool() {
    connected ??= await connect();
    const { content } = await connected.callTool({ name: toolName, arguments: {} });
    const [first] = content;
    return first?.type === 'text' ? first.text : '';
  },
  async close() {
    await connected?.close();
    callback.close();
  },
});
