// The whole way of a first call, without a person: the official MCP client on one side, a headless browser on the
// other. This is the one module that imports the client, which is not a dependency of the package.
import { Client, StreamableHTTPClientTransport, UnauthorizedError } from '@modelcontextprotocol/client';

import { createHops, HopFailure } from './hops.ts';
import type { Hops } from './hops.ts';
import { createObservedFetch } from './observed-fetch.ts';
import { SelfTestProvider } from './self-test-provider.ts';
import { signIn } from './sign-in.ts';
import type { Stack } from './stack.ts';
import type { Terminal } from './terminal.ts';

/** Walks the way and prints each hop with its time. Whether every hop held. */
export async function runSelfTest(stack: Stack, terminal: Terminal): Promise<boolean> {
  const hops = createHops(terminal, () => performance.now());
  terminal.line(`Self-test of ${stack.mcpUrl}`);
  try {
    const said = await walk(stack, hops);
    const missing = hops.missing();
    if (missing.length > 0) throw new Error(`these hops did not happen: ${missing.join(', ')}`);
    terminal.line(
      `\nThe tool whoami said:\n${said.replaceAll(/^/gm, '  ')}\n\n${terminal.good('Every hop held.')}`,
    );
    return true;
  } catch (error) {
    const where = error instanceof HopFailure ? `${error.hop}: ` : '';
    terminal.line(
      `\n${terminal.bad('Failed.')} ${where}${error instanceof Error ? error.message : 'unknown'}`,
    );
    return false;
  }
}

async function walk(stack: Stack, hops: Hops): Promise<string> {
  const provider = new SelfTestProvider();
  const fetch = createObservedFetch(stack, hops);
  const newTransport = () =>
    new StreamableHTTPClientTransport(new URL(stack.mcpUrl), { authProvider: provider, fetch });
  const refused = newTransport();
  await connectRefused(refused);
  const answer = await signIn(stack, provider.authorizationUrl(), provider.clientName, hops);
  await refused.finishAuth(answer.searchParams);
  return callWhoami(newTransport());
}

async function connectRefused(transport: StreamableHTTPClientTransport): Promise<void> {
  try {
    await newClient().connect(transport);
  } catch (error) {
    if (error instanceof UnauthorizedError) return;
    throw error;
  }
  throw new Error('the gatehouse let a client in that had no token');
}

async function callWhoami(transport: StreamableHTTPClientTransport): Promise<string> {
  const client = newClient();
  await client.connect(transport);
  try {
    const { tools } = await client.listTools();
    if (!tools.some((tool) => tool.name === 'whoami'))
      throw new HopFailure('tools/list', 'whoami is not listed');
    const result = await client.callTool({ name: 'whoami' });
    const said = result.content.flatMap((block) => (block.type === 'text' ? [block.text] : [])).join('\n');
    if (!said.includes('ada@example.com')) throw new HopFailure('tools/call', 'the identity did not arrive');
    return said;
  } finally {
    await client.close();
  }
}

function newClient(): Client {
  return new Client(
    { name: 'gatehouse-self-test', version: '1.0.0' },
    { versionNegotiation: { mode: 'auto' } },
  );
}
