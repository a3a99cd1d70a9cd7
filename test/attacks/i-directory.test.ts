import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { type AnsweringUpstream, callMount, startAnsweringUpstream } from '../support/answering-upstream.ts';
import { refresh, type Tokens } from '../support/flow.ts';
import { becomeGoogle } from '../support/identity/google.ts';
import { SimulatedGoogleCloud } from '../support/identity/google-cloud.ts';
import { alice } from '../support/identity/google-directory.ts';
import { googleError } from '../support/identity/google-workspace.ts';
import { openProviderHouse, type ProviderHouse } from '../support/identity/house.ts';

/** A slow machine is no failure. */
const patience = { timeout: 20_000 };

const bob = '107698134823984793285';

describe('I. the directory beside the identity provider', () => {
  let cloud: SimulatedGoogleCloud;
  let upstream: AnsweringUpstream;
  let house: ProviderHouse;
  let folder: string;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'gatehouse-'));
    upstream = await startAnsweringUpstream();
  });
  afterEach(async () => {
    await house.close();
    await cloud.close();
    await upstream.close();
    rmSync(folder, { recursive: true });
  });

  async function open(
    env: Record<string, string> = {},
    prepare: () => void = () => undefined,
  ): Promise<void> {
    const settings = {
      IDP: 'google',
      GOOGLE_HOSTED_DOMAIN: 'example.com',
      GOOGLE_DIRECTORY: 'groups',
      GOOGLE_DIRECTORY_ADMIN: 'directory-reader@example.com',
      ...env,
    };
    house = await openProviderHouse(settings, upstream.url, async (remote, clock) => {
      becomeGoogle(remote);
      cloud = await SimulatedGoogleCloud.start(clock);
      remote.directoryFetch = cloud.fetch;
      cloud.workspace.users.set(alice, { email: 'alice@example.com' });
      cloud.workspace.join(alice, 'finance@example.com');
      prepare();
    });
  }

  function write(content: object): string {
    const path = join(folder, 'credentials.json');
    writeFileSync(path, JSON.stringify(content));
    return path;
  }

  function configuration(changes: object = {}): object {
    return {
      type: 'external_account',
      audience:
        '//iam.googleapis.com/projects/123456/locations/global/workloadIdentityPools/gatehouse-pool/providers/gatehouse-provider',
      token_url: 'https://sts.googleapis.com/v1/token',
      service_account_impersonation_url:
        'https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/gatehouse@my-project.iam.gserviceaccount.com:generateAccessToken',
      subject_token_type: 'urn:ietf:params:aws:token-type:aws4_request',
      credential_source: {
        environment_id: 'aws1',
        regional_cred_verification_url:
          'https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15',
      },
      ...changes,
    };
  }

  async function expectNobody(reason = 'directory_unanswered'): Promise<void> {
    const ending = await house.attempt();
    expect(ending).toMatchObject({ status: 302, code: undefined, reason });
    const admitted = house.gatehouse.events.filter(
      ({ type }) => type === 'login_succeeded' || type === 'tokens_issued',
    );
    expect(admitted).toEqual([]);
    expect(ending.body + house.gatehouse.logged() + house.opened.logged()).not.toContain('CANARY');
  }

  async function failedStart(): Promise<void> {
    await vi.waitFor(() => expect(house.opened.logged()).toContain('directory_start_check_failed'), patience);
  }

  /** What the question came to: for a while a refresh goes on without an answer. */
  async function recheck(tokens: Tokens): Promise<string | undefined> {
    await refreshed(tokens);
    return house.gatehouse.events.findLast((event) => event.type === 'identity_rechecked')?.outcome;
  }

  const refreshed = ({ client, refreshToken }: Tokens): Promise<Response> =>
    refresh(house.gatehouse, client.clientId, refreshToken);

  it.each([
    ['the token service', { token_url: 'https://sts.googleapis.com.evil.example/v1/token' }],
    [
      'the service that acts as an account',
      { service_account_impersonation_url: 'https://evil.example/v1/x:generateAccessToken' },
    ],
    [
      'the question to AWS',
      {
        credential_source: {
          environment_id: 'aws1',
          regional_cred_verification_url: 'https://evil.example?region={region}',
        },
      },
    ],
    [
      'the metadata service of AWS',
      {
        credential_source: {
          environment_id: 'aws1',
          url: 'http://evil.example/latest/meta-data/iam/security-credentials',
          regional_cred_verification_url:
            'https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15',
        },
      },
    ],
    ['a program', { credential_source: { executable: { command: '/bin/sh -c evil' } } }],
    ['a server', { credential_source: { url: 'http://evil.example/token' } }],
  ])('attack 280: a credential configuration names another place for %s', async (_what, changes) => {
    await open({ GOOGLE_WORKLOAD_CREDENTIALS_PATH: write(configuration(changes)) });
    await failedStart();
    await expectNobody();
    // Neither there, nor anywhere else on its account.
    expect(cloud.requests).toEqual([]);
  });

  it.each([undefined, 'google', 'Azure'])(
    'attack 281: something else answers where the metadata server is (flavor %s)',
    async (flavor) => {
      await open({}, () => {
        cloud.metadataFlavor = flavor;
      });
      await failedStart();
      await expectNobody();
      expect(cloud.requests.filter(({ host }) => host !== '169.254.169.254')).toEqual([]);
      expect(house.opened.logged()).toContain('directory_metadata_foreign');
    },
  );

  describe('attack 282: an address passes on to somebody else', () => {
    const hire = (): void => {
      cloud.workspace.users.delete(alice);
      cloud.workspace.users.set(bob, { email: 'alice@example.com' });
      cloud.workspace.memberships.delete(alice);
      cloud.workspace.memberships.set('alice@example.com', ['finance@example.com']);
    };

    it('282: the new person is not in the groups of the former one', async () => {
      await open({ ALLOWED_GROUPS: 'finance@example.com' }, hire);
      house.remote.person = { ...house.remote.person, sub: bob };
      await expectNobody('group');
      expect(cloud.workspace.questions.join()).not.toContain('alice');
    });

    it('282: the former one is gone', async () => {
      await open();
      const tokens = await house.enter();
      hire();
      expect((await refreshed(tokens)).status).toBe(400);
      expect((await callMount(house.gatehouse, tokens.accessToken)).status).toBe(401);
    });

    it('282: an answer about another id is none', async () => {
      await open({}, () => {
        cloud.workspace.userShape = { id: bob };
      });
      await expectNobody();
    });

    it.each(['alice@example.com', '../groups', `${alice}/aliases`, `${alice}?x=`, 'me'])(
      '282: a subject that is no id is not looked up (%s)',
      async (sub) => {
        await open();
        house.remote.person = { ...house.remote.person, sub };
        await expectNobody();
        expect(cloud.workspace.questions.filter((each) => each.startsWith('users/'))).toEqual([]);
      },
    );
  });

  it.each([
    ['errors', () => cloud.workspace.fail({ status: 500 }, { path: 'groups?userKey' })],
    ['denials', () => cloud.workspace.fail(googleError(403, 'forbidden', 'x'), { path: 'groups?userKey' })],
    ['an empty object', () => cloud.workspace.fail({ status: 200, body: {} }, { path: 'groups?userKey' })],
    ['no content', () => cloud.workspace.fail({ status: 200, body: '' }, { path: 'groups?userKey' })],
    ['404', () => cloud.workspace.fail(googleError(404, 'notFound', 'x'), { path: 'groups?userKey' })],
  ])(
    'attack 283: %s pass for no groups, and a rule that keeps members out lets them in',
    async (_what, fail) => {
      await open({}, fail);
      await expectNobody();
    },
  );

  it('attack 284: somebody who was suspended goes on with what they have', async () => {
    await open();
    const tokens = await house.enter();
    expect((await callMount(house.gatehouse, tokens.accessToken)).status).toBe(200);
    cloud.workspace.users.set(alice, { email: 'alice@example.com', suspended: true });
    const answer = await refreshed(tokens);
    expect([answer.status, await answer.json()]).toMatchObject([400, { error: 'invalid_grant' }]);
    expect((await callMount(house.gatehouse, tokens.accessToken)).status).toBe(401);
    expect(house.gatehouse.events).toContainEqual(
      expect.objectContaining({ type: 'grant_revoked', cause: 'identity_gone' }),
    );
    const ending = await house.attempt();
    expect(ending).toMatchObject({ status: 403, code: undefined, reason: 'account_inactive' });
    expect(ending.body).toMatch(/You are signed in as <bdi>alice@example\.com<\/bdi>/);
    expect(ending.body).toContain('error=access_denied');
  });

  it('attack 284: somebody who was suspended is let in by a directory that is made to look busy', async () => {
    await open({ IDENTITY_RECHECK_GRACE: '0' });
    const tokens = await house.enter();
    cloud.workspace.users.set(alice, { email: 'alice@example.com', suspended: true });
    cloud.workspace.fail(googleError(429, 'rateLimitExceeded', 'x', { 'retry-after': '9' }));
    house.gatehouse.clock.advance(3_601);
    const answer = await refreshed(tokens);
    expect([answer.status, answer.headers.has('retry-after')]).toEqual([503, true]);
    cloud.workspace.failures = [];
    house.gatehouse.clock.advance(2);
    expect((await refreshed(tokens)).status).toBe(400);
  });

  describe('attack 325: somebody who was suspended stays in because Google gave nothing to ask with', () => {
    const founded = Array.from({ length: 120 }, (_, index) => `of-my-own-${index}@example.com`);
    const cases: readonly [string, Record<string, string>, () => void][] = [
      ['by setting', { OIDC_AUTHORIZATION_PARAMETERS: 'prompt=select_account' }, () => undefined],
      ['nothing that fits', {}, () => cloud.workspace.join(alice, ...founded)],
    ];

    it.each(cases)('325: %s', async (what, env, prepare) => {
      await open(env, prepare);
      house.remote.refreshTokenTail = 'x'.repeat(2_500);
      const tokens = await house.enter();
      const dropped = house.gatehouse.events.filter(({ type }) => type === 'identity_token_dropped');
      expect(dropped).toHaveLength(what === 'by setting' ? 0 : 1);
      cloud.workspace.users.set(alice, { email: 'alice@example.com', suspended: true });
      const answer = await refreshed(tokens);
      expect([answer.status, await answer.json()]).toMatchObject([400, { error: 'invalid_grant' }]);
      expect((await callMount(house.gatehouse, tokens.accessToken)).status).toBe(401);
    });

    it('325: out of the group that lets people in, they are out here', async () => {
      await open({
        OIDC_AUTHORIZATION_PARAMETERS: 'prompt=select_account',
        ALLOWED_GROUPS: 'finance@example.com',
      });
      const tokens = await house.enter();
      cloud.workspace.memberships.set(alice, ['others@example.com']);
      expect((await refreshed(tokens)).status).toBe(400);
      expect((await callMount(house.gatehouse, tokens.accessToken)).status).toBe(401);
    });

    it('325: a directory in trouble keeps nobody in for longer than the grace', async () => {
      await open({ OIDC_AUTHORIZATION_PARAMETERS: 'prompt=select_account' });
      const tokens = await house.enter();
      cloud.workspace.fail({ status: 500 });
      house.gatehouse.clock.advance(24 * 3_600);
      expect((await refreshed(tokens)).status).toBe(503);
    });
  });

  it.each([
    ['denied', googleError(403, 'forbidden', 'PERMISSION_DENIED')],
    ['not found', googleError(404, 'notFound', 'NOT_FOUND')],
    ['something else', { status: 200, body: {} }],
  ])(
    'attack 326: credentials that read the directory of somebody else log everybody out (domain: %s)',
    async (_what, reply) => {
      await open();
      const tokens = await house.enter();
      // The next token comes of other credentials.
      house.gatehouse.clock.advance(3_599);
      cloud.workspace.fail(reply, { path: 'users?domain' });
      cloud.workspace.users.clear();
      const answer = await refreshed(tokens);
      expect(answer.status).toBe(200);
      expect(house.gatehouse.events).not.toContainEqual(expect.objectContaining({ type: 'grant_revoked' }));
      // Those of this Workspace again.
      cloud.workspace.failures = [];
      const next = (await answer.json()) as { readonly refresh_token: string };
      expect((await refreshed({ ...tokens, refreshToken: next.refresh_token })).status).toBe(400);
    },
  );

  it.each([
    ['is in a group with an odd name', () => cloud.workspace.join(bob, 'gruppe@bücher.example')],
    [
      'is kept from us',
      () => cloud.workspace.fail(googleError(403, 'forbidden', 'x'), { path: `users/${bob}` }),
    ],
    ['has no id', () => (house.remote.person = { ...house.remote.person, sub: 'bob' })],
  ])('attack 327: one who %s closes the directory to all', async (_what, prepare) => {
    await open();
    const tokens = await house.enter();
    const { person } = house.remote;
    cloud.workspace.users.set(bob, { email: 'bob@example.com' });
    house.remote.person = { ...person, sub: bob };
    prepare();
    for (let count = 0; count < 4; count += 1) {
      expect((await house.attempt()).reason).toBe('directory_unanswered');
    }
    house.remote.person = person;
    expect(await recheck(tokens)).toBe('present');
    expect((await house.attempt()).code).toBeDefined();
  });

  describe('attack 328: whoever deletes a group keeps out all who are above it', () => {
    const above = 'everybody@example.com';
    const gone = (): void => {
      cloud.workspace.fail(googleError(404, 'notFound', 'NOT_FOUND'), { path: 'groups?userKey=everybody' });
    };

    /** What is around the group of hers is remembered for longer than what is around that. */
    async function remember(): Promise<Tokens> {
      await open({ GOOGLE_DIRECTORY: 'nested' }, () => {
        cloud.workspace.join('finance@example.com', above);
        cloud.workspace.users.set(bob, { email: 'bob@example.com' });
        cloud.workspace.join(bob, above);
      });
      const { person } = house.remote;
      house.remote.person = { ...person, sub: bob };
      await house.enter();
      house.gatehouse.clock.advance(50);
      house.remote.person = person;
      const tokens = await house.enter();
      house.gatehouse.clock.advance(11);
      return tokens;
    }

    it('328: it is in none of theirs at once', async () => {
      const tokens = await remember();
      cloud.workspace.memberships.set('finance@example.com', []);
      gone();
      expect(await recheck(tokens)).toBe('present');
      expect((await house.attempt()).code).toBeDefined();
    });

    it('328: one that is still listed is not left out', async () => {
      const tokens = await remember();
      gone();
      expect(await recheck(tokens)).toBe('unanswered');
      expect(await house.attempt()).toMatchObject({ code: undefined, reason: 'directory_unanswered' });
    });
  });

  it('attack 329: a token that was taken back costs somebody a login', async () => {
    await open();
    cloud.workspace.fail(googleError(401, 'authError', 'UNAUTHENTICATED'), { times: 1 });
    expect((await house.attempt()).code).toBeDefined();
    cloud.workspace.fail(googleError(401, 'authError', 'UNAUTHENTICATED'));
    cloud.workspace.questions.length = 0;
    expect((await house.attempt()).reason).toBe('directory_unanswered');
    // With another one once, and no more.
    expect(cloud.workspace.questions).toHaveLength(2);
  });

  it.each([
    ['http://169.254.170.2.evil.example/', 'FULL'],
    ['http://evil.example/', 'FULL'],
    ['https://169.254.170.23/', 'FULL'],
    ['http://169.254.170.23@evil.example/', 'FULL'],
    ['http://user@169.254.170.23/', 'FULL'],
    ['@evil.example/', 'RELATIVE'],
    ['.evil.example/', 'RELATIVE'],
  ])('attack 285: the agent of a container is said to be elsewhere (%s)', async (uri, kind) => {
    await open({
      GOOGLE_WORKLOAD_CREDENTIALS_PATH: write(configuration()),
      [`AWS_CONTAINER_CREDENTIALS_${kind}_URI`]: uri,
      AWS_CONTAINER_AUTHORIZATION_TOKEN: 'CANARY-pod-token',
    });
    await failedStart();
    await expectNobody();
    expect(cloud.requests).toEqual([]);
  });

  it('attack 286: what AWS signed for this pool is shown to another', async () => {
    await open({ GOOGLE_WORKLOAD_CREDENTIALS_PATH: write(configuration()) });
    expect((await house.attempt()).code).toBeDefined();
    const { body } = cloud.requests.find(({ host }) => host === 'sts.googleapis.com') ?? { body: '' };
    const token = new URLSearchParams(body).get('subject_token') ?? '';
    const other = token.replaceAll('gatehouse-pool', 'somebodys-pool');
    expect(cloud.aws.callerOf(token)?.target).toBe(cloud.audience);
    expect(other).not.toBe(token);
    expect(cloud.aws.callerOf(other)).toBeUndefined();
    house.gatehouse.clock.advance(901);
    expect(cloud.aws.callerOf(token)).toBeUndefined();
  });
});
