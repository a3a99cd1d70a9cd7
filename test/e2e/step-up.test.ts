import { Client, StreamableHTTPClientTransport, UnauthorizedError } from '@modelcontextprotocol/client';
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { postForm } from '../support/flow.ts';
import { startLoopbackHouse, type LoopbackHouse } from '../support/loopback-house.ts';
import { SdkCredentials } from '../support/sdk-credentials.ts';

let house: LoopbackHouse;

beforeAll(async () => {
  house = await startLoopbackHouse({
    scopes: {
      'tools:list': { description: 'See the tools' },
      'tools:use': { description: 'Use the tools', required: true, includes: ['tools:list'] },
    },
  });
});
afterAll(() => house.close());

function open(credentials: SdkCredentials): { client: Client; transport: StreamableHTTPClientTransport } {
  const client = new Client(
    { name: 'test', version: '1.0.0' },
    { versionNegotiation: { mode: { pin: '2026-07-28' } } },
  );
  return {
    client,
    transport: new StreamableHTTPClientTransport(house.mcpUrl, { authProvider: credentials }),
  };
}

/** Whoever cannot get in has asked the person meanwhile; the answer is taken, and the next one gets in. */
async function connect(credentials: SdkCredentials): Promise<Client> {
  const first = open(credentials);
  try {
    await first.client.connect(first.transport);
    return first.client;
  } catch (error) {
    if (!(error instanceof UnauthorizedError)) throw error;
  }
  await first.transport.finishAuth(credentials.takeCallback().searchParams);
  const next = open(credentials);
  await next.client.connect(next.transport);
  return next.client;
}

/** Exchanges the token for one of less scope, as a client may: its next call meets a 403. */
async function narrow(credentials: SdkCredentials, scope: string): Promise<void> {
  const { publicUrl } = house;
  const target = {
    publicUrl,
    fetch: (path: string, init?: RequestInit) => fetch(new URL(path, publicUrl), init),
  };
  const answer = await postForm(target, '/token', {
    grant_type: 'refresh_token',
    refresh_token: credentials.stored.tokens?.refresh_token ?? '',
    client_id: credentials.clientInformation()?.client_id ?? '',
    scope,
  });
  credentials.saveTokens((await answer.json()) as Parameters<SdkCredentials['saveTokens']>[0]);
}

describe('The official client SDK, version 2, stepping up (MCP "Step-Up Authorization Flow")', () => {
  it('asks at first for what the challenge names', async () => {
    const credentials = new SdkCredentials('alice');
    const client = await connect(credentials);

    expect(credentials.stored.tokens).toMatchObject({ scope: 'tools:use' });
    await client.close();
  });

  it('meets a 403 with too little, asks the person for all of it in one go, and gets in', async () => {
    const credentials = new SdkCredentials('bert');
    await (await connect(credentials)).close();
    expect(credentials.signIns).toBe(1);
    await narrow(credentials, 'tools:list');
    expect(credentials.stored.tokens).toMatchObject({ scope: 'tools:list' });
    const client = await connect(credentials);

    expect(house.events).toContainEqual(
      expect.objectContaining({ type: 'request_refused', reason: 'scope_insufficient', status: 403 }),
    );
    expect(credentials.signIns).toBe(2);
    expect(credentials.stored.tokens).toMatchObject({ scope: 'tools:list tools:use' });
    const { tools } = await client.listTools();
    expect(tools.length).toBeGreaterThan(0);
    await client.close();
  });
});

describe('The official client SDK, version 1, with too narrow a token', () => {
  it('meets one 403 and gets in by a refresh, without the person and without a circle', async () => {
    const credentials = new SdkCredentials('carla');
    await (await connect(credentials)).close();
    await narrow(credentials, 'tools:list');
    const before = countRefusals();
    const client = new ClientV1({ name: 'test', version: '1.0.0' });
    await client.connect(new TransportV1(house.mcpUrl, { authProvider: credentials }));

    expect(countRefusals() - before).toBe(1);
    expect(credentials.signIns).toBe(1);
    expect(credentials.stored.tokens).toMatchObject({ scope: 'tools:use' });
    expect((await client.listTools()).tools.length).toBeGreaterThan(0);
    await client.close();
  });
});

function countRefusals(): number {
  return house.events.filter(
    (event) => event.type === 'request_refused' && event.reason === 'scope_insufficient',
  ).length;
}
