/**
 * Holds the ledger of requirements against what ran: a row whose test failed, was skipped or did not run at all fails
 * the build, whatever the sources say. A step of `npm run ci` after the tests.
 *
 * `node tools/check-requirements.ts --report=vitest.json --counts=counts.json`
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { ledger } from '../test/requirements/ledger.ts';
import { proofsOf, type Requirement } from '../test/requirements/requirement.ts';
import { findRuns, type RanTest } from '../test/requirements/test-titles.ts';
import { readTests } from './vitest-report.ts';

/** What is wrong with a row, one line for each test that did not run or did not pass. */
export function findProblems(row: Requirement, tests: readonly RanTest[]): readonly string[] {
  return proofsOf(row).flatMap((proof) => {
    // A step fails the build by itself.
    if ('step' in proof) return [];
    const runs = findRuns(
      tests.filter(({ file }) => file === proof.file),
      proof.test,
    );
    if (runs.length > 0 && runs.every(({ passed }) => passed)) return [];
    return [`${row.id}: ${runs.length === 0 ? 'did not run' : 'did not pass'}: ${proof.file}: ${proof.test}`];
  });
}

function main(): void {
  const { values } = parseArgs({ options: { report: { type: 'string' }, counts: { type: 'string' } } });
  if (values.report === undefined) throw new TypeError('--report is missing');
  const root = fileURLToPath(new URL('..', import.meta.url));
  const tests = readTests(readFileSync(values.report, 'utf8')).map((test) => ({
    ...test,
    file: relative(root, test.file),
  }));
  const rows = ledger.flatMap((section) => section.rows).filter((row) => proofsOf(row).length > 0);
  const problems = rows.map((row) => findProblems(row, tests)).filter((found) => found.length > 0);
  for (const problem of problems.flat()) console.log(problem);
  const failed = problems.length;
  console.log(`${rows.length - failed} of ${rows.length} requirements are shown by tests that passed`);
  if (values.counts !== undefined)
    writeFileSync(values.counts, JSON.stringify({ passed: rows.length - failed, failed }));
  process.exitCode = failed === 0 ? 0 : 1;
}

if (import.meta.main) main();
