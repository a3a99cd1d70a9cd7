import { UnauthorizedError } from '@modelcontextprotocol/sdk/client/auth.js';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { LoggingMessageNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { refresh } from '../support/flow.ts';
import { startLoopbackHouse, type LoopbackHouse } from '../support/loopback-house.ts';
import { SdkCredentials } from '../support/sdk-credentials.ts';

let house: LoopbackHouse;

beforeAll(async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() });
  house = await startLoopbackHouse();
});

afterAll(async () => {
  await house.close();
  vi.useRealTimers();
});

interface Connection {
  readonly client: Client;
  readonly transport: StreamableHTTPClientTransport;
}

/** Connects as the SDK's own guide has it: on 401 the person signs in, then a new transport connects. */
async function connect(credentials: SdkCredentials): Promise<Connection> {
  const open = async (transport: StreamableHTTPClientTransport): Promise<Connection> => {
    const client = new Client({ name: 'test', version: '1.0.0' });
    await client.connect(transport);
    return { client, transport };
  };
  const transport = new StreamableHTTPClientTransport(house.mcpUrl, { authProvider: credentials });
  try {
    return await open(transport);
  } catch (error) {
    if (!(error instanceof UnauthorizedError)) throw error;
  }
  await transport.finishAuth(credentials.takeCallback().searchParams.get('code') ?? '');
  return open(new StreamableHTTPClientTransport(house.mcpUrl, { authProvider: credentials }));
}

async function headersAtUpstream({ client }: Connection): Promise<Record<string, string>> {
  const result = await client.callTool({ name: 'test_request_headers', arguments: {} });
  const [first] = result.content as { type: string; text: string }[];
  return JSON.parse(first?.text ?? '') as Record<string, string>;
}

describe('The official client SDK, version 1, with sessions', () => {
  it('signs in, calls a tool, and the upstream learns who it is and nothing else', async () => {
    const credentials = new SdkCredentials('alice');
    const connection = await connect(credentials);
    const headers = await headersAtUpstream(connection);
    expect(headers).toMatchObject({ 'x-user-sub': 'alice', 'x-user-email': 'alice@people.test' });
    expect(headers).not.toHaveProperty('authorization');
    expect(credentials.signIns).toBe(1);
    await connection.client.close();
  });

  it('receives log messages on the stream of a call', async () => {
    const { client } = await connect(new SdkCredentials('bert'));
    const seen: unknown[] = [];
    client.setNotificationHandler(
      LoggingMessageNotificationSchema,
      ({ params }) => void seen.push(params.data),
    );
    await client.callTool({ name: 'test_tool_with_logging', arguments: {} });
    expect(seen).toEqual(['Tool execution started', 'Tool processing data', 'Tool execution completed']);
    await client.close();
  });

  it('receives notifications of the server on the stream it listens to', async () => {
    const { client } = await connect(new SdkCredentials('bea'));
    const changed = new Promise<void>((resolve) => {
      client.fallbackNotificationHandler = async ({ method }) => {
        if (method === 'notifications/tools/list_changed') resolve();
      };
    });
    await client.callTool({ name: 'test_trigger_tool_change', arguments: {} });
    await changed;
    await client.close();
  });

  it('continues a stream that the server closed in the middle of a call', async () => {
    const { client } = await connect(new SdkCredentials('ben'));
    const { content } = await client.callTool({ name: 'test_reconnection', arguments: {} });
    expect(content).toEqual([{ type: 'text', text: 'Sent after the stream was closed' }]);
    await client.close();
  });

  it('ends its session at the upstream', async () => {
    const { client, transport } = await connect(new SdkCredentials('carl'));
    // The client's name for it is the upstream's and a tag.
    const session = transport.sessionId?.replace(/\.[\w-]{27}$/, '') ?? '';
    expect(house.upstream.sessionIds).toContain(session);
    await transport.terminateSession();
    expect(house.upstream.sessionIds).not.toContain(session);
    await client.close();
  });

  it('goes on in the same session, without the person, when the access token has expired', async () => {
    const credentials = new SdkCredentials('carla');
    const connection = await connect(credentials);
    const session = connection.transport.sessionId;
    const before = credentials.stored.tokens;
    pass(24 * 3600);
    await headersAtUpstream(connection);
    expect(connection.transport.sessionId).toBe(session);
    expect(credentials.signIns).toBe(1);
    expect(credentials.stored.tokens?.refresh_token).not.toBe(before?.refresh_token);
    await connection.client.close();
  });

  it('asks the person again after the grant was revoked, with the same registration', async () => {
    const credentials = new SdkCredentials('dora');
    const connection = await connect(credentials);
    const { client_id: clientId } = credentials.clientInformation() ?? { client_id: '' };
    const stolen = credentials.stored.tokens?.refresh_token ?? '';
    pass(24 * 3600);
    await headersAtUpstream(connection);
    pass(3600);
    // A thief presents the refresh token that the client has used up: the grant ends for both.
    expect((await refresh(loopback(), clientId, stolen)).status).toBe(400);
    await expect(headersAtUpstream(connection)).rejects.toThrow(UnauthorizedError);
    await connection.client.close();
    const again = await connect(credentials);
    expect(await headersAtUpstream(again)).toMatchObject({ 'x-user-sub': 'dora' });
    expect(credentials.clientInformation()?.client_id).toBe(clientId);
    await again.client.close();
  });
});

/** Lets time go by for gatehouse, identity provider and client alike. */
function pass(seconds: number): void {
  vi.setSystemTime(Date.now() + seconds * 1000);
}

function loopback() {
  const { publicUrl } = house;
  return { publicUrl, fetch: (path: string, init?: RequestInit) => fetch(new URL(path, publicUrl), init) };
}
