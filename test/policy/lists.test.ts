import { gzipSync } from 'node:zlib';

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { fileRules } from '../support/policy-rules.ts';
import { type ProxiedPath, startProxiedPath } from '../support/proxied-path.ts';
import { type Answer, chunk, reply, replyRaw } from '../support/recording-upstream.ts';

const tools = ['read_a', 'delete_a', 'write_a', 'read_secret', 'list', 'LIST', ' list'];
const shown = ['read_a', 'write_a', 'list'];

function toolList(id: unknown, names: readonly string[] = tools): string {
  return JSON.stringify({
    jsonrpc: '2.0',
    id,
    result: {
      tools: names.map((name) => ({ name, inputSchema: { type: 'object' } })),
      nextCursor: 'more',
      ttlMs: 5,
    },
  });
}

function events(...pieces: readonly string[]): Answer {
  return async (request, socket) => {
    await request.complete;
    socket.write('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n');
    for (const piece of pieces) {
      socket.write(chunk(piece));
      await new Promise((resolve) => setImmediate(resolve));
    }
    socket.write('0\r\n\r\n');
  };
}

function json(body: string | Buffer, headers: Record<string, string> = {}): Answer {
  return async (request, socket) => {
    await request.complete;
    const lines = Object.entries({ 'content-type': 'application/json', ...headers }).map(
      ([n, v]) => `${n}: ${v}\r\n`,
    );
    socket.write(`HTTP/1.1 200 OK\r\n${lines.join('')}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n`);
    socket.write(body);
  };
}

