import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { type AttackedHouse, lanes, startAttackedHouse } from '../support/attacked-house.ts';
import { fileRules, policyRule } from '../support/policy-rules.ts';
import {
  chunk,
  type RecordingUpstream,
  reply,
  replyJson,
  startRecordingUpstream,
} from '../support/recording-upstream.ts';

const allowed = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"read_a"}}';
const version = 'io.modelcontextprotocol/protocolVersion';

function call(name: unknown, extra = ''): string {
  return `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":${JSON.stringify(name)}${extra}}}`;
}

function modern(method: string, params: object, said = '2026-07-28'): string {
  return JSON.stringify({
    jsonrpc: '2.0',
    id: 'q',
    method,
    params: { ...params, _meta: { [version]: said } },
  });
}

/** Every attempt is made by Alice, who may call `read_*` and nothing that the others try to reach. */
describe.each(lanes)('the policy of a mount, on the %s', (_lane, env) => {
  let house: AttackedHouse<RecordingUpstream>;

  beforeAll(async () => {
    house = await startAttackedHouse(await startRecordingUpstream(), env, {
      mounts: (only) => [{ ...only, policy: fileRules }],
    });
  });

  beforeEach(() => {
    house.upstream.answer = replyJson({ jsonrpc: '2.0', id: 1, result: {} });
  });

  afterAll(async () => {
    expect(house.internalErrors()).toEqual([]);
    await house.close();
  });

  async function send(body: string | Buffer, headers: Record<string, string> = {}) {
    const before = house.upstream.requests.length;
    const answer = await house.call({ body, headers });
    const text = await answer.text();
    return { status: answer.status, text, forwarded: house.upstream.requests.length - before };
  }

  it('186–188: a call that is allowed arrives as it was sent', async () => {
    const body = `\n${allowed}\r\n`;
    expect(await send(body)).toMatchObject({ status: 200, forwarded: 1 });
    expect(house.upstream.requests.at(-1)?.body()).toBe(body);
  });

  describe('186: header and body disagree', () => {
    const good = { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call', 'mcp-name': 'read_a' };
    const body = modern('tools/call', { name: 'read_a' });
    const encoded = (text: string): string => `=?base64?${Buffer.from(text).toString('base64')}?=`;

    it('passes what agrees, encoded where it has to be', async () => {
      expect((await send(body, good)).status).toBe(200);
      const name = 'read_ünï';
      const headers = { ...good, 'mcp-name': encoded(name) };
      expect((await send(modern('tools/call', { name }), headers)).status).toBe(200);
      expect((await send(body, { ...good, 'mcp-name': encoded('read_a') })).status).toBe(200);
      const uri = { ...good, 'mcp-method': 'resources/read', 'mcp-name': 'file:///public/a' };
      expect((await send(modern('resources/read', { uri: 'file:///public/a' }), uri)).status).toBe(200);
    });

    it.each<[string, string, Record<string, string | undefined>]>([
      ['another method', body, { 'mcp-method': 'tools/list' }],
      ['a method in another case', body, { 'mcp-method': 'Tools/call' }],
      ['no method', body, { 'mcp-method': undefined }],
      ['another name', body, { 'mcp-name': 'read_b' }],
      ['a name in another case', body, { 'mcp-name': 'READ_A' }],
      ['no name', body, { 'mcp-name': undefined }],
      ['another version', body, { 'mcp-protocol-version': '2025-11-25' }],
      ['a later version', body, { 'mcp-protocol-version': '2027-01-01' }],
      ['no version', body, { 'mcp-protocol-version': undefined }],
      ['another name, encoded', body, { 'mcp-name': encoded('read_b') }],
      [
        'a name that is not encoded and looks so',
        modern('tools/call', { name: encoded('read_a') }),
        { 'mcp-name': encoded('read_a') },
      ],
      ['base64 without its end', body, { 'mcp-name': '=?base64?cmVhZF9h' }],
      ['base64 with a space', body, { 'mcp-name': '=?base64?cmVh ZF9h?=' }],
      [
        'base64 with spare bits',
        modern('tools/call', { name: 'read_ab' }),
        { 'mcp-name': '=?base64?cmVhZF9hYh==?=' },
      ],
      [
        'base64 without padding',
        modern('tools/call', { name: 'read_ab' }),
        { 'mcp-name': '=?base64?cmVhZF9hYg?=' },
      ],
      [
        'base64 of no UTF-8 that is replaced',
        modern('tools/call', { name: 'read_\ufffd' }),
        { 'mcp-name': '=?base64?cmVhZF//?=' },
      ],
      ['base64 of no UTF-8', body, { 'mcp-name': '=?base64?/w==?=' }],
      ['markers in another case', body, { 'mcp-name': '=?BASE64?cmVhZF9h?=' }],
      ['bytes beyond ASCII', modern('tools/call', { name: 'read_é' }), { 'mcp-name': 'read_é' }],
      ['a batch', `[${allowed}]`, { 'mcp-protocol-version': undefined, 'mcp-name': undefined }],
      ['an older revision', allowed, { 'mcp-protocol-version': '2025-06-18', 'mcp-name': 'read_b' }],
      ['no revision', allowed, { 'mcp-protocol-version': undefined, 'mcp-method': 'tools/list' }],
      ['a header alone says the revision', allowed, { 'mcp-method': undefined }],
    ])('%s is refused with -32020', async (_, sent, changes) => {
      const headers = Object.fromEntries(
        Object.entries({ ...good, ...changes }).filter(
          (entry): entry is [string, string] => entry[1] !== undefined,
        ),
      );
      const { status, text, forwarded } = await send(sent, headers);
      expect([status, forwarded]).toEqual([400, 0]);
      const { id } = JSON.parse(sent) as { id?: unknown };
      expect(JSON.parse(text)).toEqual({
        jsonrpc: '2.0',
        ...(id === undefined ? {} : { id }),
        error: {
          code: -32_020,
          message: expect.stringMatching(/^(?:MCP-Protocol-Version|Mcp-Method|Mcp-Name) /),
        },
      });
    });

    it('decides by the body, whatever the headers say', async () => {
      const headers = { 'mcp-method': 'tools/call', 'mcp-name': 'read_a' };
      for (const said of ['2026-07-28', '2025-06-18']) {
        const { status, forwarded } = await send(call('delete'), {
          ...headers,
          'mcp-protocol-version': said,
        });
        expect([status, forwarded]).toEqual([400, 0]);
      }
      const denied = await send(modern('tools/call', { name: 'delete' }), { ...good, 'mcp-name': 'delete' });
      expect([denied.status, denied.forwarded]).toEqual([403, 0]);
    });

    it.each(['mcp-method: tools/list', 'Mcp-Name: delete', 'mcp-protocol-version: 2025-03-26'])(
      'a second line is refused: %s',
      async (line) => {
        const raw = house.connect();
        const before = house.upstream.requests.length;
        const lines = Object.entries(good).map(([name, value]) => `${name}: ${value}`);
        raw.socket.write(
          [
            'POST /mcp HTTP/1.1',
            'Host: gatehouse.test',
            `Authorization: Bearer ${house.issue()}`,
            'Content-Type: application/json',
            `Content-Length: ${Buffer.byteLength(body)}`,
            ...lines,
            line,
            '',
            body,
          ].join('\r\n'),
        );
        await raw.until(/^HTTP\/1\.1 400 /);
        expect(house.upstream.requests.length).toBe(before);
        raw.socket.destroy();
      },
    );
  });

  describe('187: bodies that two parsers read differently', () => {
    it.each([
      [
        'a method twice',
        '{"jsonrpc":"2.0","id":1,"method":"tools/call","method":"ping","params":{"name":"delete"}}',
      ],
      ['a method twice, the good one last', '{"jsonrpc":"2.0","id":1,"method":"tasks/get","method":"ping"}'],
      [
        'a name twice',
        '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"delete","name":"read_a"}}',
      ],
      [
        'params twice',
        '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"delete"},"params":{"name":"read_a"}}',
      ],
      [
        'a name twice, once escaped',
        String.raw`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"read_a","n\u0061me":"delete"}}`,
      ],
      ['an escaped member', String.raw`{"jsonrpc":"2.0","id":1,"m\u0065thod":"ping"}`],
      [
        'an escaped name of a param',
        String.raw`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"n\u0061me":"read_a"}}`,
      ],
      ['an argument twice', call('read_a', ',"arguments":{"path":"a","path":"b"}')],
      [
        'an escaped member of a reference',
        String.raw`{"jsonrpc":"2.0","id":1,"method":"completion/complete","params":{"ref":{"type":"ref/prompt","name":"greet","\u0075ri":"x"}}}`,
      ],
      [
        'another case',
        '{"jsonrpc":"2.0","id":1,"method":"ping","Method":"tools/call","params":{"name":"delete"}}',
      ],
      [
        'another case of a param',
        '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"read_a","Name":"delete"}}',
      ],
      [
        'another case of params',
        '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"read_a"},"PARAMS":{"name":"delete"}}',
      ],
      [
        'a letter that folds to another',
        '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"read_a"},"param\u017F":{"name":"delete"}}',
      ],
      [
        'another case in a reference',
        '{"jsonrpc":"2.0","id":1,"method":"completion/complete","params":{"ref":{"type":"ref/prompt","name":"greet","NAME":"x"}}}',
      ],
      ['a byte order mark', `\uFEFF${allowed}`],
      ['a document behind it', `${allowed}${call('delete')}`],
      ['a document behind it, in a line', `${allowed}\n${call('delete')}`],
      ['a NUL behind it', `${allowed}\0`],
      ['a comment', `${allowed}/* */`],
      ['NaN', call('read_a', ',"x":NaN')],
      ['single quotes', allowed.replaceAll('"', "'")],
      ['a trailing comma', call('read_a', ',')],
      ['nesting without end', call('read_a', `,"x":${'['.repeat(5000)}${']'.repeat(5000)}`)],
      ['more values than anybody needs', call('read_a', `,"x":[${'0,'.repeat(120_000)}0]`)],
      ['no object', '"tools/call"'],
      ['null', 'null'],
      ['nothing', ''],
      ['no version', '{"id":1,"method":"ping"}'],
      ['another version', '{"jsonrpc":"1.0","id":1,"method":"ping"}'],
      ['an id that is an object', '{"jsonrpc":"2.0","id":{},"method":"ping"}'],
      ['an id that is null', '{"jsonrpc":"2.0","id":null,"method":"ping"}'],
      ['params in a list', '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":["delete"]}'],
      ['a method that is none', '{"jsonrpc":"2.0","id":1,"method":["ping"]}'],
      ['a method that is null', '{"jsonrpc":"2.0","id":1,"method":null,"result":{}}'],
      ['a request that is an answer', '{"jsonrpc":"2.0","id":1,"method":"ping","result":{}}'],
      ['neither', '{"jsonrpc":"2.0","id":1}'],
    ])('%s is refused', async (_, body) => {
      const { status, text, forwarded } = await send(body);
      expect([status, forwarded]).toEqual([400, 0]);
      expect(JSON.parse(text)).toMatchObject({ jsonrpc: '2.0', error: { code: expect.any(Number) } });
    });

    it.each([
      ['UTF-16', Buffer.from(allowed, 'utf16le')],
      ['Latin-1', Buffer.from(call('read_é'), 'latin1')],
      ['overlong UTF-8', Buffer.from(call('read_X').replace('X', '\xc0\xaf'), 'latin1')],
      ['half a character', Buffer.from(call('read_X').replace('X', '\xed\xa0\x80'), 'latin1')],
    ])('%s is refused', async (_, body) => {
      expect(await send(body)).toMatchObject({ status: 400, forwarded: 0 });
    });

    it.each([
      ['text/plain'],
      ['application/x-www-form-urlencoded'],
      ['application/json; charset=utf-16'],
      ['application/json; charset=utf-7'],
      ['application/json, text/plain'],
      ['application/json garbage'],
      ['application/vnd.api+json'],
      ['multipart/form-data; boundary=x'],
    ])('the type %s is refused', async (type) => {
      expect(await send(allowed, { 'content-type': type })).toMatchObject({ status: 415, forwarded: 0 });
    });

    it.each(['gzip', 'identity', 'br', 'x'])('the coding %s is refused', async (coding) => {
      expect(await send(allowed, { 'content-encoding': coding })).toMatchObject({
        status: 415,
        forwarded: 0,
      });
    });

    it('a call in a batch is seen, wherever it is', async () => {
      const good = Array.from({ length: 200 }, () => allowed);
      for (const at of [0, 100, 200]) {
        const body = `[${good.toSpliced(at, 0, call('delete')).join(',')}]`;
        expect(await send(body)).toMatchObject({ status: 403, forwarded: 0 });
      }
      for (const said of ['2025-06-18', '2025-11-25', '2026-07-28', '2025-03-27', 'x']) {
        const answer = await send(`[${allowed}]`, { 'mcp-protocol-version': said });
        expect(answer).toMatchObject({ status: 400, forwarded: 0 });
      }
    });

    it('a method is not overridden', async () => {
      const body = '{"jsonrpc":"2.0","id":1,"method":"ping"}';
      const headers = { 'x-http-method-override': 'DELETE', 'x-http-method': 'DELETE' };
      expect((await send(body, headers)).status).toBe(200);
      const heard = house.upstream.requests.at(-1);
      expect([heard?.method, heard?.header('x-http-method-override')]).toEqual(['POST', []]);
    });

    it('a body does not come with a GET or DELETE', async () => {
      const before = house.upstream.requests.length;
      for (const method of ['GET', 'DELETE']) {
        const body = call('delete');
        const headers = { 'content-length': String(body.length) };
        expect((await house.call({ method, body, headers })).status).toBe(400);
      }
      expect(house.upstream.requests.length).toBe(before);
    });

    it('chunks hide nothing', async () => {
      const before = house.upstream.requests.length;
      const raw = house.connect();
      raw.socket.write(
        `POST /mcp HTTP/1.1\r\nHost: gatehouse.test\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\nAuthorization: Bearer ${house.issue()}\r\n\r\n`,
      );
      raw.socket.write(chunk(allowed) + chunk(call('delete')));
      raw.socket.write('0\r\n\r\n');
      await raw.until(/^HTTP\/1\.1 400 /);
      expect(house.upstream.requests.length).toBe(before);
      raw.socket.destroy();
    });
  });

  it('187: one body does not ask for more than is judged in no time', async () => {
    const subscribe = (count: number): string =>
      JSON.stringify({
        jsonrpc: '2.0',
        id: 1,
        method: 'subscriptions/listen',
        params: { notifications: { resourceSubscriptions: Array(count).fill('file:///public/a') } },
      });
    expect(await send(subscribe(999))).toMatchObject({ status: 200, forwarded: 1 });
    for (const body of [subscribe(1000), `[${Array(1001).fill(allowed).join(',')}]`]) {
      const { status, text, forwarded } = await send(body);
      expect([status, forwarded]).toEqual([400, 0]);
      expect(JSON.parse(text)).toMatchObject({ error: { code: -32_600 } });
    }
  });

  describe('188: names that look like another', () => {
    it.each([
      'READ_A',
      'Read_a',
      ' read_a',
      'read_a ',
      'read_a\u0000',
      'read_a\n',
      'read_a\u00a0',
      'read_a\u2028',
      'read_a\ud800',
      '\uFEFFread_a',
      'read\u005Fsecret',
      'rea\u0064_secret',
      'read_secret ',
      'read_secret\u0000',
      '',
      7,
      null,
      ['read_a'],
      { toString: 'read_a' },
    ])('%j is not forwarded', async (name) => {
      const { status, forwarded } = await send(call(name));
      expect([400, 403]).toContain(status);
      expect(forwarded).toBe(0);
    });

    it('an escape in a name is read as what it means', async () => {
      expect(
        (
          await send(
            String.raw`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"re\u0061d_secret"}}`,
          )
        ).status,
      ).toBe(403);
      expect(
        (
          await send(
            String.raw`{"jsonrpc":"2.0","id":1,"method":"tools\/call","params":{"name":"re\u0061d_a"}}`,
          )
        ).status,
      ).toBe(200);
    });

    it.each([
      ['resources/read', { uri: 'tool://delete' }],
      ['resources/read', { uri: 'file:///public/../../etc/passwd' }],
      ['resources/read', { uri: 'file:///public/%2e%2e/etc' }],
      ['resources/subscribe', { uri: 'file:///etc' }],
      ['subscriptions/listen', { notifications: { resourceSubscriptions: ['file:///etc'] } }],
      ['subscriptions/listen', { notifications: { resourceSubscriptions: 'file:///etc' } }],
      ['completion/complete', { ref: { type: 'ref/tool', name: 'read_a' } }],
      ['completion/complete', { ref: { type: 'ref/resource', name: 'greet' } }],
      ['tasks/result', { taskId: '1' }],
      ['tasks/list', {}],
      ['tools/Call', { name: 'read_a' }],
      ['tools/call ', { name: 'read_a' }],
      ['TOOLS/CALL', { name: 'read_a' }],
      ['tools//call', { name: 'read_a' }],
      ['tools/call\u0000', { name: 'read_a' }],
      ['admin/anything', {}],
      ['__proto__', {}],
      ['constructor', {}],
    ])('%s with %j is no way around', async (method, params) => {
      const { status, forwarded } = await send(JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }));
      expect([400, 403]).toContain(status);
      expect(forwarded).toBe(0);
    });
  });

  it('193: the same rules hold for every version, named or not', async () => {
    for (const said of [
      '2024-11-05',
      '2025-03-26',
      '2025-06-18',
      '2025-11-25',
      '9999-99-99',
      'x',
      undefined,
    ]) {
      const headers: Record<string, string> = said === undefined ? {} : { 'mcp-protocol-version': said };
      const { status, forwarded } = await send(call('delete'), headers);
      expect([403, 400]).toContain(status);
      expect(forwarded).toBe(0);
    }
  });

  it('144: what a list hides cannot be called, and what it shows can', async () => {
    const names = ['read_a', 'delete', 'read_secret', 'list', 'Read_a', 'read_a '];
    house.upstream.answer = replyJson({
      jsonrpc: '2.0',
      id: 1,
      result: { tools: names.map((name) => ({ name })) },
    });
    const { text } = await send('{"jsonrpc":"2.0","id":1,"method":"tools/list"}');
    const { result } = JSON.parse(text) as { result: { tools: { name: string }[] } };
    const shown = result.tools.map(({ name }) => name);
    for (const name of names) {
      const { status } = await send(call(name));
      expect([name, status === 200]).toEqual([name, shown.includes(name)]);
    }
  });

  it('149: an id that was used twice brings no list where none was asked for', async () => {
    house.upstream.answer = replyJson({ jsonrpc: '2.0', id: 1, result: { tools: [{ name: 'delete' }] } });
    expect((await send(allowed)).text).toBe('{"jsonrpc":"2.0","id":1,"result":{"tools":[]}}');
  });

  it.each([
    ['DELETE', '{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"delete"}]}}', 200],
    ['DELETE', '[{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"delete"}]}}]', 200],
    ['DELETE', '{"result":{},"result":{"tools":[{"name":"delete"}]}}', 502],
    ['POST', '[[{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"delete"}]}}]]', 502],
  ])('149: to a %s, no list comes in %s', async (method, body, status) => {
    house.upstream.answer = reply(200, { 'content-type': 'application/json' }, body);
    const answer = await house.call(method === 'POST' ? { body: allowed } : { method });
    expect([answer.status, (await answer.text()).includes('delete')]).toEqual([status, false]);
  });

  it('204: events name what was asked for, cut to a length, and no arguments', async () => {
    house.events.length = 0;
    await send(call(`x${'y'.repeat(1000)}`, ',"arguments":{"password":"canary"}'));
    await send(
      '{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"db://x?token=canary#canary"}}',
    );
    await send('{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"db://me:canary@x/y@z"}}');
    const told = house.events.filter(({ type }) => type === 'policy_denied');
    expect(told).toMatchObject([
      { mount: 'default', kind: 'tool', method: 'tools/call', name: `x${'y'.repeat(127)}…` },
      { kind: 'resource', name: 'db://x' },
      { kind: 'resource', name: 'db://x/y@z' },
    ]);
    expect(JSON.stringify(told)).not.toContain('canary');
    expect(house.logged()).not.toContain('canary');
  });
});

