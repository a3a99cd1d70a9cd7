import { describe, expect, it } from 'vitest';

import { narrowScope } from './scope.ts';

describe('narrowScope (RFC 6749 §3.3)', () => {
  const grantable = ['mcp:read', 'mcp:write'];

  it.each<[string | undefined, readonly string[]]>([
    [undefined, grantable],
    ['mcp:read', ['mcp:read']],
    ['mcp:write mcp:read', grantable],
    ['mcp:read mcp:read', ['mcp:read']],
    ['  mcp:read  ', ['mcp:read']],
    ['mcp:read admin offline_access', ['mcp:read']],
    ['admin', []],
    ['MCP:READ', []],
    ['mcp:rea', []],
    ['', []],
    [`mcp:read ${'x'.repeat(1015)}`, ['mcp:read']],
  ])('narrows %j to %j', (requested, granted) => {
    expect(narrowScope(requested, grantable)).toEqual(granted);
  });

  it('grants nothing where nothing can be granted', () => {
    expect(narrowScope(undefined, [])).toEqual([]);
    expect(narrowScope('admin', [])).toEqual([]);
  });

  it.each(['a"b', String.raw`a\b`, 'a\nb', 'a\tb', 'é', 'a\0', '\u007f', 'x'.repeat(1025)])(
    'refuses %j',
    (requested) => {
      expect(() => narrowScope(requested, grantable)).toThrow(
        expect.objectContaining({ code: 'invalid_scope', reason: 'scope_invalid', status: 400 }),
      );
    },
  );
});
