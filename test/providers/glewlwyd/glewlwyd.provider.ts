import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

import { refresh } from '../../support/flow.ts';
import { openHouse, type ProviderHouse } from '../house.ts';
import { type Glewlwyd, type Person, startGlewlwyd } from './glewlwyd.ts';

describe('a gatehouse whose people log in at Glewlwyd, without a preset', () => {
  let house: ProviderHouse<Person, Glewlwyd>;
  beforeAll(async () => {
    house = await openHouse(startGlewlwyd);
  });
  afterAll(() => house.close());

  it('signs a person in and tells the MCP server who it is', async () => {
    const { accessToken } = await house.signIn('alice');
    expect(await house.call(accessToken)).toBe(200);
    expect(house.upstream.calls.at(-1)).toMatchObject({ 'x-user-email': 'alice@example.com' });
  });

  it('refreshes, and takes for the same person whom no new ID token names', async () => {
    const tokens = await house.signIn('alice');
    const answer = await house.refresh(tokens);
    expect(answer.status).toBe(200);
    const next = (await answer.json()) as { access_token: string; refresh_token: string };
    expect(await house.call(next.access_token)).toBe(200);
    expect((await refresh(house.target, tokens.client.clientId, next.refresh_token)).status).toBe(200);
  });

  it('refuses a login with another secret, and says nothing of it to the client', async () => {
    await house.restart({ OIDC_CLIENT_SECRET: 'another' });
    await expect(house.obtainCode('alice')).rejects.toThrow('error=server_error');
    await vi.waitFor(() => expect(house.gatehouse.logged()).toContain('idp_exchange_failed'), 10_000);
  });
});
