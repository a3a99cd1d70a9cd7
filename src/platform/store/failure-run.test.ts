import { describe, expect, it } from 'vitest';

import { extendRun, type FailureRun, isLasting, noFailures } from './failure-run.ts';

const least = { count: 5, milliseconds: 500 };

/** The run after failures at these moments. */
function runOf(...moments: number[]): FailureRun {
  return moments.reduce(extendRun, noFailures);
}

describe('a run of failures', () => {
  it('begins with the first one', () => {
    expect(runOf(100, 200, 300)).toEqual({ count: 3, sinceMs: 100 });
  });

  it.each([
    ['a thousand at one moment', Array.from({ length: 1000 }, () => 100)],
    ['a thousand within a stall', Array.from({ length: 1000 }, (_, at) => at / 2)],
    ['four in a minute', [0, 20_000, 40_000, 60_000]],
    ['one', [60_000]],
  ])('does not last with %s', (_, moments) => {
    expect(isLasting(runOf(...moments), moments.at(-1) ?? 0, least)).toBe(false);
  });

  it.each([
    ['five in half a second', [0, 100, 200, 300, 500]],
    ['five in a minute', [0, 15_000, 30_000, 45_000, 60_000]],
  ])('lasts with %s', (_, moments) => {
    expect(isLasting(runOf(...moments), moments.at(-1) ?? 0, least)).toBe(true);
  });

  it('is none without a failure', () => {
    expect(isLasting(noFailures, 60_000, least)).toBe(false);
  });
});
