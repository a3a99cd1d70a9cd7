import { describe, expect, it } from 'vitest';

import type { Requirement } from '../requirements/requirement.ts';
import { findProblems } from '../../tools/check-requirements.ts';

const row: Requirement = {
  id: 7,
  level: 'must',
  source: 'somewhere',
  sentence: 'The door opens.',
  provedBy: [
    { file: 'door.test.ts', test: 'opens %s' },
    { step: 'conformance', checks: 'doors' },
  ],
  refusedBy: [{ file: 'lock.test.ts', test: 'stays shut' }],
};
const locked = { file: 'lock.test.ts', titles: ['a lock', 'stays shut'], passed: true };
const opened = { file: 'door.test.ts', titles: ['a door', 'opens inwards'], passed: true };

describe('check-requirements', () => {
  it('is content with a row whose tests passed', () => {
    expect(findProblems(row, [locked, opened])).toEqual([]);
  });

  it('names a test that did not run, also when one of that title ran in another file', () => {
    expect(findProblems(row, [locked])).toEqual(['7: did not run: door.test.ts: opens %s']);
    expect(findProblems(row, [opened, { ...locked, file: 'door.test.ts' }])).toEqual([
      '7: did not run: lock.test.ts: stays shut',
    ]);
  });

  it('names a table of which one row did not pass', () => {
    const failed = { ...opened, titles: ['a door', 'opens outwards'], passed: false };
    expect(findProblems(row, [locked, opened, failed])).toEqual(['7: did not pass: door.test.ts: opens %s']);
  });
});
