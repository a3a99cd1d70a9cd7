import { describe, expect, it } from 'vitest';

import { systemRandom } from '../../platform/random.ts';
import { formatUserCode, makeUserCode, parseUserCode } from './user-code.ts';

describe('user codes (RFC 8628 §6.1)', () => {
  it('are eight letters of an alphabet that spells no words', () => {
    for (let round = 0; round < 200; round += 1) {
      expect(makeUserCode(systemRandom)).toMatch(/^[BCDFGHJKLMNPQRSTVWXZ]{8}$/);
    }
  });

  it('do not favour any letter: bytes past twelve alphabets are thrown away', () => {
    const bytes = [255, 240, 0, 20, 239, 19, 1, 2, 3, 4, 5, 6];
    let next = 0;
    const random = { bytes: (count: number) => Buffer.from(bytes.slice(next, (next += count))) };
    expect(makeUserCode(random)).toBe('BBZZCDFG');
  });

  it.each(['bcdfghjk', 'BCDF-GHJK', ' bcdf ghjk ', 'BCDF_GHJK', 'b.c.d.f-g.h.j.k'])(
    'are read from %j',
    (typed) => {
      expect(parseUserCode(typed)).toBe('BCDFGHJK');
    },
  );

  it.each(['', 'BCDFGHJ', 'BCDFGHJKL', 'BCDFGHJA', 'BCDFGHJ1', 'ВСDFGHJK', 'B'.repeat(65), '-'.repeat(100)])(
    'are not read from %j',
    (typed) => {
      expect(parseUserCode(typed)).toBeUndefined();
    },
  );

  it('are shown in two halves, and read again', () => {
    const code = makeUserCode(systemRandom);
    expect(formatUserCode(code)).toMatch(/^[A-Z]{4}-[A-Z]{4}$/);
    expect(parseUserCode(formatUserCode(code))).toBe(code);
  });
});
