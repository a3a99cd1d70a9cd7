import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { createPolicy, decidedBy, plumbing, strictest } from './policy.ts';
import type { Operation, PolicyCaller, PolicyRule, PolicyRules, Who } from './rule.ts';

const alice: PolicyCaller = {
  identityIssuer: 'https://idp.test',
  subject: 'alice',
  email: 'Alice@Example.com',
  groups: ['staff', 'readers'],
  client: 'client-a',
};
const none: ReadonlySet<string> = new Set();

function rule(changes: Partial<PolicyRule>): PolicyRule {
  return {
    name: 'a rule',
    effect: 'allow',
    what: 'everything',
    to: undefined,
    except: [],
    scopes: [],
    ...changes,
  };
}

function tool(name: string): Operation {
  return { kind: 'tool', method: 'tools/call', name };
}

function method(name: string): Operation {
  return { kind: 'method', method: name, name: '' };
}

function resource(name: string): Operation {
  return { kind: 'resource', method: 'resources/read', name };
}

function decide(
  rules: readonly PolicyRule[],
  operation: Operation,
  {
    otherwise = 'deny',
    caller = alice,
    scopes = none,
    obtainable,
  }: {
    otherwise?: PolicyRules['otherwise'];
    caller?: PolicyCaller;
    scopes?: ReadonlySet<string>;
    obtainable?: ReadonlySet<string> | undefined;
  } = {},
) {
  const policy = createPolicy({ otherwise, rules }, 'https://idp.test').for(caller);
  return policy.decide(operation, scopes, obtainable);
}

