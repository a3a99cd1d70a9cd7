import { describe, expect, it } from 'vitest';

import { privateAccount } from '../support/identity/google.ts';
import { alice, startDirectoryForEachTest } from '../support/identity/google-directory.ts';
import { googleError } from '../support/identity/google-workspace.ts';
import { refusalOf } from '../support/identity/opened-provider.ts';

describe('IDP=google with GOOGLE_DIRECTORY', () => {
  const google = startDirectoryForEachTest();

  describe('groups', () => {
    it('are those that the directory has, by their addresses', async () => {
      const { identity } = await (await google.started()).logIn();
      expect(identity).toMatchObject({ subject: alice, groups: ['staff@example.com', 'mcp@example.com'] });
    });

    it('are asked for by the id of the account, never by its address', async () => {
      await (await google.started()).logIn();
      expect(google.cloud.workspace.questions).toEqual([
        `users/${alice}?fields=kind,id,suspended,archived`,
        `groups?userKey=${alice}&maxResults=200`,
      ]);
    });

    it('are read to the last page', async () => {
      const crowd = Array.from({ length: 750 }, (_, index) => `list-${index}@example.com`);
      google.cloud.workspace.memberships.set(alice, [...crowd, 'last@example.com']);
      const opened = await google.started({ GOOGLE_DIRECTORY_GROUPS: 'last@example.com,other@example.com' });
      expect((await opened.logIn()).identity.groups).toEqual(['last@example.com']);
      expect(google.cloud.workspace.questions.filter((each) => each.startsWith('groups'))).toHaveLength(4);
    });

    it('are none where the directory has none', async () => {
      google.cloud.workspace.memberships.clear();
      expect((await (await google.started()).logIn()).identity.groups).toEqual([]);
    });

    it('let in who is in one of ALLOWED_GROUPS, and nobody else', async () => {
      const opened = await google.started({ ALLOWED_GROUPS: 'mcp@example.com' });
      expect((await opened.logIn()).identity.groups).toContain('mcp@example.com');
      google.cloud.workspace.memberships.clear();
      expect(await refusalOf(opened.logIn())).toMatchObject({ code: 'access_denied', reason: 'group' });
      expect(opened.provider.admits(['staff@example.com'])).toBe(false);
    });

    it('are compared in lower case, as Google shows them', async () => {
      google.cloud.workspace.memberships.set(alice, ['MCP@Example.com']);
      const opened = await google.started({ ALLOWED_GROUPS: 'mcp@example.com' });
      expect((await opened.logIn()).identity.groups).toEqual(['mcp@example.com']);
    });

    it('are all kept unless some are named', async () => {
      const crowd = Array.from({ length: 200 }, (_, index) => `list-${index}@example.com`);
      google.cloud.workspace.memberships.set(alice, crowd);
      expect((await (await google.started()).logIn()).identity.groups).toEqual(crowd);
    });

    it('are not read with GOOGLE_DIRECTORY=users', async () => {
      const opened = await google.started({ GOOGLE_DIRECTORY: 'users' });
      expect((await opened.logIn()).identity.groups).toEqual([]);
      expect(google.cloud.workspace.questions).toEqual([`users/${alice}?fields=kind,id,suspended,archived`]);
    });
  });

  describe('nested groups', () => {
    const nested = { GOOGLE_DIRECTORY: 'nested' };

    it('are found through the groups that are members of them, each asked about once', async () => {
      google.cloud.workspace.join('staff@example.com', 'everybody@example.com');
      google.cloud.workspace.join('mcp@example.com', 'everybody@example.com', 'tools@example.com');
      google.cloud.workspace.join('everybody@example.com', 'world@example.com');
      const { identity } = await (await google.started(nested)).logIn();
      expect(identity.groups.toSorted()).toEqual(
        ['everybody', 'mcp', 'staff', 'tools', 'world'].map((name) => `${name}@example.com`),
      );
      expect(google.cloud.workspace.questions).toHaveLength(1 + 1 + 5);
    });

    it('are asked about once a minute for everybody; who is in which, each time', async () => {
      google.cloud.workspace.join('staff@example.com', 'everybody@example.com');
      const opened = await google.started(nested);
      const login = await opened.logIn();
      const { questions } = google.cloud.workspace;
      questions.length = 0;
      google.cloud.workspace.memberships.set(alice, ['staff@example.com']);
      expect(await opened.recheck(login)).toMatchObject({
        identity: { groups: ['staff@example.com', 'everybody@example.com'] },
      });
      expect(questions).toHaveLength(2);
      google.cloud.workspace.memberships.set('staff@example.com', []);
      google.clock.advance(60);
      expect(await opened.recheck(login)).toMatchObject({ identity: { groups: ['staff@example.com'] } });
    });

    it('are not looked for unless they are asked for', async () => {
      google.cloud.workspace.join('staff@example.com', 'admins@example.com');
      expect((await (await google.started()).logIn()).identity.groups).not.toContain('admins@example.com');
    });

    it('may be members of each other', async () => {
      google.cloud.workspace.join('staff@example.com', 'mcp@example.com', 'staff@example.com');
      google.cloud.workspace.join('mcp@example.com', 'staff@example.com');
      expect((await (await google.started(nested)).logIn()).identity.groups).toHaveLength(2);
    });

    it.each([
      ['deep', (index: number) => `level-${index}@example.com`, 30],
      ['many', () => 'mcp@example.com', 700],
    ])('that are too %s refuse the login', async (what, parentOf, count) => {
      for (let index = 0; index < count; index += 1) {
        if (what === 'deep') google.cloud.workspace.join(parentOf(index), parentOf(index + 1));
        else google.cloud.workspace.join(parentOf(index), `list-${index}@example.com`);
      }
      google.cloud.workspace.join(alice, parentOf(0));
      const opened = await google.started({ ...nested, GOOGLE_DIRECTORY_GROUPS: 'mcp@example.com' });
      expect((await refusalOf(opened.logIn())).reason).toBe('directory_unanswered');
      expect(google.cloud.workspace.questions.length).toBeLessThanOrEqual(20);
      expect(opened.logged()).toContain('directory_too_many_groups');
    });
  });

  describe('an account that is', () => {
    const ways: readonly [string, () => void][] = [
      [
        'suspended',
        () => google.cloud.workspace.users.set(alice, { email: 'alice@example.com', suspended: true }),
      ],
      [
        'archived',
        () => google.cloud.workspace.users.set(alice, { email: 'alice@example.com', archived: true }),
      ],
      ['deleted', () => google.cloud.workspace.users.delete(alice)],
    ];

    it.each(ways)('%s does not get in', async (_what, change) => {
      change();
      const opened = await google.started();
      expect(await refusalOf(opened.logIn())).toMatchObject({
        code: 'access_denied',
        reason: 'account_inactive',
        status: 403,
      });
      expect(google.cloud.workspace.questions.some((each) => each.startsWith('groups'))).toBe(false);
      expect(opened.events).toContainEqual({
        type: 'directory_asked',
        outcome: 'gone',
        subject: alice,
        identityProvider: 'google',
      });
    });

    it.each(ways)('%s is gone at the next recheck', async (_what, change) => {
      const opened = await google.started();
      const login = await opened.logIn();
      change();
      expect(await opened.recheck(login)).toEqual({ outcome: 'gone', reason: 'identity_gone' });
    });
  });

  it('asks again at a recheck: changed groups count, and who has left the allowed ones is gone', async () => {
    const opened = await google.started({ ALLOWED_GROUPS: 'mcp@example.com' });
    const login = await opened.logIn();
    google.cloud.workspace.memberships.set(alice, ['mcp@example.com', 'new@example.com']);
    expect(await opened.recheck(login)).toMatchObject({
      outcome: 'present',
      identity: { groups: ['mcp@example.com', 'new@example.com'] },
    });
    google.cloud.workspace.memberships.set(alice, ['new@example.com']);
    expect(await opened.recheck(login)).toEqual({ outcome: 'gone', reason: 'group' });
  });

  it('tells the directory nothing of people whom the domain keeps out', async () => {
    google.remote.person = privateAccount;
    const opened = await google.started();
    expect((await refusalOf(opened.logIn())).reason).toBe('claim_required');
    expect(google.cloud.workspace.questions).toEqual([]);
  });

  it('asks the directory nothing when somebody only looks at what they allowed', async () => {
    google.cloud.workspace.users.clear();
    const opened = await google.started();
    expect((await opened.logIn({ purpose: 'account' })).identity.subject).toBe(alice);
    expect(google.cloud.workspace.questions).toEqual([]);
  });

  describe('a directory that does not answer', () => {
    const pageOfNothing = { status: 200, body: '<p>Welcome</p>' };
    const cases: readonly [string, () => void][] = [
      ['denies it', () => google.cloud.workspace.fail(googleError(403, 'forbidden', 'PERMISSION_DENIED'))],
      ['fails', () => google.cloud.workspace.fail({ status: 500 })],
      [
        'is busy',
        () => google.cloud.workspace.fail(googleError(429, 'rateLimitExceeded', 'x', { 'retry-after': '0' })),
      ],
      ['shows a page', () => google.cloud.workspace.fail(pageOfNothing)],
      [
        'shows a page in place of groups',
        () => google.cloud.workspace.fail(pageOfNothing, { path: 'groups' }),
      ],
      [
        'has 404 of somebody else',
        () => google.cloud.workspace.fail({ status: 404, body: '<p>Not found</p>' }),
      ],
      [
        'does not say whether it is suspended',
        () => (google.cloud.workspace.userShape = { suspended: undefined }),
      ],
      ['says so in text', () => (google.cloud.workspace.userShape = { suspended: 'false' })],
      [
        'describes something else',
        () => (google.cloud.workspace.userShape = { kind: 'admin#directory#group' }),
      ],
      ['describes another account', () => (google.cloud.workspace.userShape = { id: '1' })],
      [
        'lists something else',
        () => (google.cloud.workspace.pageShape = { kind: 'admin#directory#members' }),
      ],
      ['has no list', () => (google.cloud.workspace.pageShape = { groups: {} })],
      [
        'has groups without addresses',
        () => (google.cloud.workspace.pageShape = { groups: [{ name: 'mcp' }] }),
      ],
      [
        'has an address that splits a header',
        () => (google.cloud.workspace.pageShape = { groups: [{ email: 'a@b.c,d@e.f' }] }),
      ],
      ['has pages without end', () => (google.cloud.workspace.pageShape = { nextPageToken: '1' })],
    ];

    it.each(cases)('refuses the login, rather than see no groups, when it %s', async (_what, change) => {
      const opened = await google.started();
      change();
      expect(await refusalOf(opened.logIn())).toMatchObject({
        code: 'server_error',
        reason: 'directory_unanswered',
        status: 502,
      });
      expect(opened.logged()).toContain('directory_unanswered');
      expect(opened.logged()).not.toContain('CANARY');
      expect(opened.events).toContainEqual(expect.objectContaining({ outcome: 'unanswered' }));
      expect(google.cloud.workspace.questions.length).toBeLessThanOrEqual(25);
    });

    it.each(cases)(
      'has no answer at a recheck when it %s, and takes nobody for gone',
      async (_what, change) => {
        const opened = await google.started();
        const login = await opened.logIn();
        change();
        expect(await opened.recheck(login)).toEqual({ outcome: 'unanswered' });
      },
    );

    it('is left alone after three failures, then asked again', async () => {
      const opened = await google.started();
      const login = await opened.logIn();
      google.cloud.workspace.fail({ status: 500 });
      google.cloud.workspace.questions.length = 0;
      for (let count = 0; count < 6; count += 1) await opened.recheck(login);
      expect(google.cloud.workspace.questions).toHaveLength(3);
      google.cloud.workspace.failures = [];
      google.clock.advance(2);
      expect(await opened.recheck(login)).toMatchObject({ outcome: 'present' });
    });

    it('leaves Google itself unpaused', async () => {
      const opened = await google.started();
      google.cloud.workspace.fail({ status: 500 });
      for (let count = 0; count < 4; count += 1) await refusalOf(opened.logIn());
      google.cloud.workspace.failures = [];
      google.clock.advance(2);
      expect((await opened.logIn()).identity.subject).toBe(alice);
    });
  });

  describe('a busy directory', () => {
    it.each([
      ['429', googleError(429, 'rateLimitExceeded', 'x', { 'retry-after': '0' })],
      ['503', { status: 503, headers: { 'retry-after': '0' } }],
      ['403 with its quota', googleError(403, 'quotaExceeded', 'x', { 'retry-after': '0' })],
    ])('is asked once more (%s)', async (_what, reply) => {
      const opened = await google.started();
      google.cloud.workspace.fail(reply, { times: 1 });
      expect((await opened.logIn()).identity.groups).toHaveLength(2);
    });

    it('is not waited for when it wants a minute', async () => {
      const opened = await google.started();
      google.cloud.workspace.fail(googleError(429, 'rateLimitExceeded', 'x', { 'retry-after': '60' }));
      expect((await refusalOf(opened.logIn())).reason).toBe('directory_unanswered');
      expect(google.cloud.workspace.questions).toHaveLength(1);
    });
  });
});
