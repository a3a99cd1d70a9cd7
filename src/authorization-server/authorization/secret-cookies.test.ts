import { describe, expect, it } from 'vitest';

import { FakeClock } from '../../../test/support/fake-clock.ts';
import { systemRandom } from '../../platform/random.ts';
import { createBrowserBinding } from './browser-binding.ts';
import { createSecretCookies } from './secret-cookies.ts';

const deps = { issuer: 'https://gatehouse.test', random: systemRandom, clock: new FakeClock() };
const set = createSecretCookies(deps, 'kind', 60);
const withCookies = (...cookies: string[]) =>
  new Request('https://gatehouse.test/', { headers: { cookie: cookies.map(pairOf).join('; ') } });
const pairOf = (cookie: string): string => cookie.split(';')[0] ?? '';
const issue = (id: string, ...cookies: string[]) => set.issue(withCookies(...cookies), id);
const removedBy = (cookies: readonly string[]) =>
  cookies.filter((cookie) => cookie.includes('Max-Age=0')).map(pairOf);

describe('secret cookies', () => {
  it('are of this host alone, secure, out of reach of scripts, and removed by name', () => {
    expect(issue('one').cookies).toEqual([
      expect.stringMatching(
        /^__Host-gatehouse-kind-one=\d+\.[\w-]{43}; Max-Age=60; Path=\/; HttpOnly; SameSite=Lax; Secure$/,
      ),
    ]);
    expect(set.end('one')).toMatch(/^__Host-gatehouse-kind-one=; Max-Age=0; /);
  });

  it('match their own id and hash alone', () => {
    const one = issue('one');
    const two = issue('two');
    const request = withCookies(...one.cookies, ...two.cookies);

    expect(set.matches(request, 'one', one.hash)).toBe(true);
    expect(set.matches(request, 'two', two.hash)).toBe(true);
    expect(set.matches(request, 'one', two.hash)).toBe(false);
    expect(set.matches(request, 'three', one.hash)).toBe(false);
  });

  it('do not match when they are missing, there twice, or of no form of ours', () => {
    const mine = issue('one');
    const other = issue('one');
    const secret = /\.([\w-]{43})/.exec(mine.cookies[0] ?? '')?.[1] ?? '';

    for (const cookies of [
      [],
      other.cookies,
      [...mine.cookies, ...other.cookies],
      [...mine.cookies, ...mine.cookies],
      [`__Host-gatehouse-kind-one=${secret}`],
      [`__Host-gatehouse-kind-one=1.${secret}A`],
      ['__Host-gatehouse-kind-one='],
    ]) {
      expect(set.matches(withCookies(...cookies), 'one', mine.hash)).toBe(false);
    }
  });

  it('are not read under a name without __Host- on https', () => {
    const mine = issue('one');

    const planted = mine.cookies.map((cookie) => cookie.replace('__Host-', ''));

    expect(set.matches(withCookies(...planted), 'one', mine.hash)).toBe(false);
  });

  it('have plain names on loopback http, where browsers refuse __Host-', () => {
    const local = createSecretCookies({ ...deps, issuer: 'http://127.0.0.1:8080' }, 'kind', 60);
    const mine = local.issue(withCookies(), 'one');

    expect(mine.cookies[0]).toMatch(/^gatehouse-kind-one=/);
    expect(mine.cookies[0]).not.toContain('Secure');
    expect(local.matches(withCookies(...mine.cookies), 'one', mine.hash)).toBe(true);
  });

  it('make room by removing the oldest and whatever cannot be read', () => {
    const there = [5, 3, 9, 1, 7, 8].map((at) => `__Host-gatehouse-kind-at${at}=${at}.${'s'.repeat(43)}`);

    const { cookies } = issue('new', ...there, '__Host-gatehouse-kind-odd=nonsense', 'unrelated=1');

    expect(removedBy(cookies).sort()).toEqual(['__Host-gatehouse-kind-at1=', '__Host-gatehouse-kind-odd=']);
    expect(cookies.at(-1)).toMatch(/^__Host-gatehouse-kind-new=/);
  });

  it('remove the one that the browser names first, of those of one second', () => {
    const there = ['a', 'b', 'c', 'd', 'e', 'f', 'g'].map(
      (id) => `__Host-gatehouse-kind-${id}=5.${'s'.repeat(43)}`,
    );

    expect(removedBy(issue('new', ...there).cookies).sort()).toEqual([
      '__Host-gatehouse-kind-a=',
      '__Host-gatehouse-kind-b=',
    ]);
  });
});

describe('browser binding', () => {
  const binding = createBrowserBinding(deps);

  it('keeps the cookies of a page as long as it can be answered, of a flow as long as a login may take', () => {
    expect(binding.consent.issue(withCookies(), 'one').cookies).toEqual([
      expect.stringMatching(/^__Host-gatehouse-consent-one=.*Max-Age=300; /),
    ]);
    expect(binding.flow.issue(withCookies(), 'one').cookies).toEqual([
      expect.stringMatching(/^__Host-gatehouse-flow-one=.*Max-Age=600; /),
    ]);
  });

  it('never takes a cookie of one kind for the other, nor removes it', () => {
    const pages = Array.from({ length: 7 }, (_, at) => `__Host-gatehouse-consent-${at}=1.${'s'.repeat(43)}`);
    const page = binding.consent.issue(withCookies(), 'one');

    expect(binding.flow.matches(withCookies(...page.cookies), 'one', page.hash)).toBe(false);
    expect(removedBy(binding.flow.issue(withCookies(...pages), 'new').cookies)).toEqual([]);
  });
});
