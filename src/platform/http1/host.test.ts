import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { isHost, isHostToUrlParsers } from './host.ts';

describe('isHost, RFC 9110 §7.2', () => {
  it.each([
    'localhost',
    'localhost:3000',
    'GateHouse.Example.com:443',
    'a_b.example',
    'a.example.',
    '127.0.0.1',
    '255.255.255.255:65535',
    '[::1]',
    '[2001:db8::1]:8080',
    '1a.example:0',
    'a--b.c-',
  ])('takes %j', (host) => {
    expect(isHost(host)).toBe(true);
  });

  it.each([
    '',
    'a b',
    'a/b',
    'a@b',
    'a:b',
    'a:',
    'a:65536',
    'a:123456',
    'a,b',
    'a%2eb',
    '\xe9.example',
    '127.1',
    '0x7f.1',
    '127.0.0.01',
    '256.0.0.1',
    'a.1',
    '1.2.3.4.5',
    '[::1',
    '[0:0::1]',
    'a.xn--\x80',
    'a..b:',
    'a\t',
    'a\n',
  ])('refuses %j', (host) => {
    expect(isHost(host)).toBe(false);
  });

  it('says of every text what URL parsers say of it', () => {
    const unit = fc.constantFrom(
      'a',
      'Z',
      'xn',
      '--',
      '-',
      '.',
      '..',
      ':',
      '0',
      '1',
      '25',
      '255',
      '256',
      '0x',
      '_',
      '[',
      '\xdf',
      '65535',
      '80',
    );
    const octets = fc.array(fc.integer({ min: 0, max: 299 }).map(String), { minLength: 3, maxLength: 5 });
    const host = fc.oneof(
      fc.array(unit, { maxLength: 8 }).map((parts) => parts.join('')),
      octets.map((parts) => parts.join('.')),
      fc.domain(),
      fc.tuple(fc.domain(), fc.nat(70_000)).map(([name, port]) => `${name}:${port}`),
    );
    fc.assert(
      fc.property(host, (text) => {
        expect(isHost(text)).toBe(isHostToUrlParsers(text));
      }),
      { numRuns: 5000 },
    );
  });
});
