import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { spellingsOf } from './resource-spellings.ts';

describe('spellingsOf', () => {
  it.each([
    ['file:///public/a.txt', ['file:///public/a.txt']],
    ['urn:x:y', ['urn:x:y']],
    ['db://table/{id}', ['db://table/{id}']],
    ['FILE:///Public/A', ['FILE:///Public/A', 'file:///Public/A']],
    ['https://HOST.example/A', ['https://HOST.example/A', 'https://host.example/A']],
    ['file:///%73ecret', ['file:///%73ecret', 'file:///secret']],
    ['file:///%2573ecret', ['file:///%2573ecret', 'file:///secret']],
    ['file:///100%', ['file:///100%']],
    ['file:///.hidden/..rc/a..b', ['file:///.hidden/..rc/a..b']],
  ])('%s', (uri, expected) => {
    expect(spellingsOf(uri)).toEqual(expected);
  });

  it.each([
    'file:///public/../secret',
    'file:///public/%2e%2e/secret',
    'file:///public/%252e%252e/secret',
    'file:///public/..%2fsecret',
    String.raw`file:///public/..\secret`,
    'file:///public/%5c..%5csecret',
    'file:///public/..;x/secret',
    'file:///public/./a',
    'file:..',
    '../a',
    'file:///a/..',
    'file:///a/..?x',
    'file:///%25252573ecret',
    'file:///%ff',
    'file:///public/.%09./secret',
  ])('%s may lead anywhere', (uri) => {
    expect(spellingsOf(uri)).toBeUndefined();
  });

  it('has the URI itself first, and never throws', () => {
    const text = fc.string({
      unit: fc.constantFrom('%', '2', 'e', '.', '/', ':', 'A', 'é', '\\'),
      maxLength: 12,
    });
    fc.assert(
      fc.property(text, (uri) => {
        const spellings = spellingsOf(uri);
        if (spellings !== undefined) expect(spellings[0]).toBe(uri);
      }),
      { numRuns: 3000 },
    );
  });
});
