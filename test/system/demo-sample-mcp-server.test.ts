import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { Client as LegacyClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as LegacyTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { startSampleMcpServer } from '../../src/cli/demo/sample-mcp-server.ts';
import type { SampleMcpServer } from '../../src/cli/demo/sample-mcp-server.ts';

let server: SampleMcpServer;
const identity = { 'x-user-sub': 'sample-ada', 'x-user-email': 'ada@example.com', 'x-user-groups': 'a,b' };

beforeAll(async () => {
  server = await startSampleMcpServer({ port: 0 });
});
afterAll(async () => {
  await server.close();
});

describe('sample MCP server, with the official client 2.x', () => {
  it.each([
    { mode: 'auto', era: 'modern' },
    { mode: 'legacy', era: 'legacy' },
  ] as const)('serves a client that negotiates $mode', async ({ mode, era }) => {
    const client = new Client({ name: 'test', version: '1' }, { versionNegotiation: { mode } });
    const transport = new StreamableHTTPClientTransport(new URL(server.url), {
      requestInit: { headers: identity },
    });
    await client.connect(transport);
    try {
      expect(client.getProtocolEra()).toBe(era);
      const { tools } = await client.listTools();
      expect(tools.map((tool) => tool.name)).toEqual(['hello', 'add', 'echo', 'whoami']);
      const sum = await client.callTool({ name: 'add', arguments: { a: 2, b: 40 } });
      expect(sum.content).toEqual([{ type: 'text', text: '42' }]);
      const caller = await client.callTool({ name: 'whoami' });
      expect(JSON.stringify(caller.content)).toContain('X-User-Email: ada@example.com');
      const refused = await client.callTool({ name: 'add', arguments: { a: 'two' } });
      expect(refused.isError).toBe(true);
      await expect(client.callTool({ name: 'nothing' })).rejects.toMatchObject({ code: -32602 });
    } finally {
      await client.close();
    }
  });
});

describe('sample MCP server, with the official client 1.x', () => {
  it('serves initialize, tools/list and tools/call', async () => {
    const client = new LegacyClient({ name: 'test', version: '1' });
    const transport = new LegacyTransport(new URL(server.url), { requestInit: { headers: identity } });
    await client.connect(transport);
    try {
      expect(client.getServerVersion()?.name).toBe('gatehouse-sample');
      expect((await client.listTools()).tools).toHaveLength(4);
      const echoed = await client.callTool({ name: 'echo', arguments: { text: 'ä€🦉' } });
      expect(echoed.content).toEqual([{ type: 'text', text: 'ä€🦉' }]);
      await transport.terminateSession();
    } finally {
      await client.close();
    }
  });
});

const meta = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': {},
};
const modernHeaders = {
  'mcp-protocol-version': '2026-07-28',
  'mcp-method': 'tools/call',
  'mcp-name': 'echo',
};
const modernCall = {
  jsonrpc: '2.0',
  id: 7,
  method: 'tools/call',
  params: { name: 'echo', arguments: { text: 'x' }, _meta: meta },
};

describe('sample MCP server, revision 2026-07-28', () => {
  it('answers a call whose headers mirror its body', async () => {
    const { status, body } = await post(modernCall, modernHeaders);
    expect(status).toBe(200);
    expect(body).toMatchObject({ id: 7, result: { resultType: 'complete' } });
  });

  it('reads a header that travels as base64', async () => {
    const name = `=?base64?${Buffer.from('echo').toString('base64')}?=`;
    expect((await post(modernCall, { ...modernHeaders, 'mcp-name': name })).status).toBe(200);
  });

  it.each([
    { header: 'mcp-method', value: 'tools/list' },
    { header: 'mcp-name', value: 'whoami' },
    { header: 'mcp-protocol-version', value: '2025-11-25' },
  ])('refuses a call whose $header says something else', async ({ header, value }) => {
    const { status, body } = await post(modernCall, { ...modernHeaders, [header]: value });
    expect(status).toBe(400);
    expect(body).toMatchObject({ id: 7, error: { code: -32020 } });
  });

  it('names the revision it supports when asked for another', async () => {
    const version = { ...meta, 'io.modelcontextprotocol/protocolVersion': '2027-01-01' };
    const call = { ...modernCall, params: { ...modernCall.params, _meta: version } };
    const { status, body } = await post(call, { ...modernHeaders, 'mcp-protocol-version': '2027-01-01' });
    expect(status).toBe(400);
    expect(body).toMatchObject({ error: { code: -32022, data: { supported: ['2026-07-28'] } } });
  });

  it('refuses a request without _meta', async () => {
    const { status, body } = await post({ ...modernCall, params: { name: 'echo' } }, modernHeaders);
    expect(status).toBe(400);
    expect(body).toMatchObject({ error: { code: -32602 } });
  });

  it('refuses a method it does not know with 404', async () => {
    const call = { ...modernCall, method: 'nothing', params: { _meta: meta } };
    const { status, body } = await post(call, { ...modernHeaders, 'mcp-method': 'nothing' });
    expect(status).toBe(404);
    expect(body).toMatchObject({ error: { code: -32601 } });
  });
});

describe('sample MCP server, transport', () => {
  it('answers a batch of revision 2025-03-26 and nothing to its notification', async () => {
    const ping = { jsonrpc: '2.0', method: 'ping' };
    const { status, body } = await post([{ ...ping, id: 1 }, ping, { ...ping, id: 2 }], {});
    expect(status).toBe(200);
    expect(body).toEqual([
      { jsonrpc: '2.0', id: 1, result: {} },
      { jsonrpc: '2.0', id: 2, result: {} },
    ]);
  });

  it('answers 202 without a body to a notification', async () => {
    const { status, body } = await post({ jsonrpc: '2.0', method: 'notifications/initialized' }, {});
    expect({ status, body }).toEqual({ status: 202, body: undefined });
  });

  it.each(['GET', 'DELETE'])('answers 405 to %s', async (method) => {
    const response = await fetch(server.url, { method });
    expect(response.status).toBe(405);
    expect(response.headers.get('allow')).toBe('POST');
  });

  it.each([
    { what: 'a page of another site', status: 403, headers: { origin: 'https://evil.example' } },
    { what: 'a body that is no JSON by its type', status: 415, headers: { 'content-type': 'text/plain' } },
    { what: 'an unknown legacy revision', status: 400, headers: { 'mcp-protocol-version': '2024-01-01' } },
  ])('refuses $what', async ({ status, headers }) => {
    expect((await post({ jsonrpc: '2.0', id: 1, method: 'ping' }, headers)).status).toBe(status);
  });

  it('refuses a body over one mebibyte', async () => {
    const text = 'x'.repeat(1_100_000);
    expect((await post({ jsonrpc: '2.0', id: 1, method: 'ping', params: { text } }, {})).status).toBe(413);
  });

  it('refuses what is no JSON', async () => {
    const { status, body } = await post('{', {});
    expect(status).toBe(400);
    expect(body).toMatchObject({ error: { code: -32700 } });
  });
});

async function post(message: unknown, headers: Record<string, string>) {
  const response = await fetch(server.url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...headers,
    },
    body: typeof message === 'string' ? message : JSON.stringify(message),
  });
  const text = await response.text();
  return { status: response.status, body: text === '' ? undefined : (JSON.parse(text) as unknown) };
}
