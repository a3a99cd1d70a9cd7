import { describe, expect, it } from 'vitest';

import { checkClientResource, limitScope } from './client-limits.ts';

const known = {
  declared: [
    { name: 'read', includes: [] },
    { name: 'write', includes: ['read'] },
  ],
  defaults: ['read'],
};

describe('limits of a client', () => {
  it('let a client without any use every resource, and one with a list those of the list', () => {
    expect(() => checkClientResource({}, 'https://a.test/mcp')).not.toThrow();
    expect(() =>
      checkClientResource({ resources: ['https://a.test/mcp'] }, 'https://a.test/mcp'),
    ).not.toThrow();
    expect(() => checkClientResource({ resources: [] }, 'https://a.test/mcp')).toThrow(
      expect.objectContaining({ code: 'invalid_target', reason: 'client_resource_refused' }),
    );
  });

  it('leave of the scopes what is within each of them, included ones as well', () => {
    expect(limitScope(['read', 'write'], [undefined], known)).toEqual(['read', 'write']);
    expect(limitScope(['read', 'write'], [['write']], known)).toEqual(['read', 'write']);
    expect(limitScope(['read', 'write'], [['write'], ['read']], known)).toEqual(['read']);
  });

  it('refuse when nothing is left, unless there was nothing to ask for', () => {
    expect(() => limitScope(['write'], [['read']], known)).toThrow(
      expect.objectContaining({ code: 'invalid_scope', reason: 'client_scope_refused' }),
    );
    expect(limitScope([], [['read']], { declared: [], defaults: [] })).toEqual([]);
  });
});
