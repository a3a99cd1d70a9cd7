import { describe, expect, it } from 'vitest';

import {
  admitsEverybody,
  type Entrant,
  type EntryRules,
  everybody,
  findEntryRefusal,
} from './entry-rules.ts';

const now = 1_000_000;
const named = (subject: string) => ({ issuer: undefined, subject });
const alice: Entrant = {
  subject: 'alice',
  email: 'Alice@Example.com',
  groups: ['engineering', 'staff'],
  acr: 'gold',
  amr: ['pwd', 'otp'],
  authenticatedAt: now - 100,
};
const nobodyKnown: Entrant = { subject: 'alice', email: undefined, groups: [] };

function judge(changes: Partial<EntryRules>, entrant: Partial<Entrant> = alice): string {
  const rules = { ...everybody, ...changes };
  return findEntryRefusal(rules, { ...nobodyKnown, ...entrant }, now) ?? 'admitted';
}

describe('findEntryRefusal', () => {
  it('admits everybody when nothing is said', () => {
    expect(judge({})).toBe('admitted');
    expect(judge({}, nobodyKnown)).toBe('admitted');
    expect(admitsEverybody(everybody)).toBe(true);
  });

  it.each([
    [{ any: ['staff', 'sales'], all: [], none: [] }, 'admitted'],
    [{ any: ['sales'], all: [], none: [] }, 'group'],
    [{ any: [], all: ['staff', 'engineering'], none: [] }, 'admitted'],
    [{ any: [], all: ['staff', 'sales'], none: [] }, 'group'],
    [{ any: ['staff'], all: [], none: ['engineering'] }, 'group'],
    [{ any: ['Staff'], all: [], none: [] }, 'group'],
  ])('with the groups %j: %s', (groups, verdict) => {
    expect(judge({ groups })).toBe(verdict);
    expect(admitsEverybody({ ...everybody, groups })).toBe(false);
  });

  it.each<[Partial<EntryRules>, string]>([
    [{ subjects: { allow: [named('alice')], deny: [] } }, 'admitted'],
    [{ subjects: { allow: [named('Alice')], deny: [] } }, 'entry_subject'],
    [{ subjects: { allow: [named('alice')], deny: [named('alice')] } }, 'entry_subject'],
    [{ emails: { allow: ['alice@example.com'], deny: [] } }, 'admitted'],
    [{ emails: { allow: [], deny: ['alice@example.com'] } }, 'entry_email'],
    [{ domains: { allow: ['example.com'], deny: [] } }, 'admitted'],
    [{ domains: { allow: ['ample.com', 'com', 'mail.example.com'], deny: [] } }, 'entry_domain'],
    [{ domains: { allow: [], deny: ['example.com'] } }, 'entry_domain'],
    [{ acr: ['silver', 'gold'] }, 'admitted'],
    [{ acr: ['silver'] }, 'entry_acr'],
    [{ amr: ['otp'] }, 'admitted'],
    [{ amr: ['otp', 'hwk'] }, 'entry_amr'],
    [{ maxAuthenticationAgeSeconds: 100 }, 'admitted'],
    [{ maxAuthenticationAgeSeconds: 99 }, 'entry_age'],
  ])('with %j: %s', (rules, verdict) => {
    expect(judge(rules)).toBe(verdict);
    expect(admitsEverybody({ ...everybody, ...rules })).toBe(false);
  });

  it.each<[Partial<EntryRules>, string]>([
    [{ emails: { allow: ['alice@example.com'], deny: [] } }, 'entry_email'],
    [{ domains: { allow: ['example.com'], deny: [] } }, 'entry_domain'],
    [{ emails: { allow: [], deny: ['mallory@example.com'] } }, 'entry_email'],
    [{ acr: [''] }, 'entry_acr'],
    [{ acr: ['gold'] }, 'entry_acr'],
    [{ amr: ['otp'] }, 'entry_amr'],
    [{ maxAuthenticationAgeSeconds: 3600 }, 'entry_age'],
  ])('assumes nothing of what is not known: %j: %s', (rules, verdict) => {
    expect(judge(rules, nobodyKnown)).toBe(verdict);
  });

  it.each<[Partial<EntryRules['groups']>, string | undefined, string]>([
    [{ any: ['staff'] }, undefined, 'admitted'],
    [{ any: ['staff'] }, 'https://other.test', 'group'],
    [{ all: ['staff'] }, 'https://other.test', 'group'],
    [{ any: [{ issuer: 'https://other.test', group: 'staff' }] }, 'https://other.test', 'admitted'],
    [{ any: [{ issuer: 'https://other.test', group: 'staff' }] }, undefined, 'group'],
    [{ any: [{ issuer: 'https://other.test', group: 'sales' }] }, 'https://other.test', 'group'],
    [{ none: ['staff'] }, 'https://other.test', 'group'],
    [{ none: [{ issuer: 'https://other.test', group: 'staff' }] }, 'https://other.test', 'group'],
    [{ none: [{ issuer: 'https://other.test', group: 'staff' }] }, undefined, 'admitted'],
  ])('with the groups %j, to people of %s: %s', (groups, identityIssuer, verdict) => {
    const rules = { groups: { ...everybody.groups, ...groups } };
    expect(judge(rules, { ...alice, identityIssuer })).toBe(verdict);
  });

  it('compares ASCII letters alone without regard to case', () => {
    const emails = { allow: ['kate@example.com'], deny: [] };
    expect(judge({ emails }, { ...alice, email: 'KATE@Example.COM' })).toBe('admitted');
    expect(judge({ emails }, { ...alice, email: '\u212aate@example.com' })).toBe('entry_email');
  });

  it('takes the last @ for the one before the domain', () => {
    const email = '"a@example.com"@evil.example';
    expect(judge({ domains: { allow: ['example.com'], deny: [] } }, { ...alice, email })).toBe(
      'entry_domain',
    );
  });
});