describe('lists of a mount with rules', () => {
  let path: ProxiedPath;

  beforeAll(async () => {
    path = await startProxiedPath({
      policy: fileRules,
      scopes: {
        declared: [{ name: 'files:write', description: undefined, includes: [] }],
        defaults: [],
        required: [],
      },
    });
  });

  afterEach(() => {
    expect(path.internalErrors).toEqual([]);
  });

  afterAll(async () => {
    await path.close();
  });

  async function ask(method: string, answer: Answer, id: unknown = 1) {
    path.upstream.answer = answer;
    const call = await path.call({ body: JSON.stringify({ jsonrpc: '2.0', id, method }) });
    return { status: call.status, headers: call.headers, text: await call.text() };
  }

  it('show what may be called, and what a scope is missing for, and keep the rest as it is', async () => {
    const { status, headers, text } = await ask('tools/list', json(toolList(1)));
    expect(status).toBe(200);
    expect(text).toBe(toolList(1, shown));
    expect(headers['content-length']).toBe(String(Buffer.byteLength(text)));
  });

  it('keep every byte of what is shown', async () => {
    const item = '{"name" : "read_a","x":1e400,"maximum":9223372036854775807,"\\u00e9":"\\u0041"}';
    const body = (items: string): string =>
      ` {"jsonrpc":"2.0","id":1,"result" : {"tools" :${items} , "nextCursor":"\\u0041"}}\n`;
    const { text } = await ask('tools/list', json(body(`[ {"name":"no"}, ${item} ,{"name":"no2"}]`)));
    expect(text).toBe(body(`[${item}]`));
    const same = body(`[ ${item} ]`);
    expect((await ask('tools/list', json(same))).text).toBe(same);
  });

  it.each([
    ['prompts/list', 'prompts', 'name', ['greet', 'other'], ['greet']],
    [
      'resources/list',
      'resources',
      'uri',
      ['file:///public/a', 'file:///x', 'file:///public/../x'],
      ['file:///public/a'],
    ],
    [
      'resources/templates/list',
      'resourceTemplates',
      'uriTemplate',
      ['file:///public/{a}', 'file:///{a}'],
      ['file:///public/{a}'],
    ],
  ])('%s shows what may be used', async (method, member, key, all, kept) => {
    const list = (names: readonly string[]): string =>
      JSON.stringify({ jsonrpc: '2.0', id: 1, result: { [member]: names.map((name) => ({ [key]: name })) } });
    expect((await ask(method, json(list(all)))).text).toBe(list(kept));
  });

  it('are empty where nothing may be used', async () => {
    expect((await ask('tools/list', json(toolList(1, ['x', 'y'])))).text).toBe(toolList(1, []));
  });

  it('hide what has no name', async () => {
    const body =
      '{"jsonrpc":"2.0","id":1,"result":{"tools":[{"title":"x"},7,null,{"name":7},[{"name":"list"}]]}}';
    const { text } = await ask('tools/list', json(body));
    expect(text).toBe('{"jsonrpc":"2.0","id":1,"result":{"tools":[]}}');
  });

  it('are looked for whatever was asked, since a client chooses its ids', async () => {
    const call = '{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"list"}}';
    for (const body of [toolList(7), toolList(8), `[${toolList(1)},${toolList('1')}]`]) {
      path.upstream.answer = json(body);
      const answer = await path.call({ body: call });
      expect(await answer.text()).toBe(
        body
          .replaceAll(/\{"name":"(?:delete_a|read_secret|LIST| list)",.*?\}\},?/g, '')
          .replaceAll(',]', ']'),
      );
    }
  });

  it('leave other answers alone', async () => {
    const body =
      '{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"\\u0022tools\\u0022"}],"tools":"x"}}';
    expect((await ask('tools/call', json(body))).status).toBe(400);
    path.upstream.answer = json(body);
    const answer = await path.call({
      body: '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"list"}}',
    });
    expect(await answer.text()).toBe(body);
    const error = '{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"no tools"}}';
    expect((await ask('tools/list', json(error))).text).toBe(error);
    const unavailable = await ask(
      'tools/list',
      reply(503, { 'content-type': 'application/json' }, '{"tools'),
    );
    expect([unavailable.status, unavailable.text]).toEqual([503, '{"tools']);
  });

  it.each<[string, Answer]>([
    ['cut off', json(toolList(1).slice(0, -5))],
    [
      'with a name twice',
      json('{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"x"}]},"result":{"tools":[]}}'),
    ],
    [
      'with a name twice in an item',
      json('{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"x","name":"list"}]}}'),
    ],
    [
      'with an escaped member',
      json(String.raw`{"jsonrpc":"2.0","id":1,"result":{"tools":[],"\u0074ools2":[]}}`),
    ],
    ['that is none', json('{"jsonrpc":"2.0","id":1,"result":{}}')],
    ['that is no JSON', json('NaN {"tools":[]}')],
    [
      'in no UTF-8',
      json(Buffer.from('{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"\xff"}]}}', 'latin1')),
    ],
    ['compressed', json(gzipSync(toolList(1)), { 'content-encoding': 'gzip' })],
    ['in another form', json(`tools: ${toolList(1)}`, { 'content-type': 'text/plain' })],
  ])('%s do not leave the house', async (_, answer) => {
    const { status, text } = await ask('tools/list', answer);
    expect(status).toBe(502);
    expect(JSON.parse(text)).toMatchObject({ jsonrpc: '2.0', id: 1, error: { code: -32603 } });
    expect(text).not.toContain('name');
  });

  it.each(['application/json', 'text/event-stream'])(
    'do not hide in a compressed answer to something else, as %s',
    async (type) => {
      const text = type === 'application/json' ? toolList(1) : `data: ${toolList(1)}\n\n`;
      path.upstream.answer = json(gzipSync(text), { 'content-type': type, 'content-encoding': 'gzip' });
      const answer = await path.call({
        body: '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"list"}}',
      });
      expect(answer.status).toBe(502);
    },
  );

  it('in a stream are told as they are in JSON, and all other events are the bytes that came', async () => {
    const before =
      ': hello\n\nid: 1\ndata: \n\nevent: message\ndata: {"jsonrpc":"2.0","method":"notifications/message","params":{}}\n\n';
    const after = 'id: 3\r\nretry: 10\r\n\r\n';
    const list = `id: 2\nevent: message\ndata: ${toolList(1)}\n\n`;
    const { headers, text } = await ask('tools/list', events(before + list + after));
    expect(headers['content-length']).toBeUndefined();
    expect(text).toBe(`${before}id: 2\nevent: message\ndata: ${toolList(1, shown)}\n\n${after}`);
  });

  it('in a stream are told however it is cut, and in however many lines', async () => {
    const pretty = JSON.stringify(JSON.parse(toolList(1)), undefined, 1);
    const stream = `id: 9\r\n${pretty
      .split('\n')
      .map((line) => `data: ${line}\r\n`)
      .join('')}: c\r\n\r\ndata: {"jsonrpc":"2.0","id":5,"result":{}}\r\n\r\n`;
    let expected: string | undefined;
    for (const size of [1, 2, 3, 7, 50, 10_000]) {
      const pieces = stream.match(new RegExp(`[^]{1,${size}}`, 'g')) ?? [];
      const { text } = await ask('tools/list', events(...pieces));
      expected ??= text;
      expect(text).toBe(expected);
      expect(text).not.toContain('delete');
      const data = text
        .split('\n')
        .filter((line) => line.startsWith('data: '))
        .map((line) => line.slice(6).trim());
      expect(JSON.parse(data.slice(0, -1).join('\n'))).toEqual(JSON.parse(toolList(1, shown)));
      expect(text.startsWith('id: 9\n')).toBe(true);
      expect(text.endsWith('data: {"jsonrpc":"2.0","id":5,"result":{}}\r\n\r\n')).toBe(true);
    }
  });

  it('at the end of a stream are told although nothing ends them', async () => {
    const { text } = await ask('tools/list', events(`data: ${toolList(1)}`));
    expect(text).toBe(`data: ${toolList(1, shown)}\n\n`);
  });

  it.each([
    ['no JSON', `data: NaN ${toolList(1)}\n\n`],
    ['a name twice', 'data: {"id":1,"result":{"tools":[{"name":"x"}]},"result":{}}\n\n'],
  ])('in a stream that are %s become an error', async (_, event) => {
    const { text } = await ask('tools/list', events(': hi\n\n', event, 'data: more\n\n'), 'a');
    expect(text).toMatch(
      /^: hi\n\ndata: \{"jsonrpc":"2\.0","id":"a","error":\{"code":-32603,"message":"[^"]*"\}\}\n\n$/,
    );
  });

  it('that come again on a stream of GET are told the same', async () => {
    path.upstream.answer = events(`id: 4\ndata: ${toolList(1)}\n\n`);
    const stream = await path.call({ method: 'GET', headers: { 'last-event-id': '3' } });
    expect(await stream.text()).toBe(`id: 4\ndata: ${toolList(1, shown)}\n\n`);
  });

  it('end a stream of GET that cannot be told', async () => {
    path.upstream.answer = events(`data: {"x":1}\n\n`, `data: {"id":1,"result":{"tools":[}}\n\n`);
    // Whether the first event is out when the connection is cut is nobody's promise.
    const read = async (): Promise<string> => (await path.call({ method: 'GET' })).text();
    await expect(read()).rejects.toThrow();
  });

  it('follow the rules that are in force, on a stream that was open before', async () => {
    let say: (text: string) => void = () => undefined;
    path.upstream.answer = async (request, socket) => {
      await request.complete;
      socket.write('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n');
      say = (text) => socket.write(text);
    };
    const stream = await path.call({ method: 'GET' });
    path.replacePolicy({ otherwise: 'deny', rules: [] });
    say(`data: ${toolList(1)}\n\n`);
    const [first] = (await stream.message.take(1).toArray()) as Buffer[];
    expect(first?.toString()).toBe(`data: ${toolList(1, [])}\n\n`);
    path.replacePolicy(fileRules);
    stream.message.destroy();
  });

  it('of the transport of 2024 pass, too', async () => {
    const endpoint = 'event: endpoint\ndata: /mcp/messages?sessionId=1\n\n';
    path.upstream.answer = events(endpoint, `event: message\ndata: ${toolList(1)}\n\n`);
    const stream = await path.call({ method: 'GET' });
    expect(await stream.text()).toBe(`${endpoint}event: message\ndata: ${toolList(1, shown)}\n\n`);
  });

  it('break with an upstream that breaks, and nothing of them gets out', async () => {
    const { status, text } = await ask(
      'tools/list',
      replyRaw('HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 5\r\n\r\n{"too'),
    );
    expect([status, text]).toEqual([502, expect.stringContaining('cannot be checked')]);
    path.upstream.answer = async (request, socket) => {
      await request.complete;
      socket.end('HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n{"tools');
    };
    const broken = await path.call({ body: '{"jsonrpc":"2.0","id":1,"method":"tools/list"}' });
    expect([broken.status, (await broken.text()).includes('tools')]).toEqual([502, false]);
  });
});
