import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { maxJsonDepth, maxJsonValues, parseStrictJson, readStrictJson } from './strict-json.ts';

/** A JSON document as member lists, so that a name can come twice; `format` writes it with random spelling. */
type Document = readonly Member[];
type Member = readonly [name: string, value: Value];
type Value = string | number | boolean | null | readonly Value[] | { readonly members: Document };

const name = fc.oneof(
  fc.string({ maxLength: 3 }),
  fc.constantFrom('a', 'b', '__proto__', 'constructor', '"', '\\', ':', '{', 'toString', ''),
);
const { document } = fc.letrec<{ document: Document; value: Value }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.string(),
    fc.constantFrom<Value>('{"a":1,"a":2}', '":', '\\"', null, true, 0),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.array(tie('value'), { maxLength: 4 }),
    tie('document').map((members) => ({ members })),
  ),
  document: fc.array(fc.tuple(name, tie('value')), { maxLength: 5 }),
}));

function formatString(text: string, escape: boolean): string {
  if (!escape) return JSON.stringify(text);
  const units = Array.from({ length: text.length }, (_, at) =>
    text.charCodeAt(at).toString(16).padStart(4, '0'),
  );
  return `"${units.map((unit) => String.raw`\u${unit}`).join('')}"`;
}

function format(value: Value, escape: boolean, space: string): string {
  if (typeof value === 'string') return formatString(value, escape);
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  if (!('members' in value)) return `[${value.map((item) => format(item, escape, space)).join(`,${space}`)}]`;
  const members = value.members.map(
    ([key, item], at) =>
      `${formatString(key, escape !== (at % 2 === 1))}${space}:${space}${format(item, escape, space)}`,
  );
  return `{${space}${members.join(`${space},`)}${space}}`;
}

function hasRepeatedName(value: Value): boolean {
  if (value === null || typeof value !== 'object') return false;
  if (!('members' in value)) return value.some(hasRepeatedName);
  const names = value.members.map(([key]) => key);
  return new Set(names).size < names.length || value.members.some(([, item]) => hasRepeatedName(item));
}

function hasEscapedName(value: Value, escape: boolean): boolean {
  if (value === null || typeof value !== 'object') return false;
  if (!('members' in value)) return value.some((item) => hasEscapedName(item, escape));
  return value.members.some(
    ([key, item], at) =>
      formatString(key, escape !== (at % 2 === 1)).includes('\\') || hasEscapedName(item, escape),
  );
}

const spelling = fc.record({ escape: fc.boolean(), space: fc.constantFrom('', ' ', '\n\t') });

