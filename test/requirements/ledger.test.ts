import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { ledger } from './ledger.ts';

const idsOfName = /\bit(?:\.each\([\s\S]*?\])?\)?\(\s*(['"`])((?:\d+(?:, )?)+|%i): /g;
const eachRow = /^\s+\[(\d+), /gm;

describe('the ledger of requirements', () => {
  const files = readdirSync(import.meta.dirname).filter(
    (name) => name.endsWith('.test.ts') && name !== 'ledger.test.ts',
  );
  const testedIds = new Map(files.map((name) => [name, readIds(name)]));

  it('has a test for every row', () => {
    for (const { id, test } of ledger) {
      expect([id, test, testedIds.get(test)?.has(id)]).toEqual([id, test, true]);
    }
  });

  it('has a row for every test', () => {
    for (const [name, ids] of testedIds) {
      expect(ids.size).toBeGreaterThan(0);
      for (const id of ids) {
        expect([name, id, ledger.some((row) => row.id === id && row.test === name)]).toEqual([
          name,
          id,
          true,
        ]);
      }
    }
  });

  it('names no row twice', () => {
    expect(new Set(ledger.map(({ id }) => id)).size).toBe(ledger.length);
  });
});

/** The numbers that the names of a file's tests begin with; those of a table stand first in its rows. */
function readIds(name: string): ReadonlySet<number> {
  const text = readFileSync(join(import.meta.dirname, name), 'utf8');
  const ids = new Set<number>();
  for (const [, , numbers = ''] of text.matchAll(idsOfName)) {
    if (numbers !== '%i') for (const number of numbers.split(', ')) ids.add(Number(number));
  }
  if (text.includes("'%i: ")) for (const [, number] of text.matchAll(eachRow)) ids.add(Number(number));
  return ids;
}
