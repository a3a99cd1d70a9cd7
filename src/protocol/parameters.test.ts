import { describe, expect, it } from 'vitest';

import { parseParameters } from './parameters.ts';

describe('parseParameters (OAuth 2.1 §3.1)', () => {
  it('finds each parameter by its name', () => {
    const parameters = parseParameters(new URLSearchParams('a=1&b=2%202&c=%E2%9C%93'));
    expect([parameters.find('a'), parameters.find('b'), parameters.find('c')]).toEqual(['1', '2 2', '✓']);
    expect(parameters.find('d')).toBeUndefined();
    expect(parameters.names).toEqual(['a', 'b', 'c']);
  });

  it('takes an empty value for an absent one', () => {
    const parameters = parseParameters(new URLSearchParams('a=&b'));
    expect([parameters.find('a'), parameters.find('b')]).toEqual([undefined, undefined]);
    expect(parameters.all('a')).toEqual([]);
  });

  it.each([
    'a=1&a=2',
    'a=1&a=1',
    'a=1&%61=2',
    'a=&a=1',
    'a&a',
    'a=1&b=2&a=3',
    'unknown=1&unknown=2',
    'resource=1&resource=2',
  ])('refuses the repeated parameter in %s', (query) => {
    expect(() => parseParameters(new URLSearchParams(query))).toThrow(
      expect.objectContaining({ code: 'invalid_request', reason: 'parameter_repeated', status: 400 }),
    );
  });

  it('gives all values of a parameter that may repeat, and refuses the others all the same', () => {
    const rules = { repeatable: ['resource'] };
    const parameters = parseParameters(new URLSearchParams('resource=1&resource=&x=1&resource=2'), rules);
    expect(parameters.all('resource')).toEqual(['1', '2']);
    expect(parameters.find('resource')).toBe('1');
    expect(() => parseParameters(new URLSearchParams('resource=1&x=1&x=2'), rules)).toThrow(/repeated/);
  });

  it('tells names apart that differ in case', () => {
    const parameters = parseParameters(new URLSearchParams('State=1&state=2'));
    expect(parameters.find('state')).toBe('2');
  });

  it('knows no parameter by the name of an object member', () => {
    const parameters = parseParameters(new URLSearchParams('x=1'));
    expect(parameters.find('constructor')).toBeUndefined();
    expect(parameters.find('__proto__')).toBeUndefined();
    expect(parseParameters(new URLSearchParams('__proto__=1')).find('__proto__')).toBe('1');
  });

  it('does not repeat names or values in what it tells a stranger', () => {
    expect(() => parseParameters(new URLSearchParams('code=s3cret&code=s3cret'))).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('s3cret') }),
    );
  });
});
