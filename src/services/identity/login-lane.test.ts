import { beforeEach, describe, expect, it } from 'vitest';

import { FakeClock } from '../../../test/support/fake-clock.ts';
import { OAuthError } from '../../protocol/oauth-error.ts';
import { createLoginLane, type LoginLane } from './login-lane.ts';
import { ProviderFailure } from './provider-failure.ts';

let clock: FakeClock;
let lane: LoginLane;

beforeEach(() => {
  clock = new FakeClock();
  lane = createLoginLane({ ratePerSecond: undefined, burst: 1, clock });
});

/** What a login of this outcome ends with; `asked`: whether the provider heard of it. */
async function logIn(kind?: string): Promise<{ reason: string; asked: boolean }> {
  let asked = false;
  const outcome = lane(() => {
    asked = true;
    if (kind === undefined) return Promise.resolve('welcome');
    const cause = new ProviderFailure(kind);
    return Promise.reject(new OAuthError('server_error', 'no', { reason: 'idp_exchange_failed', cause }));
  });
  const reason = await outcome.catch((error: unknown) =>
    error instanceof OAuthError ? error.reason : 'thrown',
  );
  return { reason, asked };
}

describe('createLoginLane', () => {
  it.each(['timeout', 'network'])(
    'leaves a provider alone that was silent three times (%s)',
    async (kind) => {
      for (let count = 0; count < 3; count += 1) {
        expect(await logIn(kind)).toEqual({ reason: 'idp_exchange_failed', asked: true });
      }
      expect(await logIn()).toEqual({ reason: 'idp_unavailable', asked: false });
      clock.advance(2);
      // One finds out; while it has not, nobody else asks.
      const other: { reason?: string } = {};
      await lane(async () => Object.assign(other, await logIn()));
      expect(other).toEqual({ reason: 'idp_unavailable', asked: false });
      expect(await logIn()).toEqual({ reason: 'welcome', asked: true });
    },
  );

  it('goes on pausing while the one who finds out has no answer either', async () => {
    for (let count = 0; count < 3; count += 1) await logIn('timeout');
    clock.advance(2);
    expect((await logIn('timeout')).asked).toBe(true);
    expect((await logIn()).asked).toBe(false);
  });

  it.each(['http_status', 'invalid_grant', 'not_json', 'too_large', 'malformed'])(
    'lets nobody close the door with answers of %s',
    async (kind) => {
      for (let count = 0; count < 10; count += 1) await logIn(kind);
      expect(await logIn()).toEqual({ reason: 'welcome', asked: true });
    },
  );

  it('takes 64 at once, and the next when one is done', async () => {
    const ends: (() => void)[] = [];
    const running = Array.from({ length: 64 }, () => lane(() => new Promise<void>((end) => ends.push(end))));
    expect(await logIn()).toEqual({ reason: 'idp_exchange_throttled', asked: false });
    ends[0]?.();
    await running[0];
    expect(await logIn()).toEqual({ reason: 'welcome', asked: true });
    for (const end of ends) end();
    await Promise.all(running);
  });

  it('holds to its rate before anything else', async () => {
    lane = createLoginLane({ ratePerSecond: 1, burst: 1, clock });
    expect((await logIn()).asked).toBe(true);
    expect(await logIn()).toEqual({ reason: 'idp_exchange_throttled', asked: false });
    clock.advance(1);
    expect((await logIn()).asked).toBe(true);
  });
});
