import { describe, expect, it } from 'vitest';

import { OAuthError } from '../../protocol/oauth-error.ts';
import { checkAllowedGroups, type ClaimReading, type ClaimRules, readClaims } from './claims.ts';

const rules = { issuer: 'https://login.test', groupsClaim: 'groups', trustUnverifiedEmail: false };
const read = (claims: Record<string, unknown>, changes: Partial<ClaimRules> = {}): ClaimReading =>
  readClaims({ sub: 'alice', ...claims }, { ...rules, ...changes });

function refusalOf(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    if (error instanceof OAuthError) return [error.code, error.reason, error.status];
  }
  return undefined;
}

describe('readClaims', () => {
  it('reads a person', () => {
    const claims = { email: 'a@b.example', email_verified: true, name: 'Älice 例', groups: ['x', 'y'] };
    expect(read(claims)).toEqual({
      identity: {
        issuer: 'https://login.test',
        subject: 'alice',
        email: 'a@b.example',
        name: 'Älice 例',
        groups: ['x', 'y'],
      },
      isGroupsShapeMismatch: false,
    });
  });

  it('reads a person of whom nothing but the subject is known', () => {
    expect(read({}).identity).toEqual({
      issuer: 'https://login.test',
      subject: 'alice',
      email: undefined,
      name: undefined,
      groups: [],
    });
  });

  describe('subject', () => {
    it.each([
      ['missing', undefined],
      ['empty', ''],
      ['a number', 7],
      ['longer than 255 characters', 'x'.repeat(256)],
      ['beyond ASCII', 'älice'],
      ['with a line break', 'alice\r\nx-groups: admin'],
      ['with a space in front', ' alice'],
      ['with a space behind', 'alice '],
    ])('refuses one that is %s', (_what, sub) => {
      expect(refusalOf(() => read({ sub }))).toEqual(['access_denied', 'subject_missing', 403]);
    });

    it.each(['a', 'x'.repeat(255), 'auth0|5f7c8ec7c33c6c004bbafe82', 'Alice Example'])(
      'accepts %s',
      (sub) => {
        expect(read({ sub }).identity.subject).toBe(sub);
      },
    );
  });

  describe('e-mail', () => {
    const email = 'alice@example.com';

    it.each([[true], ['true']])('keeps an address with email_verified %j', (email_verified) => {
      expect(read({ email, email_verified }).identity.email).toBe(email);
    });

    it.each([[false], ['false']])('refuses the login with email_verified %j', (email_verified) => {
      const expected = ['access_denied', 'email_unverified', 403];
      expect(refusalOf(() => read({ email, email_verified }))).toEqual(expected);
      expect(refusalOf(() => read({ email, email_verified }, { trustUnverifiedEmail: true }))).toEqual(
        expected,
      );
      expect(refusalOf(() => read({ email_verified }))).toEqual(expected);
    });

    it.each([[undefined], [null], [1], ['yes'], ['TRUE'], [{}]])(
      'leaves an address out with email_verified %j, unless unverified ones are trusted',
      (email_verified) => {
        expect(read({ email, email_verified }).identity.email).toBeUndefined();
        expect(read({ email, email_verified }, { trustUnverifiedEmail: true }).identity.email).toBe(email);
      },
    );

    it.each([
      'alice@evil.example@example.com',
      '"alice@evil.example"@example.com',
      'alice',
      '@example.com',
      'alice@',
      'alice@example.com.',
      'alice@example..com',
      'alice@-example.com',
      'alice @example.com',
      'alice@example.com\n',
      'alice@example.com\u0000',
      'alice,bob@example.com',
      'Alice <alice@example.com>',
      'alice@exämple.com',
      'alıce@example.com',
      `alice@${'x'.repeat(250)}.com`,
      `${'x'.repeat(65)}@example.com`,
      '',
      7,
      ['alice@example.com'],
    ])('leaves %j out, verified or trusted', (malformed) => {
      const reading = read({ email: malformed, email_verified: true }, { trustUnverifiedEmail: true });
      expect(reading.identity.email).toBeUndefined();
    });

    it.each(["o'brien+mcp@mail.example.co.uk", 'a_b.c-d@x1.example', 'root@localhost'])(
      'keeps %s',
      (plain) => {
        expect(read({ email: plain, email_verified: true }).identity.email).toBe(plain);
      },
    );
  });

  it.each(['', '  ', 'a\nb', 'a\u202eb', 'x'.repeat(257), 7])('leaves out the name %j', (name) => {
    expect(read({ name }).identity.name).toBeUndefined();
  });

  describe('groups', () => {
    it.each([[7], [true], [{ admin: true }], [['a', 7]], [['a', null]], [[['a']]]])(
      'takes %j for no groups and says so',
      (groups) => {
        expect(read({ groups })).toMatchObject({ identity: { groups: [] }, isGroupsShapeMismatch: true });
      },
    );

    it.each([[undefined], [null], [[]]])('takes %j for no groups, silently', (groups) => {
      expect(read({ groups })).toMatchObject({ identity: { groups: [] }, isGroupsShapeMismatch: false });
    });

    it.each([
      'a,admin',
      'a\r\nx',
      'a\u0000',
      'a\u007f',
      'a\u202eb',
      'a\u200bb',
      '',
      ' admin',
      'admin ',
      '\u00a0admin',
    ])('refuses the login for the group %j', (group) => {
      const expected = ['access_denied', 'group_invalid', 403];
      expect(refusalOf(() => read({ groups: ['engineering', group] }))).toEqual(expected);
    });

    it('reads the claim of the configured name, literally, and no inherited one', () => {
      const claims = { 'https://x.example/groups': ['a'], realm_access: { roles: ['b'] } };
      expect(read(claims, { groupsClaim: 'https://x.example/groups' }).identity.groups).toEqual(['a']);
      expect(read(claims, { groupsClaim: 'realm_access.roles' }).identity.groups).toEqual([]);
      expect(read(claims, { groupsClaim: 'constructor' })).toMatchObject({ isGroupsShapeMismatch: false });
    });

    it('takes one name for one group', () => {
      expect(read({ groups: 'engineering' }).identity.groups).toEqual(['engineering']);
      expect(refusalOf(() => read({ groups: 'a,admin' }))).toEqual(['access_denied', 'group_invalid', 403]);
    });

    it('follows a JSON pointer through the claims of the token alone', () => {
      const claims = { resource_access: { 'a/b': { roles: ['writer'] } }, list: [['x']] };
      const groupsAt = (groupsClaim: string) => read(claims, { groupsClaim }).identity.groups;
      expect(groupsAt('/resource_access/a~1b/roles')).toEqual(['writer']);
      for (const nowhere of [
        '/resource_access/c/roles',
        '/list/0',
        '/constructor/name',
        '/__proto__/x',
        '/',
      ]) {
        expect(read(claims, { groupsClaim: nowhere })).toMatchObject({
          identity: { groups: [] },
          isGroupsShapeMismatch: false,
        });
      }
    });

    it('takes the keys of an object for groups only where the provider is known to mean that', () => {
      const claims = { roles: { writer: { '1': 'example.com' }, reader: {} } };
      expect(read(claims, { groupsClaim: 'roles', groupsForm: 'keys' }).identity.groups).toEqual([
        'writer',
        'reader',
      ]);
      expect(read(claims, { groupsClaim: 'roles' })).toMatchObject({
        identity: { groups: [] },
        isGroupsShapeMismatch: true,
      });
    });

    it('keeps each group once', () => {
      expect(read({ groups: ['a', 'b', 'a'] }).identity.groups).toEqual(['a', 'b']);
    });
  });
});

describe('checkAllowedGroups', () => {
  it('admits everyone when no group is listed', () => {
    expect(refusalOf(() => checkAllowedGroups([], []))).toBeUndefined();
  });

  it('admits a member of one of the groups', () => {
    expect(refusalOf(() => checkAllowedGroups(['x', 'b'], ['a', 'b']))).toBeUndefined();
  });

  it.each([[[]], [['x']], [['A']], [['a ']], [['ab']]])('refuses %j where a is allowed', (groups) => {
    expect(refusalOf(() => checkAllowedGroups(groups, ['a']))).toEqual(['access_denied', 'group', 403]);
  });
});
