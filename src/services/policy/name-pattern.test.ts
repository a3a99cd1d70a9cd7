import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { matchNames } from './name-pattern.ts';

describe('matchNames', () => {
  it.each([
    ['read_file', 'read_file', true],
    ['read_file', 'Read_file', false],
    ['read_file', 'read_file ', false],
    ['read_*', 'read_', true],
    ['read_*', 'read_file', true],
    ['read_*', 'unread_file', false],
    ['*_file', 'read_file', true],
    ['*', '', true],
    ['a*b*c', 'abc', true],
    ['a*b*c', 'axxbyyc', true],
    ['a*b*c', 'acb', false],
    ['ab*ba', 'aba', false],
    ['a*bc*c', 'abc', false],
    ['**', 'anything', true],
    ['a.b', 'axb', false],
    ['a?', 'ab', false],
    ['[ab]', 'a', false],
    ['file:///public/*', 'file:///public/a/b', true],
    ['file:///public/*', 'file:///publicly', false],
  ])('%s on %s: %s', (pattern, name, expected) => {
    expect(matchNames([pattern])(name)).toBe(expected);
  });

  it('matches what one of several patterns matches, and nothing by none', () => {
    expect(matchNames(['a', 'b*'])('bc')).toBe(true);
    expect(matchNames(['a', 'b*'])('c')).toBe(false);
    expect(matchNames([])('')).toBe(false);
  });

  it('agrees with a regular expression on every pattern and name', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '*', '.', 'é'), maxLength: 8 });
    fc.assert(
      fc.property(text, text, (pattern, name) => {
        const escaped = pattern.replaceAll('.', String.raw`\.`).replaceAll('*', '[^]*');
        expect(matchNames([pattern])(name)).toBe(new RegExp(`^${escaped}$`).test(name));
      }),
      { numRuns: 3000 },
    );
  });

  it('is done with a name that nearly fits everywhere', () => {
    expect(matchNames([`${'a*'.repeat(1000)}b`])('a'.repeat(100_000))).toBe(false);
  });
});
