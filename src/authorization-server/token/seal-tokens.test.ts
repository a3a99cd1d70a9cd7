import { describe, expect, it } from 'vitest';

import { systemRandom } from '../../platform/random.ts';
import { createSealer } from '../../platform/sealing/sealer.ts';
import { fingerprintClientId } from '../../services/clients/client.ts';
import { openAccessToken } from '../../services/tokens/access-token.ts';
import type { GrantTerms } from '../../services/tokens/grant-terms.ts';
import { openRefreshToken } from '../../services/tokens/refresh-token.ts';
import { makeAccessToken, makeRefreshToken } from './seal-tokens.ts';

const sealer = createSealer({
  secrets: ['a secret of more than thirty-two bytes'],
  context: 'https://gatehouse.test',
  random: systemRandom,
});
const now = 1_800_000_000;
const terms: GrantTerms = {
  grantId: 'grant-1',
  identityIssuer: 'https://login.test',
  subject: 'alice',
  email: undefined,
  name: undefined,
  groups: [],
  client: fingerprintClientId('client-a'),
  resource: 'https://gatehouse.test/mcp',
  scope: [],
  grantedAt: now,
  absoluteEnd: now + 1000,
};

describe('sealed tokens of a grant', () => {
  it('never outlive the absolute end', () => {
    const access = makeAccessToken(sealer, terms, now);
    const refresh = makeRefreshToken(sealer, terms, 'generation-1', now);

    expect(access.expiresInSeconds).toBe(995);
    expect(openAccessToken(sealer, access.accessToken)?.expiresAt).toBe(terms.absoluteEnd);
    expect(openRefreshToken(sealer, refresh.sealed)).toEqual({
      terms,
      tokenId: 'generation-1',
      expiresAt: terms.absoluteEnd,
    });
  });

  it.each<[Partial<GrantTerms>, object]>([
    [{ groups: ['g'.repeat(10_000)] }, { code: 'invalid_grant', status: 400, reason: 'groups_too_many' }],
    [
      { groups: [], name: 'n'.repeat(10_000) },
      { code: 'server_error', status: 500, reason: 'token_issue_failed' },
    ],
  ])('are refused when the terms do not fit (%#)', (changes, refusal) => {
    const large: GrantTerms = { ...terms, ...changes };
    expect(() => makeAccessToken(sealer, large, now)).toThrow(expect.objectContaining(refusal));
    expect(() => makeRefreshToken(sealer, large, 'generation-1', now)).toThrow(
      expect.objectContaining(refusal),
    );
  });
});
