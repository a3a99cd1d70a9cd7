import { describe, expect, it } from 'vitest';

import { systemRandom } from '../../platform/random.ts';
import { createSealer, type Sealer } from '../../platform/sealing/sealer.ts';
import { noScopes, type ScopeRules } from '../../services/resources/resource.ts';
import { sealAccessToken } from '../../services/tokens/access-token.ts';
import { sealAuthorizationCode } from '../../services/tokens/authorization-code.ts';
import type { GrantTerms } from '../../services/tokens/grant-terms.ts';
import { sealRefreshToken } from '../../services/tokens/refresh-token.ts';
import { FakeClock } from '../../../test/support/fake-clock.ts';
import { describeAsResource } from '../../../test/support/one-resource.ts';
import { type Admission, createAdmissions } from './admit.ts';

const resource = 'https://gatehouse.test/mcp';
const resourceMetadataUrl = 'https://gatehouse.test/.well-known/oauth-protected-resource/mcp';

function setUp(options: { revokeBefore?: number; cacheEntries?: number; scopes?: ScopeRules } = {}) {
  const clock = new FakeClock();
  const sealer = createSealer({
    secrets: ['0123456789abcdefghijklmnopqrstuvwxyz'],
    context: 'https://gatehouse.test',
    random: systemRandom,
  });
  let opens = 0;
  const counting: Sealer = {
    seal: (purpose, text) => sealer.seal(purpose, text),
    open(purpose, token) {
      opens += 1;
      return sealer.open(purpose, token);
    },
  };
  const revoked = new Set<string>();
  const admissions = createAdmissions({
    sealer: counting,
    clock,
    revocations: { judge: ({ grantId }) => revoked.has(grantId) },
    revokeBefore: options.revokeBefore,
    ...(options.cacheEntries === undefined ? {} : { cacheEntries: options.cacheEntries }),
  });
  const admission = admissions.forResource({
    identifier: resource,
    metadataUrl: resourceMetadataUrl,
    scopes: options.scopes ?? noScopes,
  });
  const elsewhere = admissions.forResource(describeAsResource('https://gatehouse.test/other'));
  const now = clock.nowSeconds();
  const terms: GrantTerms = {
    grantId: 'grant-1',
    identityIssuer: 'https://idp.test',
    subject: 'alice',
    email: 'alice@example.com',
    name: 'Alice',
    groups: ['a'],
    client: 'client-fingerprint' as GrantTerms['client'],
    resource,
    scope: [],
    grantedAt: now - 10,
    absoluteEnd: now + 1_000_000,
  };
  const issue = (changes: Partial<GrantTerms> = {}, issuedAt = now, expiresAt = issuedAt + 3600): string =>
    sealAccessToken(sealer, { terms: { ...terms, ...changes }, issuedAt, expiresAt });
  return { admissions, admission, elsewhere, clock, sealer, revoked, terms, issue, now, opens: () => opens };
}

function reasonOf(admission: Admission): string {
  return admission.outcome === 'refused' ? admission.reason : 'admitted';
}

