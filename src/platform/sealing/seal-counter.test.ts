import { describe, expect, it } from 'vitest';

import { createSealCounter } from './seal-counter.ts';

describe('seal counter', () => {
  it('counts by key and raises the alarm of a key once', () => {
    const alarms: [string, number][] = [];
    const counter = createSealCounter({ alarmAt: 3, onHigh: (key, seals) => alarms.push([key, seals]) });
    expect(['a', 'b', 'a', 'a', 'a', 'b'].map((key) => counter.count(key))).toEqual([1, 1, 2, 3, 4, 2]);
    expect(alarms).toEqual([['a', 3]]);
  });
});
