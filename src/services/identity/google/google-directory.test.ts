import { beforeEach, describe, expect, it, vi } from 'vitest';

import { FakeClock } from '../../../../test/support/fake-clock.ts';
import type { GuardedFetch } from '../../../platform/outbound/guarded-fetch.ts';
import type { PersonDirectory } from '../person-directory.ts';
import { ProviderFailure } from '../provider-failure.ts';
import { createGoogleDirectory } from './google-directory.ts';

/** A slow machine is no failure. */
const patience = { timeout: 20_000 };

const alice = '110169484474386276334';
const never = new AbortController().signal;

/** Beyond what the tests against the simulator show: silence, crowds and the end. */
describe('createGoogleDirectory', () => {
  let clock: FakeClock;
  let directory: PersonDirectory;
  let silent: string;
  let waiting: number;
  let onWaiting: () => void;

  beforeEach(() => {
    clock = new FakeClock();
    silent = 'nothing';
    waiting = 0;
    onWaiting = () => undefined;
    directory = open(undefined);
  });

  function open(
    keeps: readonly string[] | undefined,
    ruled: ReadonlySet<string> = new Set(),
  ): PersonDirectory {
    return createGoogleDirectory({
      settings: {
        reads: 'groups',
        domain: 'example.com',
        admin: undefined,
        serviceAccount: 'gatehouse@my-project.iam.gserviceaccount.com',
        credentialsPath: undefined,
        keeps,
      },
      allowedGroups: ['allowed@example.com'],
      groupsOfRules: () => ruled,
      environment: {},
      fetch,
      readFile: () => Promise.reject(new Error('no files')),
      clock,
      onFailure: () => undefined,
      onStartFailure: () => undefined,
    });
  }

  const fetch: GuardedFetch = (address, init) => {
    const url = String(address);
    if (url.includes(silent)) return waitForEnd(init?.signal ?? never);
    return Promise.resolve(Response.json(answerTo(url), { headers: { 'metadata-flavor': 'Google' } }));
  };

  function waitForEnd(signal: AbortSignal): Promise<Response> {
    waiting += 1;
    onWaiting();
    return new Promise((_resolve, reject) => {
      if (signal.aborted) reject(new Error('aborted'));
      signal.addEventListener('abort', () => reject(new Error('aborted')), { once: true });
    });
  }

  function answerTo(url: string): object {
    if (url.includes('/token')) return { access_token: 'platform', token_type: 'Bearer' };
    if (url.includes(':generateAccessToken')) {
      const end = new Date(clock.nowMilliseconds() + 3_600_000).toISOString();
      return { accessToken: 'directory', expireTime: end };
    }
    if (url.includes('/groups')) {
      const groups = ['kept', 'allowed', 'ruled', 'other'].map((name) => ({ email: `${name}@example.com` }));
      return { kind: 'admin#directory#groups', groups };
    }
    return { kind: 'admin#directory#user', id: alice, suspended: false, archived: false };
  }

  /** What comes of a question whose time is over at once. */
  async function askInVain(): Promise<string> {
    const deadline = new AbortController();
    const isWaiting = new Promise<void>((resolve) => {
      onWaiting = resolve;
    });
    const answer = directory.find(alice, deadline.signal).then(
      () => 'answered',
      (error: unknown) => (error instanceof ProviderFailure ? error.code : 'thrown'),
    );
    await Promise.race([isWaiting, answer]);
    deadline.abort();
    return answer;
  }

  it('stops at the deadline, and is left alone when it was silent three times', async () => {
    silent = '/users/';
    for (let count = 0; count < 3; count += 1) expect(await askInVain()).toBe('directory_timeout');
    silent = 'nothing';
    expect(await askInVain()).toBe('directory_paused');
    clock.advance(2);
    expect(await askInVain()).toBe('answered');
  });

  it('is not closed to all by somebody whose groups take too long', async () => {
    silent = '/groups?userKey';
    for (let count = 0; count < 5; count += 1) expect(await askInVain()).toBe('directory_timeout');
    silent = 'nothing';
    expect(await directory.find(alice, never)).toMatchObject({ outcome: 'present' });
  });

  it.each([
    ['all', undefined, ['kept', 'allowed', 'ruled', 'other']],
    ['those that are named, allowed, or of rules', ['kept@example.com'], ['kept', 'allowed', 'ruled']],
  ])('keeps %s', async (_what, keeps, names) => {
    const rules = new Set<string>();
    const own = open(keeps, rules);
    // They may change at any time.
    rules.add('ruled@example.com');
    const groups = names.map((name) => `${name}@example.com`);
    expect(await own.find(alice, never)).toEqual({ outcome: 'present', groups });
  });

  it('takes no more than 32 questions at once', async () => {
    silent = '/users/';
    const deadline = new AbortController();
    const failures = Array.from({ length: 40 }, () =>
      directory.find(alice, deadline.signal).then(
        () => 'answered',
        (error: unknown) => (error instanceof ProviderFailure ? error.code : 'thrown'),
      ),
    );
    await vi.waitFor(() => expect(waiting).toBe(32), patience);
    deadline.abort();
    const counted = Object.groupBy(await Promise.all(failures), (code) => code);
    expect(counted['directory_paused']).toHaveLength(8);
  });

  it('ends what is under way when it is closed', async () => {
    silent = '/users/';
    const answer = directory.find(alice, never);
    const outcome = expect(answer).rejects.toThrow('directory_timeout');
    await vi.waitFor(() => expect(waiting).toBe(1), patience);
    directory.close();
    await outcome;
  });

  it('keeps the token and every answer to itself when somebody fails', async () => {
    silent = '/users/';
    const deadline = new AbortController();
    const failed = directory.find(alice, deadline.signal).catch((error: unknown) => error);
    await vi.waitFor(() => expect(waiting).toBe(1), patience);
    deadline.abort();
    const error = await failed;
    expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toMatch(
      /platform|directory"|aborted/,
    );
  });
});
