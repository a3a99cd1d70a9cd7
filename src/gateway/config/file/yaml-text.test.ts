import { describe, expect, it } from 'vitest';

import { readYaml } from './yaml-text.ts';

function faultsOf(text: string): string[] {
  return readYaml(text).faults.map(({ place, problem }) => `${place.line}:${place.column} ${problem}`);
}

describe('readYaml', () => {
  it('reads YAML 1.2: yes is text, and numbers keep how they are written', () => {
    const yaml = readYaml('a: yes\nb: 0123\nc: [on, 1e3]\n');
    expect(yaml.value).toMatchObject({ a: 'yes', c: ['on', 1000] });
    expect(yaml.findSource(['b'])).toBe('0123');
    expect(yaml.findSource(['c', 1])).toBe('1e3');
    expect(yaml.findSource(['d'])).toBeUndefined();
  });

  it('finds places through aliases', () => {
    const yaml = readYaml('one: &one\n  deep: 1\ntwo: *one\n');
    expect(yaml.value).toEqual({ one: { deep: 1 }, two: { deep: 1 } });
    expect(yaml.locate(['two', 'deep'])).toEqual({ line: 2, column: 9 });
    expect(yaml.locateKey(['two', 'deep'])).toEqual({ line: 2, column: 3 });
    expect(yaml.locate(['two', 'missing'])).toEqual({ line: 2, column: 3 });
  });

  it.each([
    ['a: 1\na: 2\n', '2:1 has this key twice'],
    ['a:\n\tb: 1\n', '2:1 is indented with a tab'],
    ['a: !secret canary\n', '1:4 has a tag'],
    ['a: !!binary canary\n', '1:4 has a tag'],
    ['a: *canary\n', '1:4 begins with * outside of quotes: an alias of nothing, or of what it is in'],
    ['a: &a [*a]\n', '1:8 begins with * outside of quotes: an alias of nothing, or of what it is in'],
    ['a: [*]\n', '1:5 begins with * outside of quotes: an alias of nothing, or of what it is in'],
    ['a: [*_test]\n', '1:5 begins with * outside of quotes: an alias of nothing, or of what it is in'],
    ['a: 1\n---\nb: 2\n', '2:1 has more than one document'],
    ['[1]: canary\n', '1:1 has a key that is no text'],
    ['a: "canary\n', '2:1 follows a quote that is not closed'],
    ['a: {canary\n', '2:1 follows a bracket that is not closed'],
    ['a: @canary\n', '1:4 begins with a character that means something in YAML'],
    ['a: canary: b\n', '1:4 has a map in the middle of a line'],
    ['a: canary\nb', '2:1 is no key with a value'],
    ['a:\n  - b\n c: d\n', '3:1 is not indented like its neighbours'],
    ['a: b\nc: \uFFFD\n', '2:4 is not UTF-8'],
  ])('refuses %j', (text, fault) => {
    expect(faultsOf(text)).toEqual([fault]);
    expect(JSON.stringify(readYaml(text).faults)).not.toContain('canary');
    expect(readYaml(text).value).toBeUndefined();
  });

  it('says of the first place that is no YAML, and of nothing that follows from it', () => {
    const text =
      'a: 1\na: 2\nlist:\n  - name: a\n    url: /a\n   upstream: x\n    policy:\n      default: deny\n';
    expect(faultsOf(text)).toEqual(['2:1 has this key twice', '6:1 is not indented like its neighbours']);
  });

  it('says how to write a name with a star', () => {
    expect(readYaml('tools: [*_test]\n').faults[0]?.fix).toContain("quote a name with *, such as '*_test'");
  });

  it('refuses aliases that stand for more than fits anywhere', () => {
    const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]'];
    for (let level = 1; level < 10; level += 1) {
      lines.push(`a${level}: &a${level} [${Array.from({ length: 10 }, () => `*a${level - 1}`).join(', ')}]`);
    }
    expect(faultsOf(lines.join('\n'))).toEqual(['1:1 has too many aliases']);
  });

  it('refuses a file that is larger than it can have to be', () => {
    expect(faultsOf(`a: ${'x'.repeat(1_048_576)}`)).toEqual(['1:1 is larger than 1 MiB']);
  });

  it.each(['[', '{a: ', '- '])('refuses %j twenty thousand times without falling over', (text) => {
    expect(readYaml(text.repeat(20_000)).faults.length).toBeGreaterThan(0);
  });

  it('takes no merge keys: they are keys like others', () => {
    expect(readYaml('a: &a { b: 1 }\nc: { <<: *a }\n').value).toEqual({ a: { b: 1 }, c: { '<<': { b: 1 } } });
  });

  it('changes no prototype', () => {
    const { value } = readYaml('__proto__: { polluted: true }\n');
    expect(Object.keys(value as object)).toEqual(['__proto__']);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });
});
