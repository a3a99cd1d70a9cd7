import {
  Client,
  DpopSession,
  StreamableHTTPClientTransport,
  UnauthorizedError,
} from '@modelcontextprotocol/client';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

import { type LoopbackHouse, startLoopbackHouse } from '../support/loopback-house.ts';
import { SdkCredentials } from '../support/sdk-credentials.ts';

/** A client that binds its tokens to a key. */
class ProvingCredentials extends SdkCredentials {
  readonly #session = DpopSession.create();

  dpop(): Promise<DpopSession> {
    return this.#session;
  }
}

describe.each(['off', 'on'])('The official client SDK, version 2, with bound tokens, nonces %s', (nonces) => {
  let house: LoopbackHouse;

  beforeAll(async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() });
    house = await startLoopbackHouse({ dpop: 'required' }, { settings: { DPOP_NONCE: nonces } });
  });

  afterAll(async () => {
    await house.close();
    vi.useRealTimers();
  });

  async function connect(credentials: SdkCredentials): Promise<Client> {
    const newClient = (): Client => new Client({ name: 'test', version: '1.0.0' });
    const transport = new StreamableHTTPClientTransport(house.mcpUrl, { authProvider: credentials });
    const refusal: unknown = await newClient()
      .connect(transport)
      .catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(UnauthorizedError);
    await transport.finishAuth(credentials.takeCallback().searchParams);
    const signedIn = newClient();
    await signedIn.connect(new StreamableHTTPClientTransport(house.mcpUrl, { authProvider: credentials }));
    return signedIn;
  }

  it('signs in, calls tools, and refreshes when time has passed', async () => {
    const credentials = new ProvingCredentials('alice');
    const client = await connect(credentials);
    expect(credentials.stored.tokens?.token_type).toBe('DPoP');
    for (const seconds of [0, 90, 24 * 3600]) {
      vi.setSystemTime(Date.now() + seconds * 1000);
      const answer = await client.callTool({ name: 'test_request_headers', arguments: {} });
      const headers = JSON.stringify(answer.content);
      expect(headers).toContain('alice');
      expect(headers).not.toMatch(/authorization|dpop/i);
    }
    expect(credentials.signIns).toBe(1);
    await client.close();
  });

  it('cannot use a token that it has no key for', async () => {
    const owner = new ProvingCredentials('bert');
    await (await connect(owner)).close();
    const { access_token: token } = owner.stored.tokens ?? { access_token: '' };
    const thief = new StreamableHTTPClientTransport(house.mcpUrl, {
      requestInit: { headers: { Authorization: `Bearer ${token}` } },
    });
    const client = new Client({ name: 'thief', version: '1.0.0' });
    await expect(client.connect(thief)).rejects.toThrow();
    expect(house.events).toContainEqual(
      expect.objectContaining({ type: 'request_refused', reason: 'token_bound' }),
    );
  });
});
