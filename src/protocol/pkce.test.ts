import { describe, expect, it } from 'vitest';

import { checkCodeVerifier, computeCodeChallenge, parseCodeChallenge, parseCodeVerifier } from './pkce.ts';

// RFC 7636, appendix B
const verifier = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk';
const challenge = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM';

describe('computeCodeChallenge (RFC 7636 §4.2)', () => {
  it('computes the challenge of appendix B', () => {
    expect(computeCodeChallenge(verifier)).toBe(challenge);
  });
});

describe('parseCodeChallenge (RFC 7636 §4.3)', () => {
  it('accepts an S256 challenge', () => {
    expect(parseCodeChallenge(challenge, 'S256')).toBe(challenge);
  });

  it.each<[string | undefined, string | undefined, string]>([
    [undefined, undefined, 'pkce_missing'],
    [undefined, 'S256', 'pkce_missing'],
    ['', 'S256', 'pkce_missing'],
    [challenge, undefined, 'pkce_malformed'],
    [challenge, '', 'pkce_malformed'],
    [challenge, 'plain', 'pkce_malformed'],
    [challenge, 's256', 'pkce_malformed'],
    [challenge, 'S256 ', 'pkce_malformed'],
    [challenge, 'S512', 'pkce_malformed'],
    [challenge.slice(1), 'S256', 'pkce_malformed'],
    [`${challenge}A`, 'S256', 'pkce_malformed'],
    [`${challenge}=`, 'S256', 'pkce_malformed'],
    [`${challenge.slice(1)}=`, 'S256', 'pkce_malformed'],
    [`${challenge.slice(1)}+`, 'S256', 'pkce_malformed'],
    [`${challenge.slice(1)}/`, 'S256', 'pkce_malformed'],
    [`${challenge.slice(1)} `, 'S256', 'pkce_malformed'],
    [`${challenge}\n`, 'S256', 'pkce_malformed'],
    [`${challenge.slice(1)}é`, 'S256', 'pkce_malformed'],
  ])('refuses the challenge %j with the method %j', (value, method, reason) => {
    expect(() => parseCodeChallenge(value, method)).toThrow(
      expect.objectContaining({ code: 'invalid_request', reason, status: 400 }),
    );
  });
});

describe('parseCodeVerifier (RFC 7636 §4.1)', () => {
  it.each([verifier, 'x'.repeat(43), 'x'.repeat(128), 'aZ09-._~'.repeat(6)])('accepts %s', (value) => {
    expect(parseCodeVerifier(value)).toBe(value);
  });

  it.each<[string | undefined, string]>([
    [undefined, 'pkce_missing'],
    ['', 'pkce_missing'],
    ['x'.repeat(42), 'pkce_malformed'],
    ['x'.repeat(129), 'pkce_malformed'],
    [`${'x'.repeat(43)}\n`, 'pkce_malformed'],
    [`${'x'.repeat(43)} `, 'pkce_malformed'],
    [`${'x'.repeat(43)}+`, 'pkce_malformed'],
    [`${'x'.repeat(43)}%`, 'pkce_malformed'],
    [`${'x'.repeat(43)}é`, 'pkce_malformed'],
    [`${'x'.repeat(43)}\0`, 'pkce_malformed'],
  ])('refuses %j', (value, reason) => {
    expect(() => parseCodeVerifier(value)).toThrow(
      expect.objectContaining({ code: 'invalid_request', reason, status: 400 }),
    );
  });
});

describe('checkCodeVerifier (RFC 7636 §4.6)', () => {
  const expected = parseCodeChallenge(challenge, 'S256');

  it('is content with the verifier the challenge was made from', () => {
    expect(() => checkCodeVerifier(verifier, expected)).not.toThrow();
  });

  it.each([challenge, verifier.toLowerCase(), `${verifier}x`, verifier.slice(1), 'x'.repeat(43), ''])(
    'refuses the verifier %j, saying no more than that the code is not valid',
    (value) => {
      expect(() => checkCodeVerifier(value, expected)).toThrow(
        expect.objectContaining({
          code: 'invalid_grant',
          reason: 'pkce_mismatch',
          description: 'The authorization code is not valid',
        }),
      );
    },
  );
});
