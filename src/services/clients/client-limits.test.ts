import { describe, expect, it } from 'vitest';

import { checkClientResource, limitScope } from './client-limits.ts';

const known = {
  declared: [
    { name: 'read', includes: [] },
    { name: 'write', includes: ['read'] },
  ],
  defaults: ['read'],
};

const refused = expect.objectContaining({
  code: 'invalid_target',
  reason: 'client_resource_refused',
}) as unknown as Error;

describe('limits of a client', () => {
  it('let a client without any use every resource, and one with a list those of the list', () => {
    const resource = { identifier: 'https://a.test/mcp' };

    expect(() => checkClientResource({}, resource)).not.toThrow();
    expect(() => checkClientResource({ resources: ['https://a.test/mcp'] }, resource)).not.toThrow();
    expect(() => checkClientResource({ resources: [] }, resource)).toThrow(refused);
  });

  it('know one of many resources by what they all are, and by that alone', () => {
    const family = 'https://*.mcp.test/mcp';
    const resource = { identifier: 'https://a.mcp.test/mcp', family };

    expect(() => checkClientResource({ resources: [family] }, resource)).not.toThrow();
    expect(() => checkClientResource({ resources: [resource.identifier] }, resource)).toThrow(refused);
    expect(() => checkClientResource({ resources: [family] }, { identifier: resource.identifier })).toThrow(
      refused,
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
