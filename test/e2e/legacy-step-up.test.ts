import { UnauthorizedError } from '@modelcontextprotocol/sdk/client/auth.js';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startLoopbackHouse, type LoopbackHouse } from '../support/loopback-house.ts';
import { SdkCredentials } from '../support/sdk-credentials.ts';

const tool = 'test_request_headers';
let house: LoopbackHouse;

beforeAll(async () => {
  house = await startLoopbackHouse({
    scopes: {
      use: { description: 'Use the tools', default: true },
      headers: { description: 'See the headers' },
    },
    policy: {
      default: 'allow',
      rules: [
        { name: 'headers', allow: { tools: [tool] }, scopes: ['headers'] },
        { name: 'never', deny: { tools: ['test_simple_text'] } },
      ],
    },
  });
});
afterAll(() => house.close());

interface Connection {
  readonly client: Client;
  readonly transport: StreamableHTTPClientTransport;
}

async function open(credentials: SdkCredentials): Promise<Connection> {
  const transport = new StreamableHTTPClientTransport(house.mcpUrl, { authProvider: credentials });
  const client = new Client({ name: 'test', version: '1.0.0' });
  try {
    await client.connect(transport);
    return { client, transport };
  } catch (error) {
    if (!(error instanceof UnauthorizedError)) throw error;
  }
  await finish(transport, credentials);
  return open(credentials);
}

/** Takes what the person's browser came back with. */
async function finish(transport: StreamableHTTPClientTransport, credentials: SdkCredentials): Promise<void> {
  await transport.finishAuth(credentials.takeCallback().searchParams.get('code') ?? '');
}

function refusals(reason: string): number {
  return house.events.filter((event) => event.type === 'request_refused' && event.reason === reason).length;
}

describe('The official client SDK, version 1, stepping up (MCP "Step-Up Authorization Flow")', () => {
  it('refreshes where it could ask, meets the same challenge again, and stops', async () => {
    const credentials = new SdkCredentials('carla');
    const { client } = await open(credentials);
    const before = refusals('scope_insufficient');
    await expect(client.callTool({ name: tool, arguments: {} })).rejects.toThrow('after trying upscoping');
    expect([credentials.signIns, refusals('scope_insufficient') - before]).toEqual([1, 2]);
    await client.close();
  });

  it('asks the person once for every scope of a call when it cannot refresh, and makes the call', async () => {
    const credentials = new SdkCredentials('alice');
    const first = await open(credentials);
    const { refresh_token: _, ...tokens } = credentials.tokens() ?? { access_token: '', token_type: '' };
    expect(tokens).toMatchObject({ scope: 'use' });
    credentials.saveTokens(tokens);

    await expect(first.client.callTool({ name: tool, arguments: {} })).rejects.toThrow(UnauthorizedError);
    await finish(first.transport, credentials);
    await first.client.close();

    const next = await open(credentials);
    const result = await next.client.callTool({ name: tool, arguments: {} });
    expect(result.isError).not.toBe(true);
    // This version replaces scopes rather than adding to them, so that what it has must be named, too.
    expect([credentials.signIns, credentials.stored.tokens]).toMatchObject([2, { scope: 'use headers' }]);
    await next.client.close();
  });

  it('does not ask the person where no scope would help', async () => {
    const credentials = new SdkCredentials('bert');
    const { client } = await open(credentials);
    await expect(client.callTool({ name: 'test_simple_text', arguments: {} })).rejects.toThrow('403');
    expect([credentials.signIns, refusals('policy_denied')]).toEqual([1, 1]);
    await client.close();
  });
});
