import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { FakeClock } from '../../../test/support/fake-clock.ts';
import { createMemoryStore } from '../../platform/store/memory-store.ts';
import { type Store, StoreError } from '../../platform/store/store.ts';
import { fingerprintClientId } from './client.ts';
import { createDeniedClients, type DeniedClients } from './denied-clients.ts';

let clock: FakeClock;
let store: Store;
let open: DeniedClients[];
let errors: unknown[];

function create(over: Store = store): DeniedClients {
  const denied = createDeniedClients({
    store: over,
    clock,
    registrationTtlSeconds: undefined,
    onError: (error) => errors.push(error),
  });
  open.push(denied);
  return denied;
}

beforeEach(() => {
  clock = new FakeClock();
  store = createMemoryStore({ clock });
  open = [];
  errors = [];
});

afterEach(() => {
  for (const denied of open) denied.close();
});

const [one, two] = [fingerprintClientId('one'), fingerprintClientId('two')];
const oneYear = 365 * 86_400;

describe('denied clients', () => {
  it('reach every process, one that starts later, and are listed', async () => {
    const [here, there] = [create(), create()];
    await here.deny(one, 'operator');
    await there.refresh();
    const later = create();
    await later.refresh();
    for (const reader of [here, there, later]) {
      expect([reader.isDenied(one), reader.isDenied(two)]).toEqual([true, false]);
    }
    expect(await there.list()).toEqual([{ client: one, cause: 'operator', deniedAt: clock.nowSeconds() }]);
  });

  it('reach another process by the store’s hint alone', async () => {
    const [here, there] = [create(), create()];
    await here.deny(one, 'deleted');
    await expect.poll(() => there.isDenied(one)).toBe(true);
  });

  it('are allowed again everywhere, the last word being the one that counts', async () => {
    const [here, there] = [create(), create()];
    await here.deny(one, 'operator');
    await there.allow(one);
    await here.refresh();
    const later = create();
    await later.refresh();
    expect([here, there, later].map((reader) => reader.isDenied(one))).toEqual([false, false, false]);
    expect(await here.list()).toEqual([]);
    await there.deny(one, 'operator');
    await here.refresh();
    expect(here.isDenied(one)).toBe(true);
  });

  it('stay so for a year when the client deleted itself, and for good when the operator says so', async () => {
    const here = create();
    await here.deny(one, 'deleted');
    await here.deny(two, 'deleted');
    await here.deny(two, 'operator');
    await here.deny(two, 'deleted');
    clock.advance(oneYear - 1);
    expect((await here.list()).map(({ client }) => client).sort()).toEqual([one, two].sort());
    clock.advance(20 * oneYear);
    expect(await here.list()).toMatchObject([{ client: two, cause: 'operator' }]);
    const later = create();
    await later.refresh();
    expect([later.isDenied(one), later.isDenied(two)]).toEqual([false, true]);
  });

  it('are not denied while the store does not take it: the caller hears of it and can try again', async () => {
    const broken: Store = { ...store, append: () => Promise.reject(new StoreError('append', undefined)) };
    const here = create(broken);
    await expect(here.deny(one, 'deleted')).rejects.toThrow(StoreError);
    expect(here.isDenied(one)).toBe(false);
    const mended = create();
    await mended.deny(one, 'deleted');
    expect(mended.isDenied(one)).toBe(true);
  });

  it('are remembered when a reading fails, and what cannot be read is skipped and told', async () => {
    let failing = false;
    const flaky: Store = {
      ...store,
      read: (...position) =>
        failing ? Promise.reject(new StoreError('read', undefined)) : store.read(...position),
    };
    const there = create(flaky);
    const here = create();
    await here.deny(one, 'operator');
    await there.refresh();
    failing = true;
    await expect(there.refresh()).rejects.toThrow(StoreError);
    expect(there.isDenied(one)).toBe(true);
    failing = false;
    for (const text of ['{', '{"c":1,"d":1}']) {
      await store.append('denied-clients', text, clock.nowSeconds() + 60);
    }
    await here.deny(two, 'operator');
    await there.refresh();
    expect(there.isDenied(two)).toBe(true);
    expect(errors.some((error) => error instanceof TypeError)).toBe(true);
  });
});
