import { afterEach, describe, expect, it } from 'vitest';

import { postForm, refresh, registerClient, signIn, type Tokens } from '../support/flow.ts';
import { createTestGatehouse, type TestGatehouse } from '../support/gatehouse.ts';

let gatehouse: TestGatehouse;

afterEach(() => gatehouse.close());

async function revoke(token: string, clientId: string): Promise<number> {
  const metadata = await gatehouse.fetch('/.well-known/oauth-authorization-server');
  const endpoint = ((await metadata.json()) as { revocation_endpoint: string }).revocation_endpoint;
  return (await postForm(gatehouse, endpoint, { token, client_id: clientId })).status;
}

async function refreshStatus({ client, refreshToken }: Tokens): Promise<number> {
  return (await refresh(gatehouse, client.clientId, refreshToken)).status;
}

describe('I. revocation', () => {
  it('125: the advertised endpoint answers 200 for unknown tokens, ends the grant, and only for its client', async () => {
    gatehouse = await createTestGatehouse();
    const [tokens, other] = [await signIn(gatehouse), await signIn(gatehouse)];
    const stranger = await registerClient(gatehouse);
    expect(await revoke('unknown', stranger.clientId)).toBe(200);
    expect(await revoke(other.refreshToken, stranger.clientId)).toBe(400);
    expect(await revoke(tokens.refreshToken, tokens.client.clientId)).toBe(200);
    expect(await revoke(tokens.refreshToken, tokens.client.clientId)).toBe(200);
    expect([await refreshStatus(tokens), await refreshStatus(other)]).toEqual([400, 200]);
  });
});
