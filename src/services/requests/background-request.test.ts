import { describe, expect, it } from 'vitest';

import { checkNotInBackground } from './background-request.ts';

function check(headers: Record<string, string>): void {
  checkNotInBackground(new Request('https://gatehouse.test/account', { headers }));
}

const visit = { 'Sec-Fetch-Mode': 'navigate', 'Sec-Fetch-Dest': 'document' };

describe('checkNotInBackground', () => {
  it.each([
    ['no browser, or an old one', {}],
    ['an address that was typed', { ...visit, 'Sec-Fetch-Site': 'none' }],
    [
      'an address that is loaded ahead of being typed',
      {
        ...visit,
        'Sec-Fetch-Site': 'none',
        'Sec-Purpose': 'prefetch;prerender',
      },
    ],
    [
      'our own page',
      { 'Sec-Fetch-Site': 'same-origin', 'Sec-Fetch-Mode': 'no-cors', 'Sec-Fetch-Dest': 'image' },
    ],
    ['a link of another site, or the way back from a login', { ...visit, 'Sec-Fetch-Site': 'cross-site' }],
  ])('lets through %s', (_, headers) => {
    expect(() => check(headers)).not.toThrow();
  });

  it.each([
    ['a picture', { 'Sec-Fetch-Mode': 'no-cors', 'Sec-Fetch-Dest': 'image' }],
    ['a frame', { ...visit, 'Sec-Fetch-Dest': 'iframe' }],
    ['a script that fetches', { 'Sec-Fetch-Mode': 'no-cors', 'Sec-Fetch-Dest': 'empty' }],
    ['a prefetch', { ...visit, 'Sec-Purpose': 'prefetch' }],
    ['what says nothing else', {}],
  ])('refuses %s of another site, and of a sibling', (_, headers) => {
    for (const site of ['cross-site', 'same-site']) {
      expect(() => check({ ...headers, 'Sec-Fetch-Site': site })).toThrow(
        expect.objectContaining({ code: 'access_denied', reason: 'cross_site_background', status: 403 }),
      );
    }
  });
});
