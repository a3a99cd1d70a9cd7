import { describe, expect, it } from 'vitest';

import { systemRandom } from '../../platform/random.ts';
import { createSealer, type SealPurpose } from '../../platform/sealing/sealer.ts';
import { computeCodeChallenge } from '../../protocol/pkce.ts';
import { fingerprintClientId } from '../clients/client.ts';
import { accessTokenPurpose, openAccessToken, sealAccessToken } from './access-token.ts';
import {
  authorizationCodePurpose,
  openAuthorizationCode,
  sealAuthorizationCode,
} from './authorization-code.ts';
import type { GrantTerms } from './grant-terms.ts';
import { openRefreshToken, refreshTokenPurpose, sealRefreshToken } from './refresh-token.ts';

const sealer = createSealer({
  secrets: ['a secret of at least thirty-two bytes'],
  context: 'https://gatehouse.test',
  random: systemRandom,
});

const bare: GrantTerms = {
  grantId: 'grant-1',
  identityIssuer: 'https://idp.test',
  subject: 'person-1',
  email: undefined,
  name: undefined,
  groups: [],
  client: fingerprintClientId('client-1'),
  resource: 'https://gatehouse.test/mcp',
  scope: [],
  grantedAt: 1_700_000_000,
  absoluteEnd: 1_707_776_000,
};
const full: GrantTerms = {
  ...bare,
  email: 'person@example.test',
  name: 'Përson ✓',
  groups: ['staff', 'größe, 1'],
  scope: ['mcp:read', 'mcp:write'],
};

const codeOf = (terms: GrantTerms) => ({
  terms,
  redirectUri: 'https://client.example/callback',
  codeChallenge: computeCodeChallenge('x'.repeat(43)),
  expiresAt: 1_700_000_060,
});
const accessOf = (terms: GrantTerms) => ({ terms, issuedAt: 1_700_000_000, expiresAt: 1_700_003_600 });
const refreshOf = (terms: GrantTerms) => ({ terms, tokenId: 'r0', expiresAt: 1_700_604_800 });

const kinds = [
  {
    kind: 'code',
    purpose: authorizationCodePurpose,
    seal: (terms: GrantTerms) => sealAuthorizationCode(sealer, codeOf(terms)),
    open: (token: string): unknown => openAuthorizationCode(sealer, token),
    expected: codeOf,
  },
  {
    kind: 'access token',
    purpose: accessTokenPurpose,
    seal: (terms: GrantTerms) => sealAccessToken(sealer, accessOf(terms)),
    open: (token: string): unknown => openAccessToken(sealer, token),
    expected: accessOf,
  },
  {
    kind: 'refresh token',
    purpose: refreshTokenPurpose,
    seal: (terms: GrantTerms) => sealRefreshToken(sealer, refreshOf(terms)),
    open: (token: string): unknown => openRefreshToken(sealer, token),
    expected: refreshOf,
  },
];

/** Seals any content as if this system had: what a bug or another release could leave behind. */
function forge(purpose: SealPurpose, content: unknown): string {
  return sealer.seal(purpose, JSON.stringify(content));
}

describe.each(kinds)('sealed $kind', ({ purpose, seal, open, expected }) => {
  it.each([
    ['few', bare],
    ['all', full],
  ])('opens with %s of its terms as it was sealed', (_, terms) => {
    expect(open(seal(terms))).toEqual(expected(terms));
  });

  it('has its prefix and stays within its cap', () => {
    expect(seal(full).startsWith(purpose.prefix)).toBe(true);
    expect(seal(full).length).toBeLessThan(purpose.maxLength);
    expect(() => seal({ ...full, groups: ['x'.repeat(purpose.maxLength)] })).toThrow(/would exceed/);
  });

  it('does not open as any other kind, not even with the prefix swapped', () => {
    for (const other of kinds) {
      if (other.purpose === purpose) continue;
      expect(other.open(seal(full))).toBeUndefined();
      expect(other.open(seal(full).replace(purpose.prefix, other.purpose.prefix))).toBeUndefined();
    }
  });

  it.each(['', 'x', 'Bearer', 'mgh_at_', 'mgh_ac_', 'mgh_rt_', 'mgh_at_AAAA', 'eyJhbGciOiJub25lIn0.e30.'])(
    'does not open %j',
    (token) => {
      expect(open(token)).toBeUndefined();
    },
  );

  it.each<[string, Record<string, unknown>]>([
    ['no grant', { gid: undefined }],
    ['an empty grant', { gid: '' }],
    ['no subject', { sub: undefined }],
    ['an empty subject', { sub: '' }],
    ['a subject that is no string', { sub: 1 }],
    ['no identity provider', { idp: undefined }],
    ['no client', { cid: undefined }],
    ['no resource', { res: undefined }],
    ['no expiry', { exp: undefined }],
    ['an expiry in words', { exp: '1700003600' }],
    ['a fractional expiry', { exp: 1.5 }],
    ['an endless expiry', { exp: 1e300 }],
    ['groups that are no list', { grp: 'staff' }],
    ['a group that is no string', { grp: [1] }],
  ])('does not open with %s', (_, change) => {
    const whole = {
      gid: 'g',
      idp: 'i',
      sub: 's',
      cid: 'c',
      res: 'r',
      gat: 1,
      end: 2,
      iat: 1,
      exp: 2,
      tid: 't',
      ruri: 'https://client.example/',
      chal: 'x'.repeat(43),
    };
    expect(open(forge(purpose, whole))).toBeDefined();
    expect(open(forge(purpose, { ...whole, ...change }))).toBeUndefined();
  });

  it.each<[unknown]>([[null], [[]], ['text'], [1], [{}]])('does not open the content %j', (content) => {
    expect(open(forge(purpose, content))).toBeUndefined();
  });
});
