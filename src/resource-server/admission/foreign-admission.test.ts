import { afterEach, describe, expect, it, vi } from 'vitest';

import { FakeClock } from '../../../test/support/fake-clock.ts';
import { describeAsResource } from '../../../test/support/one-resource.ts';
import { fingerprintClientId } from '../../services/clients/client.ts';
import type { ForeignVerdict } from '../../services/identity/foreign/token-authority.ts';
import { createForeignAdmission, type ForeignAdmissionDeps } from './foreign-admission.ts';

const resource = describeAsResource('https://gatehouse.test/notes');
const clock = new FakeClock();

function good(freshUntil?: number): ForeignVerdict {
  const issuedAt = clock.nowSeconds();
  return {
    outcome: 'good',
    ...(freshUntil === undefined ? {} : { freshUntil }),
    token: {
      identity: { issuer: 'https://i.test', subject: 'alice', email: undefined, name: undefined, groups: [] },
      authentication: {},
      isOfClient: false,
      clientId: 'c',
      sessionId: 's',
      scope: ['a'],
      issuedAt,
      expiresAt: issuedAt + 3600,
    },
  };
}

function open(verify: ForeignAdmissionDeps['verify'], changes: Partial<ForeignAdmissionDeps> = {}) {
  const admission = createForeignAdmission(resource, {
    verify,
    clock,
    revocations: { judge: () => false },
    revokeBefore: undefined,
    fingerprintClient: fingerprintClientId,
    admits: () => true,
    onError: () => undefined,
    ...changes,
  });
  const admit = async (token: string) => {
    const first = admission.admit(`Bearer ${token}`);
    return first.outcome === 'pending' ? await first.check() : first;
  };
  return { ...admission, decide: admit };
}

afterEach(() => {
  vi.useRealTimers();
});

describe('admission by tokens of another issuer', () => {
  it('is a grant in the shape of ours, and the same one as long as the token is known', async () => {
    const { admit, decide } = open(() => Promise.resolve(good()));
    const call = await decide('token');

    expect(call).toMatchObject({
      outcome: 'admitted',
      person: 'https://i.test\nalice',
      grant: {
        grantId: expect.stringMatching(/^[\w-]{43}$/) as string,
        identityIssuer: 'https://i.test',
        subject: 'alice',
        sessionId: 's',
        client: fingerprintClientId('c'),
        resource: resource.identifier,
        scope: ['a'],
        grantedAt: clock.nowSeconds(),
      },
    });
    expect(admit('Bearer token')).toBe(call);
  });

  it('asks nobody for a call without a token, with two, or by another scheme', () => {
    const verify = vi.fn(() => Promise.resolve(good()));
    const { admit } = open(verify);

    expect(admit(undefined)).toMatchObject({ outcome: 'refused', reason: 'token_missing' });
    expect(admit(['Bearer a', 'Bearer b'])).toMatchObject({ reason: 'invalid_token' });
    expect(admit('Basic YTpi')).toMatchObject({ reason: 'token_missing' });
    expect(verify).not.toHaveBeenCalled();
  });

  it('is refused for now when the check takes too long, and counts when it is done', async () => {
    vi.useFakeTimers();
    const answer = Promise.withResolvers<ForeignVerdict>();
    const { admit, decide } = open(() => answer.promise);
    const deciding = decide('token');
    await vi.advanceTimersByTimeAsync(10_000);

    expect(await deciding).toMatchObject({ status: 503, reason: 'token_issuer_unavailable' });
    answer.resolve(good());
    await vi.advanceTimersByTimeAsync(0);
    expect(admit('Bearer token')).toMatchObject({ outcome: 'admitted' });
  });

  it('is refused for now when the check breaks, and somebody hears of it', async () => {
    const onError = vi.fn();
    const { decide } = open(() => Promise.reject(new TypeError('a fault')), { onError });

    expect(await decide('token')).toMatchObject({ status: 503 });
    expect(onError).toHaveBeenCalledOnce();
  });

  it('remembers no more than it may', async () => {
    const verify = vi.fn(() => Promise.resolve(good()));
    const { decide } = open(verify, { cacheEntries: 2 });
    for (const token of ['one', 'two', 'three', 'one', 'two', 'three']) await decide(token);

    expect(verify).toHaveBeenCalledTimes(4);
  });

  it('is held against the date of the operator', async () => {
    const { decide } = open(() => Promise.resolve(good()), { revokeBefore: clock.nowSeconds() + 1 });

    expect(await decide('token')).toMatchObject({ status: 401, reason: 'token_revoked_iat_cutoff' });
  });

  it('ends for a stream a minute after nobody could say any more whether its token is good', async () => {
    let verdict = good(clock.nowSeconds() + 60);
    const { decide, recheck } = open(() => Promise.resolve(verdict));
    const call = await decide('token');
    if (call.outcome !== 'admitted') throw new Error('a good token was refused');
    verdict = { outcome: 'unavailable' };
    const look = async () => {
      const before = recheck(call);
      await new Promise((resolve) => setImmediate(resolve));
      return before ?? recheck(call);
    };

    clock.advance(59);
    expect(await look()).toBeUndefined();
    clock.advance(60);
    expect(await look()).toBeUndefined();
    clock.advance(1);
    expect(await look()).toMatchObject({ status: 503 });
    verdict = good(clock.nowSeconds() + 60);
    await look();
    expect(await look()).toBeUndefined();
    verdict = { outcome: 'refused', reason: 'invalid_token' };
    clock.advance(61);
    expect(await look()).toMatchObject({ status: 401, reason: 'invalid_token' });
  });
});
