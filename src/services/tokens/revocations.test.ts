import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { FakeClock } from '../../../test/support/fake-clock.ts';
import { createMemoryStore } from '../../platform/store/memory-store.ts';
import { type Store, StoreError } from '../../platform/store/store.ts';
import { accessTokenTtlSeconds } from './access-token.ts';
import { createRevocations, type Revocations } from './revocations.ts';

let clock: FakeClock;
let store: Store;
let open: Revocations[];
let errors: unknown[];

function create(over: Store = store): Revocations {
  const revocations = createRevocations({ store: over, clock, onError: (error) => errors.push(error) });
  open.push(revocations);
  return revocations;
}

beforeEach(() => {
  clock = new FakeClock();
  store = createMemoryStore({ clock });
  open = [];
  errors = [];
});

afterEach(() => {
  for (const revocations of open) revocations.close();
});

describe('revocations', () => {
  it('refuses from the moment of the call, before the store has answered', () => {
    const revocations = create();
    const revoking = revocations.revoke('g1');
    expect(revocations.isRevoked('g1')).toBe(true);
    expect(revocations.isRevoked('g2')).toBe(false);
    return revoking;
  });

  it('reaches another process, and one that starts later', async () => {
    const [here, there] = [create(), create()];
    await here.revoke('g1');
    await there.refresh();
    const later = create();
    await later.refresh();
    expect([there.isRevoked('g1'), later.isRevoked('g1')]).toEqual([true, true]);
  });

  it('reaches another process by the store’s hint alone', async () => {
    const [here, there] = [create(), create()];
    await here.revoke('g1');
    await expect.poll(() => there.isRevoked('g1')).toBe(true);
  });

  it('misses nothing that was appended while it was reading', async () => {
    let release = (): void => {};
    let waiting = new Promise<void>((resolve) => {
      release = resolve;
    });
    const slow: Store = {
      ...store,
      async read(feed, cursor) {
        const page = await store.read(feed, cursor);
        await waiting;
        return page;
      },
    };
    const there = create(slow);
    const first = there.refresh();
    await create().revoke('g1');
    const second = there.refresh();
    release();
    waiting = Promise.resolve();
    await Promise.all([first, second]);
    expect(there.isRevoked('g1')).toBe(true);
  });

  it('outlasts every access token of the grant, and is then forgotten', async () => {
    const revocations = create();
    await revocations.revoke('g1');
    clock.advance(accessTokenTtlSeconds);
    await revocations.refresh();
    expect(revocations.isRevoked('g1')).toBe(true);
    clock.advance(120 + accessTokenTtlSeconds);
    await revocations.refresh();
    expect(revocations.isRevoked('g1')).toBe(false);
  });

  it('refuses here even when the store does not take it, and says so to the caller', async () => {
    const broken: Store = { ...store, append: () => Promise.reject(new StoreError('append', undefined)) };
    const revocations = create(broken);
    await expect(revocations.revoke('g1')).rejects.toThrow(StoreError);
    expect(revocations.isRevoked('g1')).toBe(true);
  });

  it('keeps what it knows when a reading fails, and reads on afterwards', async () => {
    let failing = false;
    const flaky: Store = {
      ...store,
      read: (feed, cursor) =>
        failing ? Promise.reject(new StoreError('read', undefined)) : store.read(feed, cursor),
    };
    const there = create(flaky);
    const here = create();
    await here.revoke('g1');
    await there.refresh();
    failing = true;
    await here.revoke('g2');
    await expect(there.refresh()).rejects.toThrow(StoreError);
    expect([there.isRevoked('g1'), there.isRevoked('g2')]).toEqual([true, false]);
    failing = false;
    await there.refresh();
    expect(there.isRevoked('g2')).toBe(true);
    expect(errors.every((error) => error instanceof StoreError)).toBe(true);
  });

  it('stops listening when it is closed', async () => {
    const [here, there] = [create(), create()];
    there.close();
    await here.revoke('g1');
    await new Promise((resolve) => setImmediate(resolve));
    expect(there.isRevoked('g1')).toBe(false);
  });
});
