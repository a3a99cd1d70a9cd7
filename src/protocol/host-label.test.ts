import { describe, expect, it } from 'vitest';

import { isHostLabel } from './host-label.ts';

describe('a label of a host (RFC 1123 §2.1)', () => {
  it.each(['a', '7', 'team-a', 'a1-b2-c3', 'a--b', 'x'.repeat(63), '127', 'a-b--c'])('may be %s', (text) => {
    expect(isHostLabel(text)).toBe(true);
  });

  it.each([
    '',
    '*',
    'A',
    'a.b',
    '.a',
    'a.',
    '-a',
    'a-',
    '-',
    'a_b',
    '_dmarc',
    '%61',
    'a%2eb',
    'a b',
    'a\n',
    'a:1',
    'a/b',
    'a@b',
    'ä',
    'аdmin',
    'xn--dmin-7cd',
    'ab--cd',
    '{label}',
    '[::1]',
    'x'.repeat(64),
  ])('is not %j', (text) => {
    expect(isHostLabel(text)).toBe(false);
  });
});