describe('createPolicy', () => {
  describe('for a client that may be granted so much at most', () => {
    const wide = rule({ name: 'wide', scopes: ['write', 'admin'] });
    const near = rule({ name: 'near', scopes: ['root'] });
    const obtainable = new Set(['read', 'write', 'admin']);

    it('names scopes that it can get, be there a nearer rule that it cannot follow', () => {
      expect(decide([near, wide], tool('x'))).toMatchObject({ rule: 'near' });
      expect(decide([near, wide], tool('x'), { obtainable })).toEqual({
        outcome: 'scopes',
        rule: 'wide',
        scopes: ['write', 'admin'],
      });
    });

    it.each(['allow', 'deny'] as const)(
      'denies what it cannot get the scopes for, with the default %s',
      (otherwise) => {
        const refused = { outcome: 'denied', rule: 'near' };
        expect(decide([near], tool('x'), { obtainable, otherwise })).toEqual(refused);
        const none = { obtainable: new Set<string>(), otherwise };
        expect(decide([near], tool('x'), none)).toEqual(refused);
      },
    );

    it('goes by the scopes that the token has, whatever it may get', () => {
      const scopes = new Set(['root']);
      expect(decide([near], tool('x'), { obtainable, scopes })).toEqual({ outcome: 'allowed', rule: 'near' });
    });

    it('leaves plumbing alone', () => {
      const [first = ''] = plumbing;
      expect(decide([near], method(first), { obtainable })).toMatchObject({ outcome: 'allowed' });
    });
  });

  it('decides by the default what no rule speaks of', () => {
    expect(decide([], tool('x'))).toEqual({ outcome: 'denied', rule: decidedBy.default });
    expect(decide([], tool('x'), { otherwise: 'allow' })).toEqual({
      outcome: 'allowed',
      rule: decidedBy.default,
    });
  });

  it('names the rule that allows', () => {
    const rules = [rule({ name: 'reading', what: { tools: ['read_*'] } })];
    expect(decide(rules, tool('read_file'))).toEqual({ outcome: 'allowed', rule: 'reading' });
    expect(decide(rules, tool('write_file')).outcome).toBe('denied');
    expect(decide(rules, { kind: 'prompt', method: 'prompts/get', name: 'read_file' }).outcome).toBe(
      'denied',
    );
  });

  it('lets a denial decide, wherever it stands', () => {
    const deny = rule({ name: 'no', effect: 'deny', what: { tools: ['delete_*'] } });
    const allow = rule({ name: 'yes' });
    for (const rules of [
      [deny, allow],
      [allow, deny],
    ]) {
      expect(decide(rules, tool('delete_all'))).toEqual({ outcome: 'denied', rule: 'no' });
      expect(decide(rules, tool('read')).outcome).toBe('allowed');
    }
  });

  it('means by a method every use of it', () => {
    const rules = [rule({ effect: 'deny', what: { methods: ['tools/call'] } })];
    expect(decide(rules, tool('x'), { otherwise: 'allow' }).outcome).toBe('denied');
  });

  it('allows what a session cannot do without, unless it is denied by name', () => {
    for (const name of plumbing) expect(decide([], method(name)).outcome).toBe('allowed');
    expect(decide([], method('tasks/get')).outcome).toBe('denied');
    expect(decide([], method('Initialize')).outcome).toBe('denied');
    const rules = [rule({ effect: 'deny', what: { methods: ['logging/*'] } })];
    expect(decide(rules, method('logging/setLevel')).outcome).toBe('denied');
    const closed = [rule({ effect: 'deny', to: [{ groups: ['staff'] }] })];
    expect(decide(closed, method('initialize')).outcome).toBe('denied');
  });

  it('asks for no scope to begin a session', () => {
    const rules = [rule({ scopes: ['files'] })];
    expect(decide(rules, method('initialize')).outcome).toBe('allowed');
  });

  describe('scopes', () => {
    const rules = [
      rule({ name: 'long way', what: { tools: ['w'] }, scopes: ['a', 'b', 'c'] }),
      rule({ name: 'short way', what: { tools: ['w'] }, scopes: ['a', 'd'] }),
    ];

    it('allows with all scopes of one rule', () => {
      expect(decide(rules, tool('w'), { scopes: new Set(['a', 'd']) })).toEqual({
        outcome: 'allowed',
        rule: 'short way',
      });
    });

    it('asks for all scopes of the nearest rule', () => {
      expect(decide(rules, tool('w'), { scopes: new Set(['a']) })).toEqual({
        outcome: 'scopes',
        rule: 'short way',
        scopes: ['a', 'd'],
      });
      expect(decide(rules, tool('w'), { scopes: new Set(['b', 'c']) })).toMatchObject({ rule: 'long way' });
    });

    it('asks for them where everything else is allowed, too', () => {
      expect(decide(rules, tool('w'), { otherwise: 'allow' }).outcome).toBe('scopes');
    });

    it('asks nobody whom a denial means', () => {
      const denied = [...rules, rule({ effect: 'deny', what: { tools: ['w'] } })];
      expect(decide(denied, tool('w')).outcome).toBe('denied');
    });
  });

  describe('who', () => {
    it.each<[string, Who, boolean]>([
      ['one of the groups', { groups: ['x', 'staff'] }, true],
      ['a group in another case', { groups: ['Staff'] }, false],
      ['no group', { groups: [] }, false],
      ['the domain of the address', { emailDomains: ['EXAMPLE.com'] }, true],
      ['a domain above', { emailDomains: ['com'] }, false],
      ['a domain that ends so', { emailDomains: ['ample.com'] }, false],
      ['the address', { emails: ['alice@example.COM'] }, true],
      ['another address', { emails: ['bob@example.com'] }, false],
      ['the subject of its provider', { subjects: [{ issuer: 'https://idp.test', subject: 'alice' }] }, true],
      [
        'the subject of another provider',
        { subjects: [{ issuer: 'https://x.test', subject: 'alice' }] },
        false,
      ],
      ['the subject of the own provider', { subjects: [{ issuer: undefined, subject: 'alice' }] }, true],
      ['the client', { clients: ['client-a'] }, true],
      ['two that hold', { groups: ['staff'], clients: ['client-a'] }, true],
      ['two of which one holds', { groups: ['staff'], clients: ['client-b'] }, false],
      ['nothing at all', {}, false],
    ])('means by %s', (_, who, expected) => {
      expect(decide([rule({ to: [who] })], tool('x')).outcome).toBe(expected ? 'allowed' : 'denied');
    });

    it('means any of several, and nobody who is excepted', () => {
      const to = [{ groups: ['x'] }, { groups: ['staff'] }];
      expect(decide([rule({ to })], tool('x')).outcome).toBe('allowed');
      expect(decide([rule({ to, except: [{ emails: ['alice@example.com'] }] })], tool('x')).outcome).toBe(
        'denied',
      );
      expect(decide([rule({ to: [] })], tool('x')).outcome).toBe('denied');
    });

    it.each<[Partial<PolicyRule>, string]>([
      [{ to: [{ groups: ['staff'] }] }, 'denied'],
      [{ to: [{ groups: [{ issuer: 'https://other.test', group: 'staff' }] }] }, 'allowed'],
      [{ to: [{ groups: [{ issuer: 'https://other.test', group: 'sales' }] }] }, 'denied'],
      [{ except: [{ groups: ['staff'] }] }, 'denied'],
      [{ effect: 'deny', to: [{ groups: ['staff'] }] }, 'denied'],
      [{ effect: 'deny', except: [{ groups: ['staff'] }] }, 'denied'],
    ])('lets nobody do more by what a group is called at another provider: %j', (changes, outcome) => {
      const caller = { ...alice, identityIssuer: 'https://other.test' };
      const otherwise = changes.effect === 'deny' ? 'allow' : 'deny';
      expect(decide([rule(changes)], tool('x'), { caller, otherwise }).outcome).toBe(outcome);
    });

    it('takes the subject of another provider for somebody else', () => {
      const caller = { ...alice, identityIssuer: 'https://other.test' };
      const to = [{ subjects: [{ issuer: undefined, subject: 'alice' }] }];
      expect(decide([rule({ to })], tool('x'), { caller }).outcome).toBe('denied');
    });

    it('means nobody without an address by one', () => {
      const caller = { ...alice, email: undefined };
      expect(decide([rule({ to: [{ emailDomains: [''] }] })], tool('x'), { caller }).outcome).toBe('denied');
      expect(decide([rule({ to: [{ emails: [''] }] })], tool('x'), { caller }).outcome).toBe('denied');
    });

    it('folds ASCII letters alone', () => {
      const caller = { ...alice, email: 'a@\u212Aelvin.test' };
      expect(decide([rule({ to: [{ emailDomains: ['kelvin.test'] }] })], tool('x'), { caller }).outcome).toBe(
        'denied',
      );
    });
  });

  describe('resources', () => {
    const rules = [
      rule({ name: 'public', what: { resources: ['file:///public/*', 'file:///p/*'] } }),
      rule({ name: 'secret', effect: 'deny', what: { resources: ['file:///p/secret*'] } }),
    ];

    it.each([
      ['file:///public/a', 'allowed'],
      ['file:///public/../etc', 'denied'],
      ['file:///p/%73ecret', 'denied'],
      ['FILE:///p/secret', 'denied'],
      ['FILE:///p/a', 'denied'],
      ['file:///p/%61', 'allowed'],
    ])('decides on every spelling of %s', (uri, outcome) => {
      expect(decide(rules, resource(uri)).outcome).toBe(outcome);
    });

    it.each<['allow' | 'deny', string, string]>([
      ['allow', 'memo://Insights', 'allowed'],
      ['allow', 'memo://Other', 'denied'],
      ['deny', 'memo://Insights', 'denied'],
      ['deny', 'MEMO://insights', 'denied'],
      ['deny', 'memo://Other', 'allowed'],
      ['allow', 'file:///my%20files/a', 'allowed'],
      ['deny', 'file:///my files/a', 'denied'],
      ['allow', 'file:///a%2Ab', 'denied'],
      ['allow', 'file:///axb', 'denied'],
    ])('takes no notice of how a rule spells a URI: %s, asked for %s', (effect, uri, outcome) => {
      const otherwise = effect === 'allow' ? 'deny' : 'allow';
      const written = ['memo://Insights', 'file:///my%20files/*', 'file:///a%2Ab'];
      const rules = [rule({ effect, what: { resources: written } })];
      expect(decide(rules, resource(uri), { otherwise }).outcome).toBe(outcome);
    });

    it('looks for no spellings where no rule tells resources apart', () => {
      expect(decide([rule({})], resource('x:/a/../b')).outcome).toBe('allowed');
      expect(decide([], resource('x:/a/../b'), { otherwise: 'allow' }).outcome).toBe('allowed');
    });
  });

  it('says what is asked of all of several: a denial, else all their scopes', () => {
    const one = { outcome: 'scopes', rule: 'one', scopes: ['a'] } as const;
    const two = { outcome: 'scopes', rule: 'two', scopes: ['a', 'b'] } as const;
    const no = { outcome: 'denied', rule: 'no' } as const;
    expect(strictest([one, two])).toEqual({ outcome: 'scopes', rule: 'one', scopes: ['a', 'b'] });
    expect(strictest([one, no])).toBe(no);
    expect(strictest([])).toEqual({ outcome: 'denied', rule: decidedBy.default });
  });

  it('never allows more when a denial is added, nor less when an allowance is, in any order', () => {
    const names = fc.array(fc.constantFrom('a', 'ab', 'a*', '*', 'b'), { maxLength: 3 });
    const anyRule = fc.record({
      name: fc.constant('r'),
      effect: fc.constantFrom<'allow' | 'deny'>('allow', 'deny'),
      what: names.map((tools) => ({ tools })),
      to: fc.option(fc.constantFrom<readonly Who[]>([{ groups: ['staff'] }], [{ groups: ['x'] }]), {
        nil: undefined,
      }),
      except: fc.constant([]),
      scopes: fc.constant([]),
    });
    fc.assert(
      fc.property(fc.array(anyRule, { maxLength: 5 }), anyRule, fc.nat(5), (rules, added, at) => {
        for (const name of ['a', 'ab', 'b']) {
          const before = decide(rules, tool(name)).outcome;
          const after = decide(rules.toSpliced(at, 0, added), tool(name)).outcome;
          if (added.effect === 'deny' && before === 'denied') expect(after).toBe('denied');
          if (added.effect === 'allow' && before === 'allowed') expect(after).toBe('allowed');
        }
      }),
    );
  });
});
