import { describe, expect, it } from 'vitest';

import { readAuthentication } from './authentication.ts';

describe('how somebody logged in, by the ID token', () => {
  it('is read as it is said', () => {
    expect(readAuthentication({ acr: 'gold', amr: ['pwd', 'otp'], auth_time: 1_700_000_000 })).toEqual({
      acr: 'gold',
      amr: ['pwd', 'otp'],
      authenticatedAt: 1_700_000_000,
    });
    expect(readAuthentication({})).toEqual({});
  });

  it.each([
    { acr: 1 },
    { acr: '' },
    { acr: 'x'.repeat(257) },
    { amr: 'mfa' },
    { amr: [] },
    { amr: ['mfa', 1] },
    { amr: ['a b'] },
    { amr: Array.from({ length: 17 }, () => 'mfa') },
    { auth_time: '1700000000' },
    { auth_time: -1 },
    { auth_time: 1.5 },
  ])('is not said by %j', (claims) => {
    expect(readAuthentication(claims)).toEqual({});
  });
});
