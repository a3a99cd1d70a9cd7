import { describe, expect, it } from 'vitest';

import { isMixedScript, parseClientName } from './client-name.ts';

describe('parseClientName (RFC 7591 §2)', () => {
  it.each([
    'Claude',
    'Claude Code (acme, inc.)',
    'Клиент',
    '客户端',
    'عميل',
    'हिन्दी',
    'ภาษาไทย',
    'Été – “quoted” & <b>bold</b>',
    'Agent 🤖',
    'Love ❤️',
    '한국어 클라이언트',
    'x'.repeat(512),
    'é'.repeat(256),
  ])('accepts %s as it is', (name) => {
    expect(parseClientName(name)).toBe(name);
  });

  it('drops white space at both ends, and only there', () => {
    expect(parseClientName('\t  My  Client \n')).toBe('My  Client');
    expect(parseClientName(' \u00a0\u3000 ')).toBe('');
  });

  it.each([
    ['a right-to-left override', 'evil\u202Elive'],
    ['a left-to-right embedding', '\u202Ax'],
    ['an isolate', 'a\u2066b\u2069c'],
    ['a zero-width space', 'Clau\u200Bde'],
    ['a zero-width joiner', 'Clau\u200Dde'],
    ['a direction mark', 'Claude\u200F!'],
    ['an Arabic letter mark', 'Claude\u061C!'],
    ['a byte order mark', 'Cl\uFEFFaude'],
    ['a soft hyphen', 'Clau\u00ADde'],
    ['tag characters', `Claude${String.fromCodePoint(0xe0041)}!`],
    ['private use', 'Claude\uE000!'],
    ['private use beyond the first plane', `Claude${String.fromCodePoint(0xf0000)}!`],
    ['a lone surrogate', 'Claude\uD800!'],
    ['an unassigned code point', 'Claude\u0378!'],
    ['a noncharacter', 'Claude\uFFFE!'],
    ['a line feed', 'Claude\nVerified by your admin'],
    ['a carriage return', 'a\rb'],
    ['a tab', 'a\tb'],
    ['NUL', 'a\0b'],
    ['escape', 'a\u001B[31mb'],
    ['a C1 control', 'a\u0085b'],
    ['a line separator', 'a\u2028b'],
    ['a paragraph separator', 'a\u2029b'],
    ['a Hangul filler', 'a\u3164b'],
    ['a half-width Hangul filler', '\uFFA0'],
    ['a Hangul choseong filler', '\u115F'],
    ['a Hangul jungseong filler', '\u1160'],
    ['a blank braille pattern', '\u2800\u2800'],
    ['a grapheme joiner', 'a\u034Fb'],
    ['a Mongolian vowel separator', 'a\u180Eb'],
    ['an invisible Khmer vowel', 'a\u17B4b'],
    ['a supplementary variation selector', `a${String.fromCodePoint(0xe0100)}`],
    ['a musical format character', `a${String.fromCodePoint(0x1d173)}`],
    ['an interlinear annotation', 'a\uFFF9b'],
    ['stacked combining marks', `Z${'\u0351'.repeat(4)}algo`],
    ['two hundred combining marks', `Z${'\u0489\u0300'.repeat(100)}`],
    ['513 bytes', 'x'.repeat(513)],
    ['fewer than 513 characters of more than 512 bytes', '🤖'.repeat(129)],
    ['a megabyte', 'x'.repeat(1024 * 1024)],
  ])('refuses %s', (_, name) => {
    expect(() => parseClientName(name)).toThrow(
      expect.objectContaining({
        code: 'invalid_client_metadata',
        reason: 'client_name_invalid',
        status: 400,
      }),
    );
  });

  it('does not repeat the name in what it tells a stranger', () => {
    expect(() => parseClientName('Mallory\u202E')).toThrow(
      expect.objectContaining({ description: expect.not.stringContaining('Mallory') }),
    );
  });
});

describe('isMixedScript', () => {
  it.each(['Clаude', 'Gοogle', 'Ꮯlaude', 'Cla\u0578de'])('warns about %s', (name) => {
    expect(isMixedScript(name)).toBe(true);
  });

  it.each(['Claude', 'Клиент', 'Ελληνικά', 'Claude 客户端', 'Cafe\u0301', 'Agent 🤖 42', ''])(
    'is content with %s',
    (name) => {
      expect(isMixedScript(name)).toBe(false);
    },
  );
});