describe('parseStrictJson', () => {
  it('refuses exactly the objects that repeat or escape a member name at some depth', () => {
    fc.assert(
      fc.property(document, spelling, (members, { escape, space }) => {
        const text = format({ members }, escape, space);
        const reading = parseStrictJson(text);
        const isRefused = hasRepeatedName({ members }) || hasEscapedName({ members }, escape);
        expect(reading.outcome).toBe(isRefused ? 'refused' : 'read');
        if (reading.outcome === 'read') expect({ ...reading.value }).toEqual({ ...JSON.parse(text) });
      }),
      { numRuns: 2000 },
    );
  });

  it('refuses every text that JSON.parse refuses, and never throws', () => {
    const soup = fc.string({ unit: fc.constantFrom(...Array.from('{}[]:,"\\u0a1 ntre-.')), maxLength: 24 });
    fc.assert(
      fc.property(fc.oneof(soup, fc.string(), fc.json()), (text) => {
        let valid = true;
        try {
          JSON.parse(text);
        } catch {
          valid = false;
        }
        const reading = parseStrictJson(text);
        if (!valid) expect(reading.outcome).toBe('refused');
      }),
      { numRuns: 5000 },
    );
  });

  it.each([
    ['an array', '[]', 'is not a JSON object'],
    ['null', 'null', 'is not a JSON object'],
    ['a string', '"x"', 'is not a JSON object'],
    ['nothing', '', 'is not valid JSON'],
    ['a second document', '{}{}', 'is not valid JSON'],
    ['trailing text', '{} x', 'is not valid JSON'],
    ['a comment', '{/**/}', 'is not valid JSON'],
    ['an unterminated string', '{"a', 'is not valid JSON'],
    ['an escape at the end', '{"a\\', 'is not valid JSON'],
    ['a name twice', '{"a":1,"a":2}', 'has a member name twice'],
    ['a name twice, once escaped', String.raw`{"a":1,"\u0061":2}`, 'has a member name twice'],
    ['an escaped name', String.raw`{"\u0061":2}`, 'has a member name with an escape'],
    ['a name twice, deep inside', '{"x":[{"y":{"a":1,"b":2,"a":3}}]}', 'has a member name twice'],
    ['__proto__ twice', '{"__proto__":1,"__proto__":2}', 'has a member name twice'],
  ])('refuses %s', (_, text, problem) => {
    expect(parseStrictJson(text)).toEqual({ outcome: 'refused', problem });
  });

  it('reads the same name in two objects', () => {
    expect(parseStrictJson('{"a":{"a":[{"a":1},{"a":2}]}}').outcome).toBe('read');
  });

  it('finds no member that was not sent', () => {
    const reading = parseStrictJson('{}');
    if (reading.outcome !== 'read') throw new Error('refused');
    expect(reading.value['constructor']).toBeUndefined();
    expect(reading.value['__proto__']).toBeUndefined();
  });

  it('keeps __proto__ and constructor as members and changes no prototype', () => {
    const reading = parseStrictJson(
      '{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}',
    );
    if (reading.outcome !== 'read') throw new Error('refused');
    expect(Object.keys(reading.value)).toEqual(['__proto__', 'constructor']);
    expect(reading.value['polluted']).toBeUndefined();
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  it('allows the deepest nesting and refuses one level more', () => {
    const nested = (levels: number): string => `{"a":${'['.repeat(levels - 1)}${']'.repeat(levels - 1)}}`;
    expect(parseStrictJson(nested(maxJsonDepth)).outcome).toBe('read');
    expect(parseStrictJson(nested(maxJsonDepth + 1))).toEqual({
      outcome: 'refused',
      problem: 'is nested deeper than 32 levels',
    });
    expect(parseStrictJson(nested(500_000)).outcome).toBe('refused');
  });

  it('allows the largest number of values and refuses one more', () => {
    const list = (length: number): string => `{"a":[${Array.from({ length }, () => 0).join(',')}]}`;
    expect(parseStrictJson(list(maxJsonValues)).outcome).toBe('read');
    expect(parseStrictJson(list(maxJsonValues + 1))).toEqual({
      outcome: 'refused',
      problem: 'has too many members',
    });
  });
});

describe('readStrictJson', () => {
  const limits = { maxDepth: 4, maxValues: 100 };

  it.each([
    ['null', null],
    ['[1]', [1]],
    ['"x"', 'x'],
  ])('reads %s', (text, value) => {
    expect(readStrictJson(text, limits)).toEqual({ outcome: 'read', value, escapedNameDepth: Infinity });
  });

  it('says how far outside the outermost escaped name is', () => {
    const reading = readStrictJson(String.raw`{"a":[{"\u0062":{"\n":1}}]}`, limits);
    expect(reading).toMatchObject({ outcome: 'read', escapedNameDepth: 3 });
  });

  it.each([
    String.raw`{"a":1,"\u0061":2}`,
    String.raw`{"\n":1,"\u000a":2}`,
    String.raw`{"\\":1,"\u005c":2}`,
    String.raw`{"x\\":1,"x\\":2}`,
  ])('takes two spellings of a name for one: %s', (text) => {
    expect(readStrictJson(text, limits)).toEqual({ outcome: 'refused', problem: 'has a member name twice' });
  });

  it('tells a backslash before a quote from an escaped quote', () => {
    expect(readStrictJson(String.raw`{"a\\":1,"a\"":2,"a":"\\\\"}`, limits).outcome).toBe('read');
  });
});
