import { describe, expect, it } from 'vitest';

import { isPeekable, peekRpc } from './rpc-peek.ts';

function peek(value: unknown) {
  return peekRpc(Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)));
}

describe('a look into a JSON-RPC body', () => {
  it('sees method, tool and id', () => {
    expect(peek({ jsonrpc: '2.0', id: 7, method: 'tools/call', params: { name: 'get_weather' } })).toEqual({
      method: 'tools/call',
      tool: 'get_weather',
      id: '7',
      batch: false,
      toolCalls: ['get_weather'],
    });
  });

  it('sees no tool where none is called', () => {
    expect(peek({ id: 'a', method: 'prompts/get', params: { name: 'x' } })).toEqual({
      method: 'prompts/get',
      tool: undefined,
      id: 'a',
      batch: false,
      toolCalls: [],
    });
  });

  it.each([[['x']], [{ name: 5 }], [{}], [null], [undefined]])(
    'counts a call with params %j as unknown',
    (params) => {
      expect(peek({ id: 1, method: 'tools/call', params })).toMatchObject({
        tool: undefined,
        toolCalls: ['_unknown'],
      });
    },
  );

  it('joins a batch and lists its calls', () => {
    expect(
      peek([
        { id: 1, method: 'tools/list' },
        { id: 2, method: 'tools/call', params: { name: 'a' } },
        { id: 3, method: 'tools/call', params: { name: 'b' } },
        'junk',
      ]),
    ).toEqual({
      method: 'tools/list,tools/call,tools/call',
      tool: 'a,b',
      id: undefined,
      batch: true,
      toolCalls: ['a', 'b'],
    });
  });

  it('keeps what could break a log line or a label out', () => {
    expect(peek({ id: 'a\nb"', method: 'x\u202ey z', params: {} })).toMatchObject({
      id: 'a_b_',
      method: 'x_y_z',
    });
    expect(peek({ id: 1, method: 'm'.repeat(500) })?.method).toHaveLength(128);
    expect(peek({ id: 'i'.repeat(500), method: 'm' })?.id).toHaveLength(64);
  });

  it.each(['', '{', 'null', '5', '"x"', '[]', '[1,2]', '\ufeff{}', '[[[]]]', '['.repeat(60_000)])(
    'sees nothing in %.20j and does not mind',
    (body) => {
      expect(peek(body)).toBeUndefined();
    },
  );
});

describe('what is looked into', () => {
  it.each([
    ['application/json', 10, 100, true],
    ['Application/JSON; charset=utf-8', 10, 100, true],
    ['application/json', 101, 100, false],
    ['application/json', 10, 0, false],
    ['application/json', 0, 100, false],
    ['application/json', undefined, 100, false],
    ['application/jsonp', 10, 100, false],
    ['text/plain', 10, 100, false],
    [undefined, 10, 100, false],
  ])('type %j, %j bytes, cap %j: %j', (type, length, cap, expected) => {
    expect(isPeekable(type, length, cap)).toBe(expected);
  });
});
