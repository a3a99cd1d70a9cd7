import { describe, expect, it } from 'vitest';

import { formatAuthorizationResponse } from './authorization-response.ts';
import { matchRedirectUri, parseRedirectUri, type VerifiedRedirectUri } from './redirect-uri.ts';

function verify(uri: string): VerifiedRedirectUri {
  const verified = matchRedirectUri(uri, [parseRedirectUri(uri, { privateUseSchemes: ['cursor'] })]);
  if (verified === undefined) throw new Error('not verified');
  return verified;
}

const iss = 'https://gatehouse.test';

describe('formatAuthorizationResponse (OAuth 2.1 §4.1.2, RFC 9207)', () => {
  it.each([
    ['https://client.example/callback', 'https://client.example/callback?'],
    ['https://client.example', 'https://client.example?'],
    ['https://client.example/callback?', 'https://client.example/callback?'],
    ['https://client.example/callback?a=%2f&b', 'https://client.example/callback?a=%2f&b&'],
    ['https://client.example/callback?a=1&', 'https://client.example/callback?a=1&'],
    ['http://localhost:3118/callback', 'http://localhost:3118/callback?'],
    ['cursor://x/callback', 'cursor://x/callback?'],
  ])('keeps the bytes of %s', (uri, start) => {
    const location = formatAuthorizationResponse(verify(uri), { iss, state: 's', code: 'c' });
    expect(location).toBe(`${start}code=c&state=s&iss=https%3A%2F%2Fgatehouse.test`);
  });

  it('sends no state when the client sent none', () => {
    const location = formatAuthorizationResponse(verify('https://client.example/'), {
      iss,
      state: undefined,
      code: 'c',
    });
    expect([...new URL(location).searchParams.keys()]).toEqual(['code', 'iss']);
  });

  it('sends an error with its description, and no code', () => {
    const location = formatAuthorizationResponse(verify('https://client.example/'), {
      iss,
      state: 's',
      error: 'access_denied',
      errorDescription: 'The person said no',
    });
    expect(Object.fromEntries(new URL(location).searchParams)).toEqual({
      error: 'access_denied',
      error_description: 'The person said no',
      state: 's',
      iss,
    });
  });

  it('lets the state add no parameter, no fragment and no header line', () => {
    const state = 'x&code=evil#frag\r\nSet-Cookie: a=b&iss=https://evil.test ✓';
    const location = formatAuthorizationResponse(verify('https://client.example/'), {
      iss,
      state,
      code: 'c',
    });
    const url = new URL(location);
    expect(url.searchParams.getAll('code')).toEqual(['c']);
    expect(url.searchParams.getAll('iss')).toEqual([iss]);
    expect(url.searchParams.get('state')).toBe(state);
    expect(url.hash).toBe('');
    expect(location).toMatch(/^[\x21-\x7e]+$/);
  });
});
