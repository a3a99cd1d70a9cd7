import { describe, expect, it } from 'vitest';

import { load } from '../../../test/support/configuration.ts';

const environment = { UPSTREAM_MCP_URL: undefined, GATEHOUSE_CONFIG: 'g.yaml' };

/** Whether the operator hears that every account may enter. */
function isWarned(entry: object | undefined, ...entries: readonly (object | undefined)[]): boolean {
  const mounts = entries.map((its, index) => ({
    name: `m${index}`,
    url: `/m${index}`,
    upstream: 'http://127.0.0.1:3000/mcp',
    entry: its,
  }));
  const { warnings } = load(environment, { 'g.yaml': JSON.stringify({ mounts, entry }) });
  return warnings.some(({ event }) => event === 'allowed_groups_unset');
}

describe('the warning that every account may enter', () => {
  const staff = { groups: { any: ['staff'] } };

  it.each([
    staff,
    { groups: { all: ['staff'] } },
    { emails: { allow: ['ann@example.com'] } },
    { domains: { allow: ['example.com'] } },
    { subjects: { allow: ['ann'] } },
  ])('is not given where rules name who may: %j', (entry) => {
    expect(isWarned(entry, undefined)).toBe(false);
    expect(isWarned(undefined, entry, staff)).toBe(false);
  });

  it.each([undefined, { groups: { none: ['x'] } }, { domains: { deny: ['x.test'] } }, { amr: ['mfa'] }])(
    'is given where they do not: %j',
    (entry) => {
      expect(isWarned(entry, undefined)).toBe(true);
      expect(isWarned(undefined, entry, staff)).toBe(true);
    },
  );
});
