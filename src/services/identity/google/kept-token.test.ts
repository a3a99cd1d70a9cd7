import { beforeEach, describe, expect, it } from 'vitest';

import { FakeClock } from '../../../../test/support/fake-clock.ts';
import { createKeptToken, type KeptToken } from './kept-token.ts';
import type { IssuedToken } from './platform.ts';

const never = new AbortController().signal;

describe('createKeptToken', () => {
  let clock: FakeClock;
  let kept: KeptToken;
  let attempts: PromiseWithResolvers<IssuedToken>[];

  beforeEach(() => {
    clock = new FakeClock();
    attempts = [];
    const obtain = (): Promise<IssuedToken> => {
      const attempt = Promise.withResolvers<IssuedToken>();
      attempts.push(attempt);
      return attempt.promise;
    };
    kept = createKeptToken({ obtain, clock });
  });

  async function have(token: string, lifetimeSeconds = 3_600): Promise<void> {
    const asked = kept.get(never);
    attempts.at(-1)?.resolve({ token, lifetimeSeconds });
    expect(await asked).toBe(token);
  }

  it('obtains one for all who ask meanwhile', async () => {
    const asked = [kept.get(never), kept.get(never), kept.get(never)];
    attempts[0]?.resolve({ token: 'first', lifetimeSeconds: 3_600 });
    expect(await Promise.all(asked)).toEqual(['first', 'first', 'first']);
    expect(attempts).toHaveLength(1);
  });

  it('serves the present one while the next is obtained, and if that fails', async () => {
    await have('first');
    clock.advance(3_400);
    expect(await kept.get(never)).toBe('first');
    attempts[1]?.reject(new Error('no'));
    await Promise.resolve();
    expect(await kept.get(never)).toBe('first');
    clock.advance(190);
    const late = kept.get(never);
    attempts.at(-1)?.reject(new Error('still no'));
    await expect(late).rejects.toThrow('still no');
  });

  it('serves no token that may end on the way', async () => {
    await have('first');
    clock.advance(3_590);
    await have('second');
  });

  it('keeps none that has no lifetime', async () => {
    await have('first', 0);
    await have('second', 0);
    expect(attempts).toHaveLength(2);
  });

  it('forgets the one that was refused, and no later one', async () => {
    await have('first');
    kept.forget('first');
    await have('second');
    kept.forget('first');
    expect(await kept.get(never)).toBe('second');
  });

  it('lets go of who has waited long enough, and goes on for the others', async () => {
    const impatient = new AbortController();
    const gone = kept.get(impatient.signal);
    const stays = kept.get(never);
    impatient.abort();
    await expect(gone).rejects.toThrow('deadline');
    attempts[0]?.resolve({ token: 'first', lifetimeSeconds: 3_600 });
    expect(await stays).toBe('first');
  });

  it('tries again after a failure', async () => {
    const asked = kept.get(never);
    attempts[0]?.reject(new Error('no'));
    await expect(asked).rejects.toThrow('no');
    await have('second');
  });

  it('does not wait for somebody whose time was over before', async () => {
    await expect(kept.get(AbortSignal.abort())).rejects.toThrow();
    attempts[0]?.resolve({ token: 'first', lifetimeSeconds: 3_600 });
  });
});
