import { describe, expect, it } from 'vitest';

import { FakeClock } from '../../../test/support/fake-clock.ts';
import { createEntryGate, type EntryTable, type ResourceEntrant } from './entry-gate.ts';
import { type EntryRules, everybody } from './entry-rules.ts';

const home = 'https://home.test';
const other = 'https://other.test';
const here = 'https://a.test/mcp';
const named = [{ issuer: undefined, subject: 'alice' }];

function tableOf(rules: Partial<EntryRules>, changes: Partial<EntryTable> = {}): EntryTable {
  return {
    all: { rules: { ...everybody, ...rules }, contact: undefined },
    ofResource: new Map(),
    homeIssuers: new Map([[here, home]]),
    ...changes,
  };
}

const somebody = (changes: Partial<ResourceEntrant> = {}): ResourceEntrant => ({
  identityIssuer: home,
  subject: 'alice',
  email: undefined,
  groups: [],
  resource: here,
  ...changes,
});

const open = (table: EntryTable) => createEntryGate(table, { clock: new FakeClock() });

describe('the entry gate: clients that act for themselves', () => {
  const groups = { any: ['staff'], all: [], none: [] };
  const table = tableOf({ groups }, { clientIssuer: 'https://us.test' });
  const bot = somebody({ actor: 'client', subject: 'bot' });

  it.each([
    ['https://us.test', undefined],
    [home, 'group'],
    [other, 'group'],
  ])('of %s: %s', (identityIssuer, refusal) => {
    expect(open(table).judge({ ...bot, identityIssuer })).toBe(refusal);
    expect(open(table).judge({ ...bot, identityIssuer, resource: 'https://gone.test' })).toBe(refusal);
  });

  it('are all judged where nobody’s were named', () => {
    const gate = open(tableOf({ groups }));
    expect(gate.judge({ ...bot, identityIssuer: 'https://us.test' })).toBe('group');
  });
});

describe('the entry gate: a resource that is gone', () => {
  const nowhere = new Map<string, string>();
  const deny = { subjects: { allow: [], deny: named } };
  const allow = { subjects: { allow: named, deny: [] } };

  it.each([
    [deny, home, 'entry_subject'],
    [deny, other, undefined],
    [allow, home, undefined],
    [allow, other, 'entry_subject'],
  ])('with the rules %j keeps the home it had, for those of %s: %s', (rules, identityIssuer, refusal) => {
    const gate = open(tableOf({}));
    gate.replace(tableOf({}, { homeIssuers: nowhere }));
    gate.replace(tableOf(rules, { homeIssuers: nowhere }));
    expect(gate.judge(somebody({ identityIssuer }))).toBe(refusal);
  });

  it('has the last home it had, and the present one when it comes back', () => {
    const gate = open(tableOf({}));
    const rules = tableOf(deny, { homeIssuers: nowhere });
    gate.replace(tableOf({}, { homeIssuers: new Map([[here, other]]) }));
    gate.replace(rules);
    expect([home, other].map((identityIssuer) => gate.judge(somebody({ identityIssuer })))).toEqual([
      undefined,
      'entry_subject',
    ]);
    gate.replace(tableOf(deny));
    expect([home, other].map((identityIssuer) => gate.judge(somebody({ identityIssuer })))).toEqual([
      'entry_subject',
      undefined,
    ]);
  });

  it('was one of many alike: these are remembered with it', () => {
    const homeIssuers = new Map([['https://*.test/mcp', home]]);
    const gate = open(tableOf({}, { homeIssuers, familyOf: () => 'https://*.test/mcp' }));
    gate.replace(tableOf(deny, { homeIssuers: nowhere }));
    expect(gate.judge(somebody())).toBe('entry_subject');
  });

  it('lets nobody in by a name, and out by every one, once its home is forgotten', () => {
    const gate = open(tableOf({}));
    for (let times = 0; times < 17; times += 1) {
      gate.replace(tableOf({}, { homeIssuers: new Map([[`https://${times}.test`, home]]) }));
    }
    for (const rules of [deny, allow]) {
      gate.replace(tableOf(rules, { homeIssuers: nowhere }));
      for (const identityIssuer of [home, other]) {
        expect(gate.judge(somebody({ identityIssuer }))).toBe('entry_subject');
      }
    }
    expect(gate.judge(somebody({ subject: 'bob' }))).toBe('entry_subject');
    gate.replace(tableOf(deny, { homeIssuers: nowhere }));
    expect(gate.judge(somebody({ subject: 'bob' }))).toBeUndefined();
  });

  it('has no home of another one that is there by itself', () => {
    const homeIssuers = new Map([
      ['https://*.test/mcp', other],
      [here, home],
    ]);
    const gate = open(tableOf(deny, { homeIssuers, familyOf: () => 'https://*.test/mcp' }));
    expect(gate.judge(somebody())).toBe('entry_subject');
    expect(gate.judge(somebody({ identityIssuer: other }))).toBeUndefined();
  });
});

describe('the entry gate: a denial of groups', () => {
  it.each([
    [{ issuer: home, group: 'suspended' }, 'group', undefined],
    [{ issuer: other, group: 'suspended' }, undefined, 'group'],
    ['suspended', 'group', 'group'],
  ])('of %j: %s for people of the home, %s for others', (name, ofHome, ofOthers) => {
    const gate = open(tableOf({ groups: { any: [], all: [], none: [name] } }));
    const verdicts = [home, other].map((identityIssuer) =>
      gate.judge(somebody({ identityIssuer, groups: ['suspended'] })),
    );
    expect(verdicts).toEqual([ofHome, ofOthers]);
  });
});
