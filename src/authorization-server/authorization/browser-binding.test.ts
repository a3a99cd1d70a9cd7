import { describe, expect, it } from 'vitest';

import { FakeClock } from '../../../test/support/fake-clock.ts';
import { systemRandom } from '../../platform/random.ts';
import { createBrowserBinding } from './browser-binding.ts';

const clock = new FakeClock();
const bindingFor = (issuer: string) => createBrowserBinding({ issuer, random: systemRandom, clock });
const binding = bindingFor('https://gatehouse.test');
const withCookies = (...cookies: string[]) =>
  new Request('https://gatehouse.test/', { headers: { cookie: cookies.map(pairOf).join('; ') } });
const pairOf = (cookie: string): string => cookie.split(';')[0] ?? '';

describe('browser cookie', () => {
  it('is of this host alone, secure, and out of reach of scripts', () => {
    expect(binding.knowBrowser(withCookies()).cookie).toMatch(
      /^__Host-gatehouse-browser=[\w-]{43}; Max-Age=\d+; Path=\/; HttpOnly; SameSite=Lax; Secure$/,
    );
  });

  it('is kept, so that a second tab does not end the first', () => {
    const first = binding.knowBrowser(withCookies());

    const second = binding.knowBrowser(withCookies(first.cookie));

    expect(pairOf(second.cookie)).toBe(pairOf(first.cookie));
    expect(second.hash).toBe(first.hash);
    expect(binding.isSameBrowser(withCookies(first.cookie), first.hash)).toBe(true);
  });

  it.each([
    '__Host-gatehouse-browser=',
    '__Host-gatehouse-browser=short',
    `__Host-gatehouse-browser=${'é'.repeat(43)}`,
  ])('is made anew in place of %o', (planted) => {
    const request = new Request('https://gatehouse.test/', { headers: { cookie: encodeURI(planted) } });

    expect(pairOf(binding.knowBrowser(request).cookie)).toMatch(/=[\w-]{43}$/);
  });

  it('does not match when it is missing, another, or there twice', () => {
    const mine = binding.knowBrowser(withCookies());
    const other = binding.knowBrowser(withCookies());

    expect(binding.isSameBrowser(withCookies(), mine.hash)).toBe(false);
    expect(binding.isSameBrowser(withCookies(other.cookie), mine.hash)).toBe(false);
    expect(binding.isSameBrowser(withCookies(mine.cookie, other.cookie), mine.hash)).toBe(false);
    expect(binding.isSameBrowser(withCookies(mine.cookie, mine.cookie), mine.hash)).toBe(false);
  });

  it('is not read under a name without __Host- on https', () => {
    const mine = binding.knowBrowser(withCookies());
    const planted = mine.cookie.replace('__Host-', '');

    expect(binding.isSameBrowser(withCookies(planted), mine.hash)).toBe(false);
    expect(binding.knowBrowser(withCookies(planted)).hash).not.toBe(mine.hash);
  });

  it('has a plain name on loopback http, where browsers refuse __Host-', () => {
    const local = bindingFor('http://127.0.0.1:8080');
    const mine = local.knowBrowser(withCookies());

    expect(mine.cookie).toMatch(/^gatehouse-browser=/);
    expect(mine.cookie).not.toContain('Secure');
    expect(local.isSameBrowser(withCookies(mine.cookie), mine.hash)).toBe(true);
  });
});

describe('flow cookie', () => {
  it('matches its own flow alone', () => {
    const one = binding.startFlow(withCookies(), 'one');
    const two = binding.startFlow(withCookies(), 'two');
    const request = withCookies(...one.cookies, ...two.cookies);

    expect(binding.isSameFlow(request, 'one', one.hash)).toBe(true);
    expect(binding.isSameFlow(request, 'two', two.hash)).toBe(true);
    expect(binding.isSameFlow(request, 'one', two.hash)).toBe(false);
    expect(binding.isSameFlow(request, 'three', one.hash)).toBe(false);
    expect(binding.isSameFlow(withCookies(), 'one', one.hash)).toBe(false);
  });

  it('lives as long as the login may take, and is removed by name', () => {
    expect(binding.startFlow(withCookies(), 'one').cookies).toEqual([
      expect.stringMatching(/^__Host-gatehouse-flow-one=\d+\.[\w-]{43}; Max-Age=600; .*Secure$/),
    ]);
    expect(binding.endFlow('one')).toMatch(/^__Host-gatehouse-flow-one=; Max-Age=0; /);
  });

  it('makes room by removing the oldest and whatever cannot be read', () => {
    const flows = [5, 3, 9, 1, 7, 8].map((at) => `__Host-gatehouse-flow-at${at}=${at}.${'s'.repeat(43)}`);
    const request = withCookies(...flows, '__Host-gatehouse-flow-odd=nonsense', 'unrelated=1');

    const { cookies } = binding.startFlow(request, 'new');

    const removed = cookies.filter((cookie) => cookie.includes('Max-Age=0')).map(pairOf);
    expect(removed.sort()).toEqual(['__Host-gatehouse-flow-at1=', '__Host-gatehouse-flow-odd=']);
    expect(cookies.at(-1)).toMatch(/^__Host-gatehouse-flow-new=/);
  });
});
