import { describe, expect, it } from 'vitest';

import { formatRecord, readRecord, redisLifeMilliseconds } from './redis-record.ts';

const now = 1_800_000_000;

describe('a record in Redis', () => {
  it.each(['', 'text', '00000000000', 'grüße 🔑'])('reads as it was written: %j', (value) => {
    expect(readRecord(formatRecord('AAAAAAAA', now + 1, value), now)).toBe(value);
  });

  it('is over at its second', () => {
    const record = formatRecord('AAAAAAAA', now, 'text');
    expect(readRecord(record, now - 1)).toBe('text');
    expect(readRecord(record, now)).toBeUndefined();
  });

  it.each(['', 'claimed', '1', '{"stage":"active","current":"x"}'])('is not taken for one: %j', (stored) => {
    expect(() => readRecord(stored, now)).toThrow(TypeError);
  });

  it('outlives its end in Redis, by the difference that clocks may have', () => {
    expect(redisLifeMilliseconds(now + 10, now * 1000)).toBe('70000');
    expect(redisLifeMilliseconds(now - 1000, now * 1000)).toBe('1');
  });
});
