import { Client, StreamableHTTPClientTransport, UnauthorizedError } from '@modelcontextprotocol/client';
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

/** Connects as the SDK's own guide has it: on 401 the person signs in, then a new transport connects. */
async function connect(credentials: SdkCredentials): Promise<Client> {
  const newClient = (): Client =>
    new Client({ name: 'test', version: '1.0.0' }, { versionNegotiation: { mode: { pin: '2026-07-28' } } });
  const transport = new StreamableHTTPClientTransport(house.mcpUrl, { authProvider: credentials });
  const client = newClient();
  try {
    await client.connect(transport);
    return client;
  } catch (error) {
    if (!(error instanceof UnauthorizedError)) throw error;
  }
  await transport.finishAuth(credentials.takeCallback().searchParams);
  const signedIn = newClient();
  await signedIn.connect(new StreamableHTTPClientTransport(house.mcpUrl, { authProvider: credentials }));
  return signedIn;
}

async function headersAtUpstream(client: Client): Promise<Record<string, string>> {
  const { content } = await client.callTool({ name: 'test_request_headers', arguments: {} });
  const [first] = content;
  if (first?.type !== 'text') throw new Error('the tool answers with text');
  return JSON.parse(first.text) as Record<string, string>;
}

describe('The official client SDK, version 2, revision 2026-07-28', () => {
  it('signs in, calls a tool, and the upstream learns who it is and nothing else', async () => {
    const credentials = new SdkCredentials('alice');
    const client = await connect(credentials);
    expect(client.getProtocolEra()).toBe('modern');
    const headers = await headersAtUpstream(client);
    expect(headers).toMatchObject({ 'x-user-sub': 'alice', 'x-user-email': 'alice@people.test' });
    expect(headers['mcp-method']).toBe('tools/call');
    expect(headers).not.toHaveProperty('authorization');
    expect(headers).not.toHaveProperty('cookie');
    expect(credentials.signIns).toBe(1);
    await client.close();
  });

  it('receives progress while a call is under way', async () => {
    const client = await connect(new SdkCredentials('bert'));
    const seen: number[] = [];
    await client.callTool(
      { name: 'test_tool_with_progress', arguments: {} },
      { onprogress: ({ progress }) => seen.push(progress) },
    );
    expect(seen).toEqual([0, 50, 100]);
    await client.close();
  });

  it('goes on without the person when the access token has expired', async () => {
    const credentials = new SdkCredentials('carla');
    const client = await connect(credentials);
    const before = credentials.stored.tokens;
    pass(24 * 3600);
    await headersAtUpstream(client);
    expect(credentials.signIns).toBe(1);
    expect(credentials.stored.tokens?.access_token).not.toBe(before?.access_token);
    expect(credentials.stored.tokens?.refresh_token).not.toBe(before?.refresh_token);
    await client.close();
  });

  it('asks the person again after the grant was revoked, with the same registration', async () => {
    const credentials = new SdkCredentials('dora');
    const client = await connect(credentials);
    const { client_id: clientId } = credentials.clientInformation() ?? { client_id: '' };
    const stolen = credentials.stored.tokens?.refresh_token ?? '';
    pass(24 * 3600);
    await headersAtUpstream(client);
    pass(3600);
    // A thief presents the refresh token that the client has used up: the grant ends for both.
    const theft = await refresh(loopback(), clientId, stolen);
    expect(theft.status).toBe(400);
    expect(house.events).toContainEqual(
      expect.objectContaining({ type: 'replay_detected', kind: 'refresh' }),
    );
    await expect(headersAtUpstream(client)).rejects.toThrow(UnauthorizedError);
    await client.close();
    const again = await connect(credentials);
    expect(await headersAtUpstream(again)).toMatchObject({ 'x-user-sub': 'dora' });
    expect(credentials.clientInformation()?.client_id).toBe(clientId);
    await again.close();
  });

  it('leaves no token, code or secret in the log', async () => {
    const credentials = new SdkCredentials('emil');
    const client = await connect(credentials);
    await client.close();
    const { tokens, verifier } = credentials.stored;
    for (const secret of [tokens?.access_token, tokens?.refresh_token, verifier])
      expect(house.logged()).not.toContain(secret);
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