describe('admission (RFC 6750)', () => {
  it('admits a valid token and hands over its grant', () => {
    const { admission, issue, terms } = setUp();
    const result = admission.admit(`Bearer ${issue()}`);
    expect(result).toMatchObject({ outcome: 'admitted', grant: terms });
  });

  it.each(['bearer', 'BEARER', 'BeArEr'])('takes the scheme spelled %s', (scheme) => {
    const { admission, issue } = setUp();
    expect(admission.admit(`${scheme} ${issue()}`).outcome).toBe('admitted');
  });

  it.each([
    undefined,
    '',
    'Bearer',
    'Bearer    ',
    'Basic dXNlcjpwYXNz',
    'DPoP abc',
    'Negotiate abc',
    'Bearerx y',
  ])('answers %j with a bare challenge', (authorization) => {
    const { admission } = setUp();
    const result = admission.admit(authorization);
    expect(result).toMatchObject({
      outcome: 'refused',
      status: 401,
      reason: 'token_missing',
      challenge: `Bearer resource_metadata="${resourceMetadataUrl}"`,
    });
    expect(result).not.toHaveProperty('error');
  });

  it('refuses several Authorization lines, even when each is good', () => {
    const { admission, issue } = setUp();
    const line = `Bearer ${issue()}`;
    expect(admission.admit([line]).outcome).toBe('admitted');
    expect(reasonOf(admission.admit([line, line]))).toBe('invalid_token');
    expect(reasonOf(admission.admit([line, 'Basic abc']))).toBe('invalid_token');
    expect(reasonOf(admission.admit(`${line}, ${line}`))).toBe('invalid_token');
    expect(reasonOf(admission.admit([]))).toBe('token_missing');
  });

  it('says invalid_token and where the metadata is', () => {
    const { admission } = setUp();
    expect(admission.admit('Bearer nonsense')).toEqual({
      outcome: 'refused',
      status: 401,
      reason: 'invalid_token',
      error: 'invalid_token',
      description: 'The access token is not valid',
      challenge:
        'Bearer error="invalid_token", error_description="The access token is not valid", ' +
        `resource_metadata="${resourceMetadataUrl}"`,
    });
  });

  it('tells whoever has no good token what to ask for at first', () => {
    const { admission } = setUp({
      scopes: {
        declared: [
          { name: 'files:read', description: undefined, includes: [] },
          { name: 'files:write', description: undefined, includes: [] },
        ],
        defaults: ['files:read'],
        required: [],
      },
    });
    const bare = admission.admit(undefined);
    const invalid = admission.admit('Bearer nonsense');

    expect(bare).toMatchObject({
      challenge: `Bearer scope="files:read", resource_metadata="${resourceMetadataUrl}"`,
    });
    expect(invalid).toMatchObject({
      challenge: expect.stringMatching(/^Bearer error="invalid_token", .*, scope="files:read", /),
    });
  });

  it('refuses refresh tokens, codes, and tokens of another deployment', () => {
    const { admission, sealer, terms, now } = setUp();
    const refresh = sealRefreshToken(sealer, { terms, tokenId: 'x', expiresAt: now + 100 });
    const code = sealAuthorizationCode(sealer, {
      terms,
      redirectUri: 'http://127.0.0.1/cb',
      codeChallenge: 'c'.repeat(43) as never,
      expiresAt: now + 60,
    });
    const other = createSealer({
      secrets: ['0123456789abcdefghijklmnopqrstuvwxyz'],
      context: 'https://other.test',
      random: systemRandom,
    });
    const foreign = sealAccessToken(other, { terms, issuedAt: now, expiresAt: now + 3600 });
    const disguised = refresh.replace('mgh_rt_', 'mgh_at_');
    for (const token of [refresh, code, foreign, disguised]) {
      expect(reasonOf(admission.admit(`Bearer ${token}`))).toBe('invalid_token');
    }
  });

  it('refuses a token of another resource on the same host', () => {
    const { admission, issue } = setUp();
    for (const other of [`${resource}2`, `${resource}/`, `${resource}/admin`, 'https://gatehouse.test']) {
      expect(reasonOf(admission.admit(`Bearer ${issue({ resource: other })}`))).toBe('resource_mismatch');
    }
  });

  it('refuses tokens issued, and tokens granted, before the cut-off', () => {
    const clock = new FakeClock();
    const revokeBefore = clock.nowSeconds();
    const { admission, issue, now } = setUp({ revokeBefore });
    const early = issue({ grantedAt: now - 50 }, now - 20);
    const refreshedLater = issue({ grantedAt: now - 50 }, now);
    const issuedEarly = issue({ grantedAt: now }, now - 20);
    const fresh = issue({ grantedAt: now }, now);
    expect(reasonOf(admission.admit(`Bearer ${issuedEarly}`))).toBe('token_revoked_iat_cutoff');
    expect(reasonOf(admission.admit(`Bearer ${early}`))).toBe('token_revoked_iat_cutoff');
    expect(reasonOf(admission.admit(`Bearer ${refreshedLater}`))).toBe('token_revoked_iat_cutoff');
    expect(reasonOf(admission.admit(`Bearer ${fresh}`))).toBe('admitted');
  });
});

