import { describe, expect, it } from 'vitest';

import { clientCases } from './cases.ts';
import { findPinnedVersion } from './pinned-versions.ts';
import { compareWithRecord, readNewestRecord } from './record.ts';

const record = readNewestRecord();
const [kept] = record.runs;
if (kept === undefined) throw new Error('the record is empty');

describe('the record of the real clients', () => {
  it('has each of them', () => {
    expect(record.runs.map(({ id }) => id)).toEqual(clientCases.map(({ id }) => id));
  });

  it.each(clientCases)('has $id in the version that is installed', ({ id, pinned }) => {
    expect(record.runs.find((run) => run.id === id)?.version).toBe(findPinnedVersion(pinned));
  });

  it('is no different from itself, however long the sign-in took', () => {
    expect(compareWithRecord(record, { ...kept, signInSeconds: 60 })).toEqual([]);
  });

  it('is different from a client that does something else', () => {
    const run = { ...kept, facts: { ...kept.facts, codeChallengeMethod: 'plain' } };
    expect(compareWithRecord(record, run)).toEqual(['codeChallengeMethod was "S256", is "plain"']);
  });

  it('is different from a client that it does not have', () => {
    expect(compareWithRecord(record, { ...kept, id: 'another' })).toEqual(['is not in the record']);
  });
});
