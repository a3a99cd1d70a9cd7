import { describe, expect, it } from 'vitest';

import { formatCookie, parseCookies } from './cookies.ts';

describe('parseCookies (RFC 6265 §4.2)', () => {
  it('reads names and values as they are', () => {
    const cookies = parseCookies('a=1; b=two;c=; __Host-x=y=z');

    expect([...cookies]).toEqual([
      ['a', '1'],
      ['b', 'two'],
      ['c', ''],
      ['__Host-x', 'y=z'],
    ]);
  });

  it.each(['a=1; a=2', 'a=1; a=1', 'a=1; a=2; a=3', 'a=; a=1', ' a =1;a=2'])(
    'drops a name that comes more than once: %o',
    (header) => {
      expect(parseCookies(`${header}; b=2`)).toEqual(new Map([['b', '2']]));
    },
  );

  it.each([null, '', ';', 'nonsense', ';;;'])('finds nothing in %o', (header) => {
    expect(parseCookies(header).size).toBe(0);
  });

  it('treats names as different when their case differs', () => {
    expect(parseCookies('__host-a=planted').has('__Host-a')).toBe(false);
  });
});

describe('blanks around a cookie name (RFC 6265 §5.2)', () => {
  it('takes away spaces and tabs', () => {
    expect(parseCookies(' \t__Host-a \t= 1 ').get('__Host-a')).toBe('1');
  });

  it.each(['\u00a0', '\u000b', '\u000c', '\ufeff', '\u2000', '\u3000'])(
    'leaves %j in the name: no browser takes such a name for a __Host- one',
    (blank) => {
      const cookies = parseCookies(`${blank}__Host-a=planted; __Host-b${blank}=planted`);
      expect(cookies.has('__Host-a')).toBe(false);
      expect(cookies.has('__Host-b')).toBe(false);
    },
  );
});

describe('formatCookie', () => {
  it('keeps the cookie to this host, away from scripts, and secure', () => {
    expect(formatCookie('__Host-a', 'v', { secure: true, maxAgeSeconds: 600 })).toBe(
      '__Host-a=v; Max-Age=600; Path=/; HttpOnly; SameSite=Lax; Secure',
    );
  });

  it('leaves Secure out where there is no https', () => {
    expect(formatCookie('a', 'v', { secure: false, maxAgeSeconds: 0 })).toBe(
      'a=v; Max-Age=0; Path=/; HttpOnly; SameSite=Lax',
    );
  });

  it.each([
    ['a b', 'v'],
    ['a', 'v; Domain=example.com'],
    ['a', 'v\r\nSet-Cookie: x=y'],
    ['a', 'ü'],
    ['', 'v'],
  ])('refuses the name %o with the value %o', (name, value) => {
    expect(() => formatCookie(name, value, { secure: true, maxAgeSeconds: 1 })).toThrow(TypeError);
  });

  it('refuses a __Host- name without https', () => {
    expect(() => formatCookie('__Host-a', 'v', { secure: false, maxAgeSeconds: 1 })).toThrow(TypeError);
  });
});
