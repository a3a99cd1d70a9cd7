import { describe, expect, it } from 'vitest';

import { addInheritedGroups } from './inherited-groups.ts';

const source = { groupsClaim: 'groups_direct' };

function groupsOf(groups: unknown, asked: readonly string[]): unknown {
  return addInheritedGroups({ sub: '1', groups_direct: groups }, source, asked)['groups_direct'];
}

describe('addInheritedGroups', () => {
  it.each<[string, readonly string[], readonly string[], readonly string[]]>([
    ['a group below', ['example'], ['example/mcp'], ['example', 'example/mcp']],
    ['a group far below', ['example'], ['example/a/b/c'], ['example', 'example/a/b/c']],
    ['a group that is there anyway', ['example', 'example/mcp'], ['example/mcp'], ['example', 'example/mcp']],
    ['a group above', ['example/mcp'], ['example'], ['example/mcp']],
    ['a group beside', ['example/mcp'], ['example/ops'], ['example/mcp']],
    ['a path that begins with the same letters', ['example'], ['example-evil/mcp', 'examples'], ['example']],
    ['another case', ['example'], ['Example/mcp'], ['example']],
    ['a group of the same name elsewhere', ['evil/example'], ['example/mcp'], ['evil/example']],
    ['nothing that nobody asks about', ['example'], [], ['example']],
  ])('sees %s', (_, groups, asked, expected) => {
    expect(groupsOf(groups, asked)).toEqual(expected);
  });

  it.each([undefined, null, [], '', { example: true }, ['example', 7]])(
    'adds nothing to what says no groups: %j',
    (groups) => {
      expect(groupsOf(groups, ['example/mcp', '/mcp'])).toEqual(groups);
    },
  );

  it('takes one name for a list', () => {
    expect(groupsOf('example', ['example/mcp'])).toEqual(['example', 'example/mcp']);
  });
});
