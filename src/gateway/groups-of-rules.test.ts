import { describe, expect, it } from 'vitest';

import { load } from '../../test/support/configuration.ts';
import { listGroupsOfRules } from './groups-of-rules.ts';

const mount = { name: 'files', url: '/files/mcp', upstream: 'http://127.0.0.1:3000/mcp' };

function groupsOf(file: object): readonly string[] {
  const config = load(
    { GATEHOUSE_CONFIG: 'gatehouse.yaml', UPSTREAM_MCP_URL: undefined },
    { 'gatehouse.yaml': JSON.stringify(file) },
  );
  return [...listGroupsOfRules(config)].toSorted();
}

describe('listGroupsOfRules', () => {
  it('names those of entry rules, for all mounts and for one, whatever they do and whosever they are', () => {
    const elsewhere = { issuer: 'https://other.test', group: 'd' };
    expect(
      groupsOf({
        entry: { groups: { any: ['a'], none: ['b'] } },
        mounts: [{ ...mount, entry: { groups: { all: ['c', elsewhere] } } }],
      }),
    ).toEqual(['a', 'b', 'c', 'd']);
  });

  it('names those of policies, and of whom they leave out', () => {
    const policy = {
      default: 'deny',
      rules: [
        { name: 'one', allow: 'everything', to: [{ groups: ['a', 'b'] }, { clients: ['x'] }] },
        { name: 'two', deny: { tools: ['x'] }, except: { groups: ['c', 'a'] } },
        { name: 'three', deny: { tools: ['y'] } },
      ],
    };
    expect(groupsOf({ mounts: [{ ...mount, policy }] })).toEqual(['a', 'b', 'c']);
  });

  it('names none where there are no rules', () => {
    expect(groupsOf({ mounts: [mount] })).toEqual([]);
  });
});