describe('the verified-token cache', () => {
  it('opens a token once', () => {
    const { admission, issue, opens } = setUp();
    const line = `Bearer ${issue()}`;
    admission.admit(line);
    admission.admit(line);
    admission.admit(line);
    expect(opens()).toBe(1);
  });

  it('does not outlive the token', () => {
    const { admission, issue, clock } = setUp();
    const line = `Bearer ${issue()}`;
    expect(reasonOf(admission.admit(line))).toBe('admitted');
    clock.advance(3600);
    expect(reasonOf(admission.admit(line))).toBe('token_expired');
  });

  it('asks about revocation on every hit', () => {
    const { admission, issue, revoked } = setUp();
    const line = `Bearer ${issue()}`;
    expect(reasonOf(admission.admit(line))).toBe('admitted');
    revoked.add('grant-1');
    expect(reasonOf(admission.admit(line))).toBe('token_revoked');
  });

  it('keeps nothing that was refused', () => {
    const { admission, issue, opens } = setUp();
    const line = `Bearer ${issue({ resource: 'https://elsewhere.test' })}`;
    admission.admit(line);
    admission.admit(line);
    expect(opens()).toBe(2);
  });

  it('knows a token by all of it', () => {
    const { admission, issue } = setUp();
    const token = issue();
    admission.admit(`Bearer ${token}`);
    for (let index = 7; index < token.length; index += 13) {
      const flipped = token[index] === 'A' ? 'B' : 'A';
      const tampered = token.slice(0, index) + flipped + token.slice(index + 1);
      expect(reasonOf(admission.admit(`Bearer ${tampered}`))).toBe('invalid_token');
    }
  });

  it('keeps those that came first when it is full, and opens the others each time', () => {
    const { admission, issue, opens } = setUp({ cacheEntries: 2 });
    const lines = [1, 2, 3].map((number) => `Bearer ${issue({ subject: `s${number}` })}`);
    for (const line of lines) admission.admit(line);
    for (const line of lines) admission.admit(line);
    expect(opens()).toBe(4);
  });

  it('makes room for new ones when those that it holds are over', () => {
    const { admission, issue, opens, clock } = setUp({ cacheEntries: 2 });
    for (const number of [1, 2]) admission.admit(`Bearer ${issue({ subject: `s${number}` })}`);
    clock.advance(3700);
    const late = `Bearer ${issue({ subject: 'late' }, clock.nowSeconds())}`;
    admission.admit(late);
    admission.admit(late);
    expect(opens()).toBe(3);
  });
});

describe('recheck', () => {
  it('tells when an admitted call would be refused by now', () => {
    const { admission, issue, revoked, clock } = setUp();
    const call = admission.admit(`Bearer ${issue()}`);
    if (call.outcome !== 'admitted') throw new Error('not admitted');
    expect(admission.recheck(call)).toBeUndefined();
    revoked.add('grant-1');
    expect(admission.recheck(call)?.reason).toBe('token_revoked');
    revoked.clear();
    clock.advance(4000);
    expect(admission.recheck(call)?.reason).toBe('token_expired');
  });
});

describe('several resources', () => {
  it('share what was opened, and each takes only its own', () => {
    const { admission, elsewhere, issue, opens } = setUp();
    const line = `Bearer ${issue()}`;
    expect(reasonOf(admission.admit(line))).toBe('admitted');
    expect(elsewhere.admit(line)).toMatchObject({
      outcome: 'refused',
      reason: 'resource_mismatch',
      challenge: expect.stringContaining('/.well-known/oauth-protected-resource/other"') as string,
    });
    expect(reasonOf(admission.admit(line))).toBe('admitted');
    expect(opens()).toBe(1);
  });

  it('keep nothing of a token that was shown to the wrong one', () => {
    const { admission, elsewhere, issue, opens } = setUp();
    const line = `Bearer ${issue()}`;
    elsewhere.admit(line);
    elsewhere.admit(line);
    expect(reasonOf(admission.admit(line))).toBe('admitted');
    expect(opens()).toBe(3);
  });

  it('are each what a token may be active for, as long as it is served', () => {
    const { admissions, issue, revoked, clock } = setUp();
    const token = issue({ resource: 'https://gatehouse.test/other' });
    const served = (resource: string): boolean => resource === 'https://gatehouse.test/other';
    expect(admissions.findActive(token, served)?.grant.resource).toBe('https://gatehouse.test/other');
    expect(admissions.findActive(token, () => false)).toBeUndefined();
    expect(admissions.findActive('mgh_at_nonsense', () => true)).toBeUndefined();
    revoked.add('grant-1');
    expect(admissions.findActive(token, served)).toBeUndefined();
    revoked.clear();
    clock.advance(4000);
    expect(admissions.findActive(token, served)).toBeUndefined();
  });
});
