import { describe, expect, it } from 'vitest';
import { countChecks, run, settle } from '../../tools/ci.ts';
import { countTests, listSecondTries } from '../../tools/vitest-report.ts';

describe('ci', () => {
  it('counts tests one by one, and a skipped one as failed', () => {
    const report = {
      numTotalTests: 10,
      numPassedTests: 7,
      numFailedTests: 1,
      numPendingTests: 2,
      testResults: [],
    };
    expect(countTests(JSON.stringify(report))).toEqual({ passed: 7, failed: 3 });
  });

  it('counts a test file that could not be loaded', () => {
    const testResults = [
      { status: 'failed', assertionResults: [] },
      { status: 'passed', assertionResults: [{}] },
    ];
    const report = { numTotalTests: 1, numPassedTests: 1, testResults };
    expect(countTests(JSON.stringify(report))).toEqual({ passed: 1, failed: 1 });
  });

  it('names the tests that passed at their second try', () => {
    const assertionResults = [
      { fullName: 'at once', status: 'passed', failureMessages: [] },
      { fullName: 'later', status: 'passed', failureMessages: ['not yet'] },
      { fullName: 'never', status: 'failed', failureMessages: ['no', 'no'] },
    ];
    const report = { testResults: [{ name: 'a.test.ts', status: 'failed', assertionResults }] };
    expect(listSecondTries(JSON.stringify(report))).toEqual(['second try: later (a.test.ts)']);
  });

  it('refuses a report without numbers', () => {
    expect(() => countTests('{}')).toThrow('numPassedTests');
    expect(() => countChecks('[]')).toThrow('passed');
  });

  it('counts a command that counts nothing by its exit code', () => {
    expect(settle(0, undefined)).toEqual({ passed: 1, failed: 0 });
    expect(settle(2, undefined)).toEqual({ passed: 0, failed: 1 });
  });

  it('never takes a failed command or an empty run for a success', () => {
    expect(settle(0, { passed: 5, failed: 0 })).toEqual({ passed: 5, failed: 0 });
    expect(settle(1, { passed: 5, failed: 0 })).toEqual({ passed: 5, failed: 1 });
    expect(settle(1, { passed: 5, failed: 2 })).toEqual({ passed: 5, failed: 2 });
    expect(settle(0, { passed: 0, failed: 0 })).toEqual({ passed: 0, failed: 1 });
  });

  it('does not wait for what a step left running, and ends it', async () => {
    // It has the output of the step, which so does not end with it.
    expect(await run('/bin/sh', ['-c', 'sleep 600 & exit 3'])).toBe(3);
  });

  it('counts a command that is not there as one that failed', async () => {
    expect(await run('no-such-command', [])).toBe(1);
  });
});
