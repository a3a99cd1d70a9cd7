import { describe, expect, it } from 'vitest';

import { checkSameOriginPost } from './same-origin-post.ts';

const issuer = 'https://gatehouse.test';
const post = (headers: Record<string, string>) => new Request(issuer, { method: 'POST', headers });

describe('same-origin check of a form', () => {
  it.each([
    {},
    { origin: issuer },
    { 'sec-fetch-site': 'same-origin' },
    { origin: issuer, 'sec-fetch-site': 'same-origin' },
  ])('lets %o pass', (headers) => {
    expect(() => checkSameOriginPost(post(headers), issuer)).not.toThrow();
  });

  it.each([
    { origin: 'https://evil.example' },
    { origin: 'null' },
    { origin: '' },
    { origin: 'http://gatehouse.test' },
    { origin: 'https://gatehouse.test:8443' },
    { origin: 'https://x.gatehouse.test' },
    { origin: 'https://gatehouse.test.evil.example' },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { 'sec-fetch-site': 'none' },
    { origin: issuer, 'sec-fetch-site': 'cross-site' },
    { origin: 'null', 'sec-fetch-site': 'same-origin' },
  ])('refuses %o', (headers) => {
    expect(() => checkSameOriginPost(post(headers), issuer)).toThrow(
      expect.objectContaining({ code: 'access_denied', reason: 'cross_site_post', status: 403 }),
    );
  });
});