describe('a mount that denies by name and allows the rest', () => {
  let house: AttackedHouse<RecordingUpstream>;

  beforeAll(async () => {
    const policy = {
      otherwise: 'allow' as const,
      rules: [
        policyRule({
          effect: 'deny',
          what: { tools: ['delete*'], resources: ['file:///secret*'] },
          except: [{ emailDomains: ['kelvin.test'] }],
        }),
      ],
    };
    house = await startAttackedHouse(
      await startRecordingUpstream(),
      {},
      { mounts: (only) => [{ ...only, policy }] },
    );
  });

  afterAll(async () => {
    await house.close();
  });

  it.each([
    ['tools/call', { name: 'delete' }],
    ['tools/call', { name: 'delete\u0000' }],
    ['tools/call', { name: ' delete' }],
    ['tools/call', { name: 'delete\ud800' }],
    ['resources/read', { uri: 'file:///secret' }],
    ['resources/read', { uri: 'FILE:///secret' }],
    ['resources/read', { uri: 'file:///%73ecret' }],
    ['resources/read', { uri: 'file:///%2573ecret' }],
    ['resources/read', { uri: 'file:///public/../secret' }],
    ['resources/read', { uri: 'file:///public/..%5csecret' }],
    ['resources/read', { uri: ' file:///secret' }],
    ['resources/read', { uri: 'file:/secret' }],
    ['resources/read', { uri: 'file:////secret' }],
    ['resources/read', { uri: 'file://localhost/secret' }],
    ['resources/read', { uri: String.raw`file:\\\secret` }],
    ['resources/read', { uri: 'file:///se%09cret' }],
    ['resources/read', { uri: 'file:///public/.%09./secret' }],
    ['resources/subscribe', { uri: 'file:/secret' }],
  ])('188: %s of %j is no way around', async (method, params) => {
    const answer = await house.call({ body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }) });
    expect([400, 403]).toContain(answer.status);
    expect(house.upstream.requests).toEqual([]);
  });

  it('188: a domain that folds to an excepted one is not excepted', async () => {
    const bearer = house.issue({ email: 'a@\u212Aelvin.test' });
    expect((await house.call({ body: call('delete'), bearer })).status).toBe(403);
    expect(house.upstream.requests).toEqual([]);
  });
});
