import { afterEach, describe, expect, it } from 'vitest';

import { hashSecret } from '../support/configured-clients.ts';
import { postForm } from '../support/flow.ts';
import { createTestGatehouse, type TestGatehouse } from '../support/gatehouse.ts';
import { type RecordingUpstream, replyJson, startRecordingUpstream } from '../support/recording-upstream.ts';

const closers: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

const secret = 'the secret of the report';
const scopes = { 'files:read': { default: true }, 'files:write': { includes: ['files:read'] } };
const policy = {
  default: 'allow',
  rules: [{ name: 'writing', allow: { tools: ['write_*'] }, scopes: ['files:write'] }],
};

interface House {
  readonly gatehouse: TestGatehouse;
  readonly upstream: RecordingUpstream;
  readonly token: string;
}

/** A client that may be granted `scopes`, with the least that it can ask for. */
async function openFor(limit: readonly string[], mount: object = { policy }): Promise<House> {
  const upstream = await startRecordingUpstream();
  closers.push(() => upstream.close());
  const client = {
    client_id: 'report',
    name: 'Report',
    token_endpoint_auth_method: 'client_secret_post',
    client_secret_sha256: hashSecret(secret),
    grant_types: ['client_credentials'],
    scopes: limit,
  };
  const files = { name: 'files', url: '/mcp', upstream: `${upstream.origin}/mcp`, scopes };
  const file = JSON.stringify({ mounts: [{ ...files, ...mount }], clients: [client] });
  const env = { INTROSPECTION_CLIENTS: `files:${hashSecret(secret)}` };
  const gatehouse = await createTestGatehouse({ file, env });
  closers.push(() => gatehouse.close());
  const form = { grant_type: 'client_credentials', scope: 'files:read', client_id: 'report' };
  const answer = await postForm(gatehouse, '/token', { ...form, client_secret: secret });
  const { access_token: token } = (await answer.json()) as { access_token: string };
  return { gatehouse, upstream, token };
}

function call({ gatehouse, token }: House, method: string, params: object = {}): Promise<Response> {
  return gatehouse.fetch('/mcp', {
    method: 'POST',
    headers: {
      Authorization: `Bearer ${token}`,
      'Content-Type': 'application/json',
      Accept: 'application/json, text/event-stream',
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
  });
}

async function toolsOf(house: House): Promise<readonly string[]> {
  const tools = ['read_file', 'write_file'].map((name) => ({ name }));
  house.upstream.answer = replyJson({ jsonrpc: '2.0', id: 1, result: { tools } });
  const { result } = (await (await call(house, 'tools/list')).json()) as {
    result: { tools: ReadonlyArray<{ name: string }> };
  };
  return result.tools.map(({ name }) => name);
}

describe('a client that the operator holds to some scopes', () => {
  it('is not sent to ask for one that it cannot get, and is not shown what needs it', async () => {
    const house = await openFor(['files:read']);
    const refused = await call(house, 'tools/call', { name: 'write_file' });
    expect(refused.status).toBe(403);
    expect(refused.headers.get('www-authenticate')).toBeNull();
    expect(house.upstream.requests).toEqual([]);
    expect(house.gatehouse.events).toContainEqual(
      expect.objectContaining({ type: 'policy_denied', outcome: 'denied', rule: 'writing' }),
    );
    expect(await toolsOf(house)).toEqual(['read_file']);
  });

  it('is sent to ask for one that it can get, and is shown what needs it', async () => {
    const house = await openFor(['files:read', 'files:write']);
    const refused = await call(house, 'tools/call', { name: 'write_file' });
    expect(refused.status).toBe(403);
    expect(refused.headers.get('www-authenticate')).toContain('insufficient_scope');
    expect(await toolsOf(house)).toEqual(['read_file', 'write_file']);
  });

  it('is named by its id to a resource server that asks', async () => {
    const { gatehouse, token } = await openFor(['files:read']);
    const authorization = `Basic ${Buffer.from(`files:${encodeURIComponent(secret)}`).toString('base64')}`;
    const answer = await postForm(gatehouse, '/introspect', { token }, { authorization });
    expect(await answer.json()).toMatchObject({ active: true, client_id: 'report', sub: 'report' });
  });

  it('is not sent to ask for what every call needs, if it cannot get that', async () => {
    const strict = { ...scopes, 'files:write': { ...scopes['files:write'], default: true, required: true } };
    const house = await openFor(['files:read'], { scopes: strict });
    const refused = await call(house, 'tools/list');
    expect(refused.status).toBe(403);
    expect(refused.headers.get('www-authenticate')).toBeNull();
    expect(await refused.json()).toMatchObject({ error: 'access_denied' });
    expect(house.upstream.requests).toEqual([]);
  });
});
