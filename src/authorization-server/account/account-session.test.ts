import { beforeEach, describe, expect, it } from 'vitest';

import { FakeClock } from '../../../test/support/fake-clock.ts';
import { systemRandom as random } from '../../platform/random.ts';
import { createSealer } from '../../platform/sealing/sealer.ts';
import type { JudgedGrant } from '../../services/tokens/cut-off.ts';
import { type AccountSessions, createAccountSessions } from './account-session.ts';

let clock: FakeClock;
let judged: JudgedGrant[];
let isCutOff: boolean;
let isConfigured: boolean;

beforeEach(() => {
  clock = new FakeClock();
  judged = [];
  isCutOff = false;
  isConfigured = true;
});

function open(issuer = 'https://gatehouse.test'): AccountSessions {
  return createAccountSessions({
    issuer,
    sealer: createSealer({ secrets: ['s'.repeat(32)], context: issuer, random }),
    clock,
    random,
    identityProviders: { findByIssuer: () => (isConfigured ? ({} as never) : undefined) },
    revocations: {
      judge: (grant) => {
        judged.push(grant);
        return isCutOff;
      },
    },
  });
}

function begin(sessions: AccountSessions, sessionId?: string): Request {
  const issuer = 'https://login.test';
  const identity = { issuer, subject: 'alice', email: undefined, name: undefined, groups: [] };
  const [cookie = ''] = sessions.begin({ identity, sessionId }).split(';');
  return new Request('https://gatehouse.test/account', { headers: { cookie } });
}

describe('createAccountSessions', () => {
  it('finds who began a session, and by what they know themselves', () => {
    const sessions = open();
    expect(sessions.find(begin(sessions))).toMatchObject({
      identityIssuer: 'https://login.test',
      subject: 'alice',
      account: 'alice',
      expiresAt: clock.nowSeconds() + 600,
    });
  });

  it('judges a session like a grant of its beginning, with the session of the provider', () => {
    const sessions = open();
    const request = begin(sessions, 'session-1');
    const grantedAt = clock.nowSeconds();
    clock.advance(60);
    isCutOff = true;
    expect(sessions.find(request)).toBeUndefined();
    const whose = { identityIssuer: 'https://login.test', subject: 'alice', sessionId: 'session-1' };
    expect(judged).toEqual([expect.objectContaining({ ...whose, grantedAt })]);
  });

  it('knows nobody for whom no provider vouches any more', () => {
    const sessions = open();
    const request = begin(sessions);
    isConfigured = false;
    expect(sessions.find(request)).toBeUndefined();
  });

  it('has a plain name on loopback http alone, which is never read on https', () => {
    const local = open('http://127.0.0.1:8080');
    expect(local.begin({ identity: { issuer: 'i', subject: 's' } as never, sessionId: undefined })).toMatch(
      /^gatehouse-account-session=[^;]+; Max-Age=600; Path=\/; HttpOnly; SameSite=Lax$/,
    );
    const sessions = open();
    const header = begin(sessions).headers.get('cookie') ?? '';
    const headers = { cookie: header.replace('__Host-', '') };
    expect(sessions.find(new Request('https://gatehouse.test/account', { headers }))).toBeUndefined();
  });
});
