import { describe, expect, it } from 'vitest';

import { createMemoryStore } from '../../platform/store/memory-store.ts';
import { type Store, StoreError } from '../../platform/store/store.ts';
import { FakeClock } from '../../../test/support/fake-clock.ts';
import { claimOnce } from './single-use.ts';
import { consentTtlSeconds, loginTtlSeconds } from './transaction.ts';

const kinds = [
  ['consent:1', consentTtlSeconds, 'consent_token_invalid'],
  ['callback_state:1', loginTtlSeconds, 'callback_state_invalid'],
] as const;

describe('claimOnce', () => {
  const clock = new FakeClock();
  const now = clock.nowSeconds();
  const storeSince = (since: number): Store => ({
    ...createMemoryStore({ clock }),
    rememberedSince: async () => since,
  });

  it.each(kinds)('lets one caller have %s', async (key, ttl) => {
    const store = storeSince(0);
    expect(await claimOnce(store, key, now + ttl)).toBe(true);
    expect(await claimOnce(store, key, now + ttl)).toBe(false);
  });

  it.each(kinds)('refuses %s that began before the store may have forgotten', async (key, ttl, reason) => {
    const store = storeSince(now);
    await expect(claimOnce(store, key, now + ttl)).rejects.toMatchObject({ code: 'invalid_request', reason });
    expect(await claimOnce(store, `${key}2`, now + 1 + ttl)).toBe(true);
  });

  it.each(kinds)('answers 503 when the store cannot say what it remembers, for %s', async (key, ttl) => {
    const store: Store = {
      ...storeSince(0),
      rememberedSince: () => Promise.reject(new StoreError('epoch', undefined)),
    };
    await expect(claimOnce(store, key, now + ttl)).rejects.toMatchObject({
      code: 'temporarily_unavailable',
      reason: 'replay_store_unavailable',
    });
  });

  it.each(kinds)(
    'takes nobody who comes again after such a 503 for a second one, for %s',
    async (key, ttl) => {
      let questions = 0;
      let failing = 1;
      const store: Store = {
        ...storeSince(0),
        rememberedSince: async () => {
          questions += 1;
          if (questions === failing) throw new StoreError('epoch', undefined);
          return 0;
        },
      };
      await expect(claimOnce(store, key, now + ttl)).rejects.toMatchObject({
        code: 'temporarily_unavailable',
      });
      expect(await claimOnce(store, key, now + ttl)).toBe(true);
      failing = questions + 2;
      expect(await claimOnce(store, `${key}2`, now + ttl)).toBe(true);
      expect(await claimOnce(store, `${key}2`, now + ttl)).toBe(false);
    },
  );
});
