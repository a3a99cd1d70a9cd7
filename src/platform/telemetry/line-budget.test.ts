import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { FakeClock } from '../../../test/support/fake-clock.ts';
import { createLineBudget } from './line-budget.ts';

let clock: FakeClock;
let told: Readonly<Record<string, number>>[];

beforeEach(() => {
  vi.useFakeTimers();
  clock = new FakeClock();
  told = [];
});

afterEach(() => {
  vi.useRealTimers();
});

function create(perKind: number, inAll: number) {
  return createLineBudget({ clock, perKind, inAll, onLeftOut: (counts) => told.push(counts) });
}

describe('createLineBudget', () => {
  it('allows so many lines of a kind in a second, and counts the rest', () => {
    const lines = create(2, 100);
    expect(Array.from({ length: 5 }, () => lines.take('a'))).toEqual([true, true, false, false, false]);
    expect(lines.take('b')).toBe(true);
    vi.advanceTimersByTime(1000);
    expect(told).toEqual([{ a: 3 }]);
  });

  it('allows so many lines of all kinds together', () => {
    const lines = create(10, 3);
    expect(['a', 'b', 'c', 'd', 'e'].map((kind) => lines.take(kind))).toEqual([
      true,
      true,
      true,
      false,
      false,
    ]);
    vi.advanceTimersByTime(1000);
    expect(told).toEqual([{ d: 1, e: 1 }]);
  });

  it('allows them again in the next second', () => {
    const lines = create(1, 10);
    lines.take('a');
    lines.take('a');
    clock.advance(1);
    expect(lines.take('a')).toBe(true);
  });

  it('tells nothing when nothing was left out, and once of what was', () => {
    const lines = create(1, 10);
    lines.take('a');
    lines.close();
    lines.take('a');
    lines.close();
    lines.close();
    vi.advanceTimersByTime(5000);
    expect(told).toEqual([{ a: 1 }]);
  });
});
