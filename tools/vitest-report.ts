/** Reads what vitest's JSON reporter writes. */
import type { Counts } from './ci.ts';

interface ReportedTest {
  /** Absolute. */
  readonly file: string;
  readonly name: string;
  /** Those of the `describe`s around it, the outermost first, then its own. */
  readonly titles: readonly string[];
  readonly passed: boolean;
  /** It failed at least once, also where it passed in the end. */
  readonly failedOnce: boolean;
}

/** A file that could not be loaded has no tests and counts as one failure. */
export function countTests(text: string): Counts {
  const report: unknown = JSON.parse(text);
  const passed = numberIn(report, 'numPassedTests');
  const unsuccessful = numberIn(report, 'numTotalTests') - passed;
  const unloadable = listIn(report, 'testResults').filter(isFailedWithoutTests).length;
  return { passed, failed: unsuccessful + unloadable };
}

/** Tests that passed at the second try: nothing is wrong enough to fail, and somebody should look. */
export function listSecondTries(text: string): readonly string[] {
  return readTests(text)
    .filter(({ passed, failedOnce }) => passed && failedOnce)
    .map(({ file, name }) => `second try: ${name} (${file})`);
}

/** Every test of a report. */
export function readTests(text: string): readonly ReportedTest[] {
  const report: unknown = JSON.parse(text);
  return listIn(report, 'testResults').flatMap((file) =>
    listIn(file, 'assertionResults').map((test) => ({
      file: textIn(file, 'name'),
      name: textIn(test, 'fullName'),
      titles: [...listIn(test, 'ancestorTitles'), textIn(test, 'title')].map(String),
      passed: textIn(test, 'status') === 'passed',
      failedOnce: listIn(test, 'failureMessages').length > 0,
    })),
  );
}

function isFailedWithoutTests(file: unknown): boolean {
  return textIn(file, 'status') === 'failed' && listIn(file, 'assertionResults').length === 0;
}

function numberIn(value: unknown, name: string): number {
  const found = memberOf(value, name);
  if (typeof found !== 'number') throw new TypeError(`the report has no number ${name}`);
  return found;
}

function textIn(value: unknown, name: string): string {
  const found = memberOf(value, name);
  return typeof found === 'string' ? found : '';
}

function listIn(value: unknown, name: string): readonly unknown[] {
  const found = memberOf(value, name);
  return Array.isArray(found) ? found : [];
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}
