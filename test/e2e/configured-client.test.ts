import { Client, StreamableHTTPClientTransport, UnauthorizedError } from '@modelcontextprotocol/client';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { clientSecret, hashSecret } from '../support/configured-clients.ts';
import { startLoopbackHouse, type LoopbackHouse } from '../support/loopback-house.ts';
import { SdkCredentials } from '../support/sdk-credentials.ts';

let house: LoopbackHouse;

beforeAll(async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() });
  const redirects = { redirect_uris: ['http://127.0.0.1:33418/callback'] };
  const authentication = {
    token_endpoint_auth_method: 'client_secret_basic',
    client_secret_sha256: hashSecret(clientSecret),
  };
  const desk = { client_id: 'desk', name: 'Desk', token_endpoint_auth_method: 'none', ...redirects };
  const reporting = { client_id: 'reporting', name: 'Reporting', ...redirects, ...authentication };
  house = await startLoopbackHouse({}, { clients: [desk, reporting] });
});
afterAll(async () => {
  await house.close();
  vi.useRealTimers();
});

function open(credentials: SdkCredentials): { client: Client; transport: StreamableHTTPClientTransport } {
  return {
    client: new Client(
      { name: 'test', version: '1.0.0' },
      { versionNegotiation: { mode: { pin: '2026-07-28' } } },
    ),
    transport: new StreamableHTTPClientTransport(house.mcpUrl, { authProvider: credentials }),
  };
}

async function signIn(credentials: SdkCredentials): Promise<Client> {
  const first = open(credentials);
  await expect(first.client.connect(first.transport)).rejects.toThrow(UnauthorizedError);
  await first.transport.finishAuth(credentials.takeCallback().searchParams);
  const next = open(credentials);
  await next.client.connect(next.transport);
  return next.client;
}

function registrations(): number {
  return house.events.filter(({ type }) => type === 'client_registered').length;
}

describe('The official client SDK, version 2, as a client that the operator registered', () => {
  it.each([
    ['public', { client_id: 'desk' }],
    ['with a secret', { client_id: 'reporting', client_secret: clientSecret }],
  ])('signs in, %s, and refreshes, and registers nothing', async (_, client) => {
    const credentials = new SdkCredentials('alice');
    credentials.saveClientInformation(client);
    const signedIn = await signIn(credentials);
    const before = credentials.tokens()?.refresh_token;
    vi.setSystemTime(Date.now() + 24 * 3_600_000);
    const { tools } = await signedIn.listTools();
    expect(tools.length).toBeGreaterThan(0);
    expect(credentials.tokens()?.refresh_token).not.toBe(before);
    expect([credentials.signIns, registrations()]).toEqual([1, 0]);
    await signedIn.close();
  });

  it('gets nothing with another secret', async () => {
    const credentials = new SdkCredentials('bert');
    credentials.saveClientInformation({ client_id: 'reporting', client_secret: 'guessed' });
    const { client, transport } = open(credentials);
    await expect(client.connect(transport)).rejects.toThrow(UnauthorizedError);
    await expect(transport.finishAuth(credentials.takeCallback().searchParams)).rejects.toThrow();
    expect(credentials.tokens()).toBeUndefined();
    expect(house.events).toContainEqual(
      expect.objectContaining({ type: 'request_refused', reason: 'client_authentication_failed' }),
    );
  });
});
