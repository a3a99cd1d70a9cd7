import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { FakeClock } from '../../../test/support/fake-clock.ts';
import { createForgetfulStore, type ForgetfulStore } from '../../../test/support/forgetful-store.ts';
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

describe('denials that are over', () => {
  it('are forgotten, by processes that were there as well', async () => {
    const here = create();
    await here.deny(one, 'deleted');
    await here.deny(two, 'operator');
    clock.advance(oneYear - 1);
    expect(here.isDenied(one)).toBe(true);
    clock.advance(1);
    expect([here.isDenied(one), here.isDenied(two)]).toEqual([false, true]);
  });
});

describe('denials that the store has forgotten', () => {
  let forgetful: ForgetfulStore;

  beforeEach(() => {
    forgetful = createForgetfulStore(clock);
    ({ store } = forgetful);
  });

  const stored = async (): Promise<readonly string[]> => (await store.read('denied-clients', '')).entries;

  it('hold for a process that starts later, and are listed with their cause and day', async () => {
    const [here, there] = [create(), create()];
    await there.refresh();
    await here.deny(one, 'deleted');
    await here.deny(two, 'operator');
    const before = await here.list();
    await there.refresh();
    here.close();
    clock.advance(1000);
    forgetful.forget();
    await there.refresh();
    const later = create();
    await later.refresh();
    expect([later.isDenied(one), later.isDenied(two)]).toEqual([true, true]);
    expect(await later.list()).toEqual(before);
    expect(await stored()).toHaveLength(2);
    clock.advance(oneYear - 1000);
    expect([later.isDenied(one), later.isDenied(two)]).toEqual([false, true]);
    expect(await later.list()).toMatchObject([{ client: two, cause: 'operator' }]);
  });

  it('are not put back when they are over', async () => {
    const here = create();
    await here.refresh();
    await here.deny(one, 'deleted');
    clock.advance(oneYear);
    forgetful.forget();
    await here.refresh();
    expect(await stored()).toEqual([]);
    expect(await here.list()).toEqual([]);
  });

  it('have a record again when only the record was lost', async () => {
    const here = create();
    await here.refresh();
    await here.deny(one, 'operator');
    const entries = await stored();
    forgetful.forget();
    for (const entry of entries) await store.append('denied-clients', entry, clock.nowSeconds() + oneYear);
    await here.refresh();
    expect(await here.list()).toMatchObject([{ client: one, cause: 'operator' }]);
    expect(await stored()).toEqual(entries);
  });

  it('are not brought back by an older copy after they were lifted', async () => {
    const [here, there] = [create(), create()];
    await there.refresh();
    await here.deny(one, 'operator');
    const copy = await stored();
    await there.refresh();
    await here.allow(one);
    await there.refresh();
    here.close();
    forgetful.forget();
    for (const entry of copy) await store.append('denied-clients', entry, clock.nowSeconds() + oneYear);
    await store.putIfAbsent(
      `denied-client:${one}`,
      '{"cause":"operator","at":1}',
      clock.nowSeconds() + oneYear,
    );
    await there.refresh();
    const later = create();
    await later.refresh();
    expect([there.isDenied(one), later.isDenied(one)]).toEqual([false, false]);
    expect(await later.list()).toEqual([]);
  });

  it('are not mistaken for newer than what was said after them, whatever the clocks', async () => {
    const [here, there] = [create(), create()];
    await here.deny(one, 'operator');
    await there.refresh();
    clock.advance(-5);
    await there.allow(one);
    await here.refresh();
    expect([here.isDenied(one), there.isDenied(one)]).toEqual([false, false]);
  });

  it('come back by the next poll when the store failed halfway, from several at once', async () => {
    let left = 40;
    const failing: Store = {
      ...store,
      append: (...entry) =>
        (left -= 1) < 0 ? Promise.reject(new StoreError('append', undefined)) : store.append(...entry),
    };
    const [here, there] = [create(failing), create(failing)];
    await here.refresh();
    await there.refresh();
    const source = create();
    const clients = Array.from({ length: 150 }, (_, at) => fingerprintClientId(`client-${at}`));
    for (const client of clients) await source.deny(client, 'deleted');
    await here.refresh();
    await there.refresh();
    source.close();
    forgetful.forget();
    const results = await Promise.allSettled([here.refresh(), there.refresh()]);
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    left = Infinity;
    await Promise.all([here.refresh(), there.refresh()]);
    const later = create();
    await later.refresh();
    expect(clients.filter((client) => !later.isDenied(client))).toEqual([]);
    expect(await later.list()).toHaveLength(150);
  });

  it('are read from entries of the first release, which say less', async () => {
    await store.append('denied-clients', `{"c":"${one}","d":1}`, clock.nowSeconds() + oneYear);
    const here = create();
    await here.refresh();
    expect(here.isDenied(one)).toBe(true);
    await store.append('denied-clients', `{"c":"${one}","d":0}`, clock.nowSeconds() + oneYear);
    await here.refresh();
    expect(here.isDenied(one)).toBe(false);
    expect(errors).toEqual([]);
  });
});
