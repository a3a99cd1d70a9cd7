import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { Browser } from '../support/browser.ts';
import { authorizeUrl, obtainCode, redeem, refresh, signIn } from '../support/flow.ts';
import { createTestGatehouse, type TestGatehouse } from '../support/gatehouse.ts';

describe('the log', () => {
  let gatehouse: TestGatehouse;

  beforeEach(async () => {
    gatehouse = await createTestGatehouse();
  });
  afterEach(() => gatehouse.close());

  it('holds no token, code, state, verifier, cookie or secret, at any level', async () => {
    const signedIn = await signIn(gatehouse, { overrides: { state: 'canary-client-state' } });
    await refresh(gatehouse, signedIn.client.clientId, signedIn.refreshToken);
    await redeem(gatehouse, signedIn);
    await refresh(gatehouse, signedIn.client.clientId, 'mgh_rt_canary-refresh');
    await gatehouse.fetch('/mcp', { headers: { Authorization: 'Bearer mgh_at_canary-access' } });
    await gatehouse.fetch('/mcp', { headers: { Authorization: `Bearer ${signedIn.accessToken}` } });
    await new Browser(gatehouse).get(authorizeUrl(gatehouse, signedIn.client, { scope: '"canary-scope' }));
    await gatehouse.fetch('/callback?code=canary-idp-code&state=canary-state');
    const [login] = gatehouse.identityProvider.startedLogins;
    const secrets = [
      'canary',
      signedIn.accessToken,
      signedIn.refreshToken,
      signedIn.code,
      signedIn.verifier,
      signedIn.client.clientId,
      login?.state ?? 'no login',
      login?.secrets.nonce ?? 'no login',
      login?.secrets.codeVerifier ?? 'no login',
      ...signedIn.browser.cookies.values(),
      'provider-client-secret',
      'Kq3v9Zt7Xw1Lr5Np8Bd2Fh6Jm4Sg0Yc-test-secret',
    ];
    const logged = gatehouse.logged();
    expect(logged).toContain('token_issued');
    expect(secrets.filter((secret) => logged.includes(secret))).toEqual([]);
  });

  it('says who, what, how it ended, how long it took and under which id', async () => {
    const { accessToken } = await signIn(gatehouse);
    const response = await gatehouse.fetch('/mcp', {
      method: 'POST',
      headers: { Authorization: `Bearer ${accessToken}`, 'Content-Type': 'application/json' },
      body: JSON.stringify({ jsonrpc: '2.0', id: 7, method: 'tools/call', params: { name: 'add' } }),
    });
    await response.text();
    const line = await untilLogged(gatehouse, '"msg":"request"');
    expect(line).toMatchObject({
      method: 'POST',
      path: '/mcp',
      status: 502,
      sub: 'alice',
      email: 'alice@example.com',
      rpc_method: 'tools/call',
      rpc_tool: 'add',
      rpc_id: '7',
      request_id: response.headers.get('x-request-id'),
    });
    expect(line['duration']).toBeTypeOf('number');
  });

  it('names a failed code exchange by its reason without an unredeemed code leaking', async () => {
    const signedIn = await obtainCode(gatehouse);
    await redeem(gatehouse, { ...signedIn, verifier: 'v'.repeat(43) });
    expect(gatehouse.logged()).toContain('access_denied_pkce_mismatch');
    expect(gatehouse.logged()).not.toContain(signedIn.code);
  });
});

/** The access line is written when the connection is done with, which may be after the client has its answer. */
async function untilLogged(gatehouse: TestGatehouse, part: string): Promise<Record<string, unknown>> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const line = gatehouse
      .logged()
      .split('\n')
      .find((candidate) => candidate.includes(part));
    if (line !== undefined) return JSON.parse(line) as Record<string, unknown>;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(`never logged: ${part}`);
}
