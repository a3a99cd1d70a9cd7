import { createHash } from 'node:crypto';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { Browser } from '../support/browser.ts';
import {
  createPkce,
  obtainCode,
  postForm,
  redeem,
  registerClient,
  type TestClient,
} from '../support/flow.ts';
import { createTestGatehouse, type TestGatehouse } from '../support/gatehouse.ts';
import { type RecordingUpstream, startRecordingUpstream } from '../support/recording-upstream.ts';

const backendSecret = 'a secret of the resource server';

let upstream: RecordingUpstream;
let house: TestGatehouse;
let client: TestClient;

beforeEach(async () => {
  upstream = await startRecordingUpstream();
  house = await createTestGatehouse({
    file: JSON.stringify({
      mounts: [
        {
          name: 'files',
          url: '/mcp',
          upstream: `${upstream.origin}/mcp`,
          scopes: {
            'files:use': { description: 'See what there is', required: true },
            'files:read': { description: 'Read your files', default: true, includes: ['files:use'] },
            'files:write': { description: 'Change your files', includes: ['files:read'] },
          },
        },
      ],
    }),
    env: { INTROSPECTION_CLIENTS: `backend:${createHash('sha256').update(backendSecret).digest('hex')}` },
  });
  client = await registerClient(house);
});
afterEach(async () => {
  await house.close();
  await upstream.close();
});

interface Tokens {
  readonly access_token: string;
  readonly refresh_token: string;
  readonly scope?: string;
}

async function signIn(scope: string | undefined, unticked: readonly string[] = []): Promise<Tokens> {
  const signedIn = await obtainCode(house, { client, overrides: { scope }, unticked });
  return (await (await redeem(house, signedIn)).json()) as Tokens;
}

async function refreshed(tokens: Tokens, scope: string): Promise<Response> {
  return postForm(house, '/token', {
    grant_type: 'refresh_token',
    refresh_token: tokens.refresh_token,
    client_id: client.clientId,
    scope,
  });
}

function call(tokens: Tokens): Promise<Response> {
  return house.fetch('/mcp', {
    method: 'POST',
    headers: { Authorization: `Bearer ${tokens.access_token}`, 'Content-Type': 'application/json' },
    body: '{}',
  });
}

async function readJson(path: string): Promise<Record<string, unknown>> {
  return (await (await house.fetch(path)).json()) as Record<string, unknown>;
}

describe('the scopes of a mount (RFC 6749 §3.3, MCP "Scope Selection Strategy")', () => {
  it('are told: all of them by the authorization server, the first ones by resource and challenge', async () => {
    const server = await readJson('/.well-known/oauth-authorization-server');
    const resource = await readJson('/.well-known/oauth-protected-resource/mcp');
    const unauthorized = await house.fetch('/mcp', { method: 'POST' });

    expect(server['scopes_supported']).toEqual(['files:use', 'files:read', 'files:write']);
    expect(resource['scopes_supported']).toEqual(['files:read']);
    expect(unauthorized.status).toBe(401);
    expect(unauthorized.headers.get('www-authenticate')).toBe(
      `Bearer scope="files:read", resource_metadata="${house.publicUrl}/.well-known/oauth-protected-resource/mcp"`,
    );
  });

  it.each<[string | undefined, readonly string[], string]>([
    [undefined, [], 'files:read'],
    ['openid profile', [], 'files:read'],
    ['files:read files:write nonsense', [], 'files:read files:write'],
    ['files:read files:write', ['files:write'], 'files:read'],
    ['files:read offline_access', [], 'files:read offline_access'],
  ])('asked for %j, without %j, come to %j', async (requested, unticked, granted) => {
    const tokens = await signIn(requested, unticked);

    expect(tokens.scope).toBe(granted);
    expect((await call(tokens)).status).toBe(200);
  });

  it('are refused at the client when none of them exists', async () => {
    const browser = new Browser(house);
    const { challenge } = createPkce();
    const query = new URLSearchParams({
      response_type: 'code',
      client_id: client.clientId,
      redirect_uri: client.redirectUri,
      code_challenge: challenge,
      code_challenge_method: 'S256',
      scope: 'nonsense',
    });
    const answer = await browser.get(`/authorize?${query.toString()}`);

    expect(answer.status).toBe(400);
    expect(house.events).toContainEqual(
      expect.objectContaining({ type: 'request_refused', reason: 'scope_unknown' }),
    );
    expect(house.identityProvider.startedLogins).toEqual([]);
  });

  it('are shown to a resource server that asks', async () => {
    const tokens = await signIn('files:read files:write', ['files:read']);
    const answer = await postForm(
      house,
      '/introspect',
      { token: tokens.access_token },
      {
        Authorization: `Basic ${Buffer.from(`backend:${backendSecret}`).toString('base64')}`,
      },
    );

    expect(await answer.json()).toMatchObject({ active: true, scope: 'files:write' });
  });

  it('can be narrowed by a refresh, to what is included as well, and never widened', async () => {
    const tokens = await signIn('files:write');
    const narrowed = (await (await refreshed(tokens, 'files:use')).json()) as Tokens;
    const widened = await refreshed(narrowed, 'files:write files:admin');

    expect(narrowed.scope).toBe('files:use');
    expect(await widened.json()).toMatchObject({ scope: 'files:write' });
    const reader = await signIn('files:read');
    const refused = await refreshed(reader, 'files:write');
    expect(refused.status).toBe(400);
    expect(await refused.json()).toMatchObject({ error: 'invalid_scope' });
    expect((await refreshed(reader, 'files:read')).status).toBe(200);
  });
});
