import { describe, expect, it } from 'vitest';

import {
  expandScope,
  findScopeCycle,
  isScopeToken,
  narrowGranted,
  requestScope,
  uniteScope,
} from './scope.ts';

const vocabulary = {
  declared: [
    { name: 'files:read', includes: [] },
    { name: 'files:write', includes: ['files:read'] },
    { name: 'admin', includes: ['files:write', 'mail'] },
    { name: 'mail', includes: [] },
  ],
  defaults: ['files:read'],
};
const nothing = { declared: [], defaults: [] };

describe('requestScope (RFC 6749 §3.3)', () => {
  it.each<[string | undefined, readonly string[]]>([
    [undefined, ['files:read']],
    ['', ['files:read']],
    ['   ', ['files:read']],
    ['files:write', ['files:write']],
    ['mail files:read', ['files:read', 'mail']],
    ['mail mail', ['mail']],
    ['  mail  ', ['mail']],
    ['mail nonsense', ['mail']],
    ['mail offline_access', ['mail', 'offline_access']],
    ['openid profile email', ['files:read']],
    ['offline_access', ['files:read', 'offline_access']],
    [`mail ${'x'.repeat(1019)}`, ['mail']],
  ])('takes %j for %j', (requested, scope) => {
    expect(requestScope(requested, vocabulary)).toEqual(scope);
  });

  it.each(['nonsense', 'FILES:READ', 'files:rea', 'nonsense openid', '*', 'files:*'])(
    'refuses %j, of which nothing exists',
    (requested) => {
      expect(() => requestScope(requested, vocabulary)).toThrow(
        expect.objectContaining({ code: 'invalid_scope', reason: 'scope_unknown', status: 400 }),
      );
    },
  );

  it('has none of a resource without scopes, whatever is asked', () => {
    expect(requestScope(undefined, nothing)).toEqual([]);
    expect(requestScope('admin', nothing)).toEqual([]);
    expect(requestScope('admin offline_access', nothing)).toEqual(['offline_access']);
  });

  it.each(['a"b', String.raw`a\b`, 'a\nb', 'a\tb', 'é', 'a\0', '\u007f', 'x'.repeat(1025)])(
    'refuses %j',
    (requested) => {
      for (const known of [vocabulary, nothing]) {
        expect(() => requestScope(requested, known)).toThrow(
          expect.objectContaining({ code: 'invalid_scope', reason: 'scope_invalid', status: 400 }),
        );
      }
    },
  );
});

describe('narrowGranted (RFC 6749 §6)', () => {
  it.each<[string | undefined, readonly string[], readonly string[]]>([
    [undefined, ['files:read', 'mail'], ['files:read', 'mail']],
    [' ', ['files:read', 'mail'], ['files:read', 'mail']],
    ['mail', ['files:read', 'mail'], ['mail']],
    ['files:read', ['files:write'], ['files:read']],
    ['mail files:read', ['admin'], ['mail', 'files:read']],
    ['mail nonsense', ['mail'], ['mail']],
    ['openid', ['mail'], ['mail']],
    ['offline_access', ['mail'], ['mail']],
    ['mail offline_access', ['mail', 'offline_access'], ['mail', 'offline_access']],
    // Declared no more, and granted once.
    ['gone', ['gone', 'mail'], ['gone']],
    ['admin', [], []],
    ['admin', ['offline_access'], ['offline_access']],
  ])('takes %j of %j for %j', (requested, granted, scope) => {
    const narrowed = narrowGranted(requested, granted, vocabulary);

    expect([...narrowed].sort()).toEqual([...scope].sort());
  });

  it.each([
    ['files:write', ['files:read']],
    ['files:read mail', ['files:read']],
    ['admin', ['files:write', 'mail']],
    ['nonsense', ['mail']],
  ])('refuses %j when %j was granted', (requested, granted) => {
    expect(() => narrowGranted(requested, granted, vocabulary)).toThrow(
      expect.objectContaining({ code: 'invalid_scope', reason: 'scope_exceeded', status: 400 }),
    );
  });
});

describe('expandScope (MCP 2026-07-28 "Step-Up Authorization Flow")', () => {
  it('has what is included, and what that includes', () => {
    expect([...expandScope(['admin'], vocabulary)]).toEqual(['admin', 'files:write', 'mail', 'files:read']);
    expect([...expandScope(['files:read'], vocabulary)]).toEqual(['files:read']);
    expect([...expandScope(['gone', 'offline_access'], vocabulary)]).toEqual(['gone', 'offline_access']);
  });

  it('ends, whatever leads where', () => {
    const round = {
      declared: [
        { name: 'a', includes: ['b'] },
        { name: 'b', includes: ['a', 'b'] },
      ],
    };
    expect([...expandScope(['a'], round)]).toEqual(['a', 'b']);
  });
});

describe('uniteScope (MCP 2026-07-28 "Scope Challenge Handling")', () => {
  it('names what is there and what is needed, each once, in one order', () => {
    expect(uniteScope(['mail', 'files:read'], ['files:write', 'mail'], vocabulary)).toEqual([
      'files:read',
      'files:write',
      'mail',
    ]);
  });

  it('never names what is no scope of the resource', () => {
    expect(uniteScope(['offline_access', 'gone'], ['mail'], vocabulary)).toEqual(['mail']);
  });
});

describe('findScopeCycle', () => {
  it('finds the way back to a scope', () => {
    const declared = [
      { name: 'x', includes: ['a'] },
      { name: 'a', includes: ['b'] },
      { name: 'b', includes: ['c'] },
      { name: 'c', includes: ['a'] },
    ];
    expect(findScopeCycle(declared)).toEqual(['a', 'b', 'c', 'a']);
    expect(findScopeCycle([{ name: 'a', includes: ['a'] }])).toEqual(['a', 'a']);
  });

  it('finds none where two ways lead to one scope', () => {
    expect(findScopeCycle(vocabulary.declared)).toBeUndefined();
  });
});

describe('isScopeToken (RFC 6749 §3.3)', () => {
  it.each(['files:read', 'https://a.example/x', '!', '~'])('takes %j', (name) => {
    expect(isScopeToken(name)).toBe(true);
  });

  it.each(['', 'a b', 'a"', 'a\\', 'é', 'x'.repeat(257)])('refuses %j', (name) => {
    expect(isScopeToken(name)).toBe(false);
  });
});
