import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { createTestGatehouse, type TestGatehouse } from '../support/gatehouse.ts';

const origin = 'https://inspector.example';
let house: TestGatehouse;

beforeAll(async () => {
  house = await createTestGatehouse({
    env: { INTROSPECTION_CLIENTS: `backend:${'0'.repeat(64)}`, ALLOWED_ORIGINS: origin },
  });
});
afterAll(() => house.close());

const documents = [
  '/.well-known/oauth-protected-resource',
  '/.well-known/oauth-protected-resource/mcp',
  '/.well-known/oauth-authorization-server',
  '/.well-known/oauth-authorization-server/mcp',
];
const noDocuments = [
  '/.well-known/openid-configuration',
  '/.well-known/openid-configuration/mcp',
  '/mcp/.well-known/oauth-authorization-server',
  '/mcp/.well-known/oauth-protected-resource',
  '/mcp/.well-known/openid-configuration',
  '/.well-known/oauth-protected-resource/nothing',
  '/.well-known/oauth-authorization-server/nothing',
];
const apis = ['/token', '/register', '/revoke'];
const pages = ['/authorize', '/callback', '/consent'];
const methodsOf: Readonly<Record<string, string>> = {
  '/authorize': 'GET, POST',
  '/callback': 'GET',
  '/consent': 'POST',
  '/token': 'POST, OPTIONS',
  '/register': 'POST, OPTIONS',
  '/revoke': 'POST, OPTIONS',
  '/registration': 'GET, PUT, DELETE, OPTIONS',
  '/introspect': 'POST',
  '/backchannel-logout': 'POST',
  '/healthz': 'GET, HEAD',
};

function ask(method: string, path: string): Promise<Response> {
  return house.fetch(path, { method, headers: { Origin: origin } });
}

function preflight(path: string): Promise<Response> {
  return house.fetch(path, {
    method: 'OPTIONS',
    headers: {
      Origin: origin,
      'Access-Control-Request-Method': 'GET',
      'Access-Control-Request-Headers': 'mcp-protocol-version',
    },
  });
}

describe('every public route, by every method', () => {
  it.each(documents)('%s answers GET and HEAD alike, and the preflight', async (path) => {
    const [get, head, asked] = [await ask('GET', path), await ask('HEAD', path), await preflight(path)];

    expect([get.status, head.status, asked.status]).toEqual([200, 200, 204]);
    expect(await head.text()).toBe('');
    expect(head.headers.get('content-type')).toBe(get.headers.get('content-type'));
    expect(head.headers.get('cache-control')).toBe(get.headers.get('cache-control'));
    expect(asked.headers.get('access-control-allow-headers')).toContain('MCP-Protocol-Version');
  });

  it.each(noDocuments)('%s is a 404 that scripts can read, preflight and all', async (path) => {
    const [get, head, asked] = [await ask('GET', path), await ask('HEAD', path), await preflight(path)];

    expect([get.status, head.status, asked.status]).toEqual([404, 404, 204]);
    expect(get.headers.get('content-type')).toBe('application/json');
    expect(get.headers.get('access-control-allow-origin')).toBe('*');
    expect(asked.headers.get('access-control-allow-origin')).toBe('*');
  });

  it.each(apis)('%s answers the preflight, and is readable when it refuses', async (path) => {
    const [asked, refused] = [await preflight(path), await ask('POST', path)];

    expect(asked.status).toBe(204);
    expect(refused.status).toBeGreaterThanOrEqual(400);
    for (const name of ['WWW-Authenticate', 'DPoP-Nonce', 'Retry-After'])
      expect(refused.headers.get('access-control-expose-headers')).toContain(name);
  });

  it.each(pages)('%s is open to no script', async (path) => {
    const asked = await preflight(path);

    expect(asked.status).toBe(405);
    for (const answer of [asked, await ask('GET', path)]) {
      expect([...answer.headers.keys()].filter((name) => name.startsWith('access-control-'))).toEqual([]);
    }
  });

  it.each(Object.entries(methodsOf))('%s takes %s, and says so to every other', async (path, allowed) => {
    for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND']) {
      const answer = await ask(method, path);
      if (allowed.split(', ').includes(method)) expect(answer.status).not.toBe(405);
      else {
        expect([path, method, answer.status]).toEqual([path, method, 405]);
        expect(answer.headers.get('allow')).toBe(allowed);
      }
    }
  });

  it('the mount answers the preflight of an allowed origin and of no other, and exposes what clients read', async () => {
    const asked = await preflight('/mcp');
    const foreign = await house.fetch('/mcp', {
      method: 'OPTIONS',
      headers: { Origin: 'https://evil.example', 'Access-Control-Request-Method': 'POST' },
    });
    const refused = await ask('POST', '/mcp');

    expect([asked.status, foreign.status, refused.status]).toEqual([204, 403, 401]);
    expect(foreign.headers.get('access-control-allow-origin')).toBeNull();
    for (const name of ['WWW-Authenticate', 'Mcp-Session-Id', 'MCP-Protocol-Version', 'DPoP-Nonce'])
      expect(refused.headers.get('access-control-expose-headers')).toContain(name);
    for (const name of ['MCP-Protocol-Version', 'Mcp-Session-Id', 'Mcp-Method', 'Mcp-Name', 'Last-Event-ID'])
      expect(asked.headers.get('access-control-allow-headers')).toContain(name);
  });

  it.each(['HEAD', 'PUT', 'PATCH', 'OPTIONS'])('the mount has no %s of its own', async (method) => {
    const answer = await house.fetch('/mcp', { method });

    expect(answer.status).toBe(405);
    expect(answer.headers.get('allow')).toBe('GET, POST, DELETE');
  });
});
