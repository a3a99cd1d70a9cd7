import { describe, expect, it } from 'vitest';

import { findRuns, hasTitle, type RanTest } from './test-titles.ts';

const source = `
describe('a door', () => {
  it('opens', async () => {});
  it.each([1])(
    'is %s of %i',
    () => {},
  );
  it("keeps a guest's coat", () => {});
});`;

function ran(titles: readonly string[], passed = true): RanTest {
  return { file: 'door.test.ts', titles, passed };
}

describe('hasTitle', () => {
  it.each(['opens', 'is %s of %i', "keeps a guest's coat", 'a door › opens'])('finds %s', (title) => {
    expect(hasTitle(source, title)).toBe(true);
  });

  it.each(['open', 'closes', 'a window › opens', 'is 1 of 2', ''])('does not find %j', (title) => {
    expect(hasTitle(source, title)).toBe(false);
  });
});

describe('findRuns', () => {
  const tests = [
    ran(['a door', 'opens']),
    ran(['a window', 'opens'], false),
    ran(['a door', 'is (red) of 2']),
    ran(['a door', 'is blue of 3']),
  ];

  it('finds every test of that title', () => {
    expect(findRuns(tests, 'opens')).toHaveLength(2);
    expect(findRuns(tests, 'a door › opens')).toEqual([tests[0]]);
  });

  it('finds every row of a table', () => {
    expect(findRuns(tests, 'is %s of %i')).toEqual([tests[2], tests[3]]);
    expect(findRuns(tests, 'is $colour of ${count}')).toHaveLength(2);
  });

  it('finds nothing that only begins like it', () => {
    expect(findRuns(tests, 'open')).toEqual([]);
    expect(findRuns(tests, 'is (red) of')).toEqual([]);
  });
});
