import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { fileRules, policyRule } from '../support/policy-rules.ts';
import { type ProxiedPath, startProxiedPath } from '../support/proxied-path.ts';
import { chunk, reply, replyJson, replyRaw } from '../support/recording-upstream.ts';

const scopes = {
  declared: [
    { name: 'files:read', description: undefined, includes: [] },
    { name: 'files:write', description: undefined, includes: ['files:read'] },
  ],
  defaults: ['files:read'],
  required: [],
};
const fine = { jsonrpc: '2.0', id: 1, result: {} };

function rpc(method: string, params?: unknown, id: unknown = 1): string {
  return JSON.stringify({ jsonrpc: '2.0', id, method, ...(params === undefined ? {} : { params }) });
}

describe('a mount with rules', () => {
  let path: ProxiedPath;

  beforeAll(async () => {
    path = await startProxiedPath({ policy: fileRules, scopes });
  });

  afterEach(() => {
    path.replacePolicy(fileRules);
    path.upstream.answer = replyJson(fine);
    expect(path.internalErrors).toEqual([]);
  });

  afterAll(async () => {
    await path.close();
  });

  async function send(body: string | Buffer, headers: Record<string, string> = {}, terms = {}) {
    const before = path.upstream.requests.length;
    const answer = await path.call({ body, headers, bearer: path.issue(terms) });
    const text = await answer.text();
    return {
      status: answer.status,
      headers: answer.headers,
      text,
      json: text === '' ? undefined : (JSON.parse(text) as Record<string, unknown>),
      forwarded: path.upstream.requests.slice(before),
    };
  }

  it('forwards what a rule allows, byte for byte', async () => {
    const body = ` {"jsonrpc":"2.0" ,"id":1,"method":"tools/call","params":{"name":"read_file","arguments":{"a":1e400,"é":"\\u0041"}}}\n`;
    const { status, forwarded } = await send(body);
    expect(status).toBe(200);
    expect(forwarded.map((request) => Buffer.from(request.body(), 'latin1').toString())).toEqual([body]);
    expect(forwarded[0]?.header('accept-encoding')).toEqual(['identity']);
  });

  it('refuses what none allows, tells the client and nobody the rule, and forwards nothing', async () => {
    path.events.length = 0;
    const { status, json, headers, forwarded } = await send(rpc('tools/call', { name: 'delete_file' }, 'x'));
    expect([status, forwarded.length]).toEqual([403, 0]);
    expect(json).toEqual({
      jsonrpc: '2.0',
      id: 'x',
      error: { code: 403, message: 'The policy of this gateway does not allow this call' },
    });
    expect(headers['www-authenticate']).toBeUndefined();
    expect(path.events).toMatchObject([
      {
        type: 'policy_denied',
        outcome: 'denied',
        mount: 'files',
        subject: 'alice',
        client: 'fingerprint',
        rule: '(default)',
        kind: 'tool',
        method: 'tools/call',
        name: 'delete_file',
      },
      { type: 'request_refused', endpoint: 'mcp', reason: 'policy_denied', status: 403 },
    ]);
  });

  it('asks for all scopes that the call needs, always in the same words', async () => {
    const body = rpc('tools/call', { name: 'write_file' });
    const first = await send(body, {}, { scope: ['files:read'] });
    const second = await send(body, {}, { scope: ['files:read'] });
    expect([first.status, first.forwarded.length]).toEqual([403, 0]);
    const challenge = first.headers['www-authenticate'];
    expect(challenge).toContain('error="insufficient_scope"');
    expect(challenge).toContain('scope="files:read files:write"');
    expect(challenge).toContain(`resource_metadata="${path.metadataUrl}"`);
    expect(second.headers['www-authenticate']).toBe(challenge);
    expect(first.json).toMatchObject({ id: 1, error: { code: 403 } });
    expect((await send(body, {}, { scope: ['files:write'] })).status).toBe(200);
  });

  it.each([
    ['initialize', {}],
    ['ping', undefined],
    ['server/discover', {}],
    ['prompts/get', { name: 'greet' }],
    ['resources/read', { uri: 'file:///public/a' }],
    ['resources/subscribe', { uri: 'file:///public/a' }],
    ['completion/complete', { ref: { type: 'ref/prompt', name: 'greet' } }],
    ['completion/complete', { ref: { type: 'ref/resource', uri: 'file:///public/{x}' } }],
    ['subscriptions/listen', { notifications: { resourceSubscriptions: ['file:///public/a'] } }],
  ])('lets %s through', async (method, params) => {
    expect((await send(rpc(method, params))).status).toBe(200);
  });

  it.each([
    ['prompts/get', { name: 'read_file' }],
    ['resources/read', { uri: 'file:///etc/passwd' }],
    ['resources/read', { uri: 'file:///public/../etc' }],
    ['resources/subscribe', { uri: 'file:///etc' }],
    ['resources/unsubscribe', { uri: 'file:///etc' }],
    ['completion/complete', { ref: { type: 'ref/prompt', name: 'other' } }],
    ['completion/complete', { ref: { type: 'ref/resource', uri: 'file:///{x}' } }],
    ['subscriptions/listen', { notifications: { resourceSubscriptions: ['file:///public/a', 'file:///b'] } }],
    ['tasks/get', { taskId: 'x' }],
    ['tools/call', { name: 'read_secret' }],
    ['Tools/Call', { name: 'read_file' }],
  ])('denies %s', async (method, params) => {
    const { status, forwarded } = await send(rpc(method, params));
    expect([status, forwarded.length]).toEqual([403, 0]);
  });

  it('lets answers to the server and plain notifications through, with nothing in them read', async () => {
    path.upstream.answer = reply(202);
    for (const body of [
      '{"jsonrpc":"2.0","id":1,"result":{"roots":[]}}',
      '{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"no"}}',
      '{"jsonrpc":"2.0","method":"notifications/initialized"}',
      '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}',
    ]) {
      const { status, text } = await send(body);
      expect([status, text]).toEqual([202, '']);
    }
    const odd = await send('{"jsonrpc":"2.0","method":"notifications/odd"}');
    expect([odd.status, odd.json?.['id'], odd.forwarded.length]).toEqual([403, undefined, 0]);
  });

  it('judges every call of a batch, and forwards all or none', async () => {
    const good = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"read_a"}}';
    const bad = '{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"delete"}}';
    const needy = '{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"write_a"}}';
    expect((await send(`[${good},${good}]`)).status).toBe(200);
    expect((await send(`[${good}]`, { 'mcp-protocol-version': '2025-03-26' })).status).toBe(200);
    for (const [body, headers] of [
      [`[${good},${bad}]`, {}],
      [`[${bad},${good}]`, {}],
      [`[${good},${needy}]`, {}],
      [`[${good}]`, { 'mcp-protocol-version': '2025-06-18' }],
      ['[]', {}],
      [`[[${good}]]`, {}],
    ] as const) {
      const { status, forwarded } = await send(body, headers);
      expect([403, 400]).toContain(status);
      expect(forwarded).toEqual([]);
    }
    const mixed = await send(`[${needy},${bad}]`);
    expect(mixed.headers['www-authenticate']).toBeUndefined();
  });

  it('judges a body of unknown length, and one in many pieces', async () => {
    const raw = path.connect();
    const body = rpc('tools/call', { name: 'delete_file' });
    raw.socket.write(
      `POST /mcp HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\nAuthorization: Bearer ${path.issue()}\r\n\r\n`,
    );
    for (const letter of body) raw.socket.write(chunk(letter));
    raw.socket.write('0\r\n\r\n');
    await raw.until(/403 Forbidden[^]*does not allow/);
    raw.socket.destroy();
  });

  it('holds a body of unknown length to the cap, and says so', async () => {
    const small = await startProxiedPath({ policy: fileRules, maxBodyBytes: 1000 });
    const raw = small.connect();
    raw.socket.write(
      `POST /mcp HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\nAuthorization: Bearer ${small.issue()}\r\n\r\n`,
    );
    raw.socket.write(chunk('x'.repeat(1200)));
    await raw.until(/413/);
    expect(small.upstream.requests).toEqual([]);
    await small.close();
  });

  it('takes new rules for the next call, without a cut', async () => {
    path.upstream.answer = replyRaw(
      'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: {"jsonrpc":"2.0","method":"x"}\n\n',
    );
    const stream = await path.call({ method: 'GET' });
    path.upstream.answer = replyJson(fine);
    path.replacePolicy({ otherwise: 'deny', rules: [] });
    expect((await send(rpc('tools/call', { name: 'read_a' }))).status).toBe(403);
    path.replacePolicy({ otherwise: 'deny', rules: [policyRule({})] });
    expect((await send(rpc('tools/call', { name: 'anything' }))).status).toBe(200);
    path.replacePolicy(undefined);
    expect((await send('no JSON at all')).status).toBe(200);
    expect(stream.message.destroyed).toBe(false);
    stream.message.destroy();
  });

  it('parses nothing without rules', async () => {
    path.replacePolicy(undefined);
    const body = Buffer.from([0x7b, 0xff, 0x00]);
    const { status, forwarded } = await send(body, {
      'content-type': 'application/x',
      'content-encoding': 'x',
    });
    expect(status).toBe(200);
    expect(Buffer.from(forwarded[0]?.body() ?? '', 'latin1')).toEqual(body);
    expect(forwarded[0]?.header('accept-encoding')).toEqual([]);
  });

  it('ends a session, opens streams and shows what is published', async () => {
    expect((await path.call({ method: 'DELETE' })).status).toBe(200);
    expect((await path.call({ method: 'DELETE', target: '/mcp/' })).status).toBe(200);
    path.upstream.answer = replyJson({ tools: [{ name: 'delete_file' }] });
    const card = await path.call({ method: 'GET', target: '/mcp/server-card' });
    expect(await card.json()).toEqual({ tools: [{ name: 'delete_file' }] });
    expect((await path.call({ method: 'GET', target: '/mcp/open/x' })).status).toBe(200);
    expect((await path.call({ method: 'GET', target: '/mcp/closed' })).status).toBe(403);
    expect((await path.call({ method: 'DELETE', target: '/mcp/closed' })).status).toBe(403);
  });

  it.each(['/mcp?method=tools/list', '/mcp/'])('passes no document for a stream of %s', async (target) => {
    path.upstream.answer = replyJson({ jsonrpc: '2.0', id: 1, result: { tools: [{ name: 'delete_file' }] } });
    const answer = await path.call({ method: 'GET', target });
    expect([answer.status, (await answer.text()).includes('delete')]).toEqual([502, false]);
  });
});
