import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { aliasesOf, aliasesOfPattern } from './resource-aliases.ts';

describe('aliasesOf', () => {
  it.each([
    ['file:/a/b', 'file:///a/b'],
    ['file:////a//b', 'file:///a/b'],
    ['file://localhost/a/b', 'file:///a/b'],
    ['FILE:///a/b?c#d', 'file:///a/b'],
    ['file:///a%2f%2fb', 'file:///a/b'],
    ['file:///a%09/b', 'file:///a/b'],
    [String.raw`file:\\\a\b`, 'file:///a/b'],
    [String.raw`https:\\host.example\a`, 'https://host.example/a'],
    ['https:host.example', 'https://host.example/'],
    ['https://user:pass@HOST.example.:443//a#b', 'https://host.example/a'],
    ['https://\uFF48ost.example/a', 'https://host.example/a'],
    ['https://host.example/é', 'https://host.example/é'],
    ['db://Table/{id}#x', 'db://Table/{id}'],
  ])('%s is also %s', (uri, alias) => {
    expect(aliasesOf(uri)).toContain(alias);
  });

  it('keeps the query of all but files', () => {
    expect(aliasesOf('https://host.example/a?b')).toEqual(['https://host.example/a?b']);
  });

  it('knows none of what is no URL, and never throws', () => {
    expect(aliasesOf('//a')).toEqual([]);
    const text = fc.string({
      unit: fc.constantFrom('%', '2', 'e', '.', '/', ':', '#', '?', '@', '\\', 'a', '\u0000'),
    });
    fc.assert(
      fc.property(text, (uri) => {
        expect(aliasesOf(uri)).not.toContain(undefined);
      }),
      { numRuns: 3000 },
    );
  });
});

describe('aliasesOfPattern', () => {
  it.each([
    ['file://localhost/a/*', 'file:///a/*'],
    ['https://HOST.example/*', 'https://host.example/*'],
    ['https://*.example:443/*', 'https://*.example/*'],
    ['file:///my%20files/*', 'file:///my files/*'],
  ])('%s is itself and %s', (pattern, alias) => {
    expect(aliasesOfPattern(pattern)).toEqual(expect.arrayContaining([pattern, alias]));
  });

  it('takes nothing off the end: the pattern would mean more', () => {
    expect(aliasesOfPattern('file:///a?b=*')).toEqual(['file:///a?b=*']);
    expect(aliasesOfPattern('db://a#*')).toEqual(['db://a#*']);
    expect(aliasesOfPattern('*secret*')).toEqual(['*secret*']);
  });
});
