import { afterEach, describe, expect, it } from 'vitest';

import { callMount, startAnsweringUpstream } from '../support/answering-upstream.ts';
import { signIn } from '../support/flow.ts';
import { createTestGatehouse, type TestGatehouse } from '../support/gatehouse.ts';

const origin = 'https://inspector.example';
let gatehouse: TestGatehouse;

afterEach(() => gatehouse.close());

function preflight(path: string, method: string, headers: string): Promise<Response> {
  return gatehouse.fetch(path, {
    method: 'OPTIONS',
    headers: {
      origin,
      'access-control-request-method': method,
      'access-control-request-headers': headers,
    },
  });
}

describe('L. pages of other origins', () => {
  it.each([
    ['/.well-known/oauth-protected-resource/mcp', 'GET'],
    ['/.well-known/oauth-protected-resource', 'GET'],
    ['/.well-known/oauth-authorization-server', 'GET'],
    ['/register', 'POST'],
    ['/token', 'POST'],
    ['/revoke', 'POST'],
  ])('163: answers the preflight of %s for any origin', async (path, method) => {
    gatehouse = await createTestGatehouse();
    const answer = await preflight(path, method, 'authorization,content-type,mcp-protocol-version');
    expect(answer.status).toBe(204);
    expect(answer.headers.get('access-control-allow-origin')).toBe('*');
    expect(answer.headers.get('access-control-allow-credentials')).toBeNull();
    expect(answer.headers.get('access-control-allow-methods')).toContain(method);
    // A `*` would not cover Authorization: the names are there.
    const allowed = answer.headers.get('access-control-allow-headers')?.toLowerCase().split(', ');
    expect(allowed).toEqual(
      expect.arrayContaining(['authorization', 'content-type', 'accept', 'mcp-protocol-version']),
    );
  });

  it('164: lets a page read the headers of MCP on an answer of the mount', async () => {
    const upstream = await startAnsweringUpstream();
    gatehouse = await createTestGatehouse({ upstream: upstream.url, env: { ALLOWED_ORIGINS: origin } });
    const { accessToken } = await signIn(gatehouse);
    const asked = await preflight('/mcp', 'POST', 'authorization, mcp-param-region, mcp-session-id');
    expect([asked.status, asked.headers.get('access-control-allow-headers')]).toEqual([
      204,
      expect.stringContaining('mcp-param-region'),
    ]);
    const answer = await gatehouse.fetch(gatehouse.resource, {
      method: 'POST',
      headers: { authorization: `Bearer ${accessToken}`, origin, 'content-type': 'application/json' },
      body: '{}',
    });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('access-control-allow-origin')).toBe(origin);
    const exposed = answer.headers.get('access-control-expose-headers')?.toLowerCase().split(', ');
    expect(exposed).toEqual(
      expect.arrayContaining(['www-authenticate', 'mcp-session-id', 'mcp-protocol-version', 'retry-after']),
    );
    expect((await callMount(gatehouse, accessToken)).headers.get('access-control-allow-origin')).toBeNull();
    await upstream.close();
  });

  it.each([
    ['/token', 400],
    ['/register', 415],
    ['/revoke', 400],
    ['/.well-known/openid-configuration', 404],
    ['/.well-known/oauth-protected-resource/none', 404],
  ])('165: lets scripts read refusals of %s', async (path, status) => {
    gatehouse = await createTestGatehouse();
    const init = status === 404 ? {} : { method: 'POST', body: 'x=%00' };
    const refused = await gatehouse.fetch(path, { ...init, headers: { origin } });
    expect(refused.status).toBe(status);
    expect(refused.headers.get('access-control-allow-origin')).toBe('*');
    expect(refused.headers.get('access-control-expose-headers')).toContain('WWW-Authenticate');
  });
});
