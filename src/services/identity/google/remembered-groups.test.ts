import { beforeEach, describe, expect, it } from 'vitest';

import { FakeClock } from '../../../../test/support/fake-clock.ts';
import { createRememberedGroups, type RememberedGroups } from './remembered-groups.ts';

describe('createRememberedGroups', () => {
  let clock: FakeClock;
  let groups: RememberedGroups;

  beforeEach(() => {
    clock = new FakeClock();
    groups = createRememberedGroups(clock);
  });

  it('knows for a minute what is around a group, also that nothing is', () => {
    groups.put('staff@example.com', ['everybody@example.com']);
    groups.put('mcp@example.com', []);
    clock.advance(59);
    expect(groups.find('staff@example.com')).toEqual(['everybody@example.com']);
    expect(groups.find('mcp@example.com')).toEqual([]);
    clock.advance(1);
    expect(groups.find('staff@example.com')).toBeUndefined();
  });

  it('knows nothing from a time that has not come', () => {
    groups.put('staff@example.com', []);
    clock.advance(-10);
    expect(groups.find('staff@example.com')).toBeUndefined();
  });

  it('lets go of the groups that are in one that is not there any more', () => {
    groups.put('staff@example.com', ['everybody@example.com', 'world@example.com']);
    groups.put('mcp@example.com', ['tools@example.com']);
    expect(groups.forgetThoseIn(new Set(['nobody@example.com']))).toBe(false);
    expect(groups.forgetThoseIn(new Set(['world@example.com']))).toBe(true);
    expect(groups.find('staff@example.com')).toBeUndefined();
    expect(groups.find('mcp@example.com')).toEqual(['tools@example.com']);
  });

  it('forgets the oldest when there are too many', () => {
    for (let index = 0; index <= 5_000; index += 1) groups.put(`list-${index}@example.com`, []);
    expect(groups.find('list-0@example.com')).toBeUndefined();
    expect(groups.find('list-1@example.com')).toEqual([]);
  });
});
