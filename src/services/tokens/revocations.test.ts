import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { FakeClock } from '../../../test/support/fake-clock.ts';
import { createForgetfulStore, type ForgetfulStore } from '../../../test/support/forgetful-store.ts';
import { createMemoryStore } from '../../platform/store/memory-store.ts';
import { type Store, StoreError } from '../../platform/store/store.ts';
import { fingerprintClientId } from '../clients/client.ts';
import { accessTokenTtlSeconds } from './access-token.ts';
import {
  type CutOffKind,
  clockSlackSeconds,
  type JudgedGrant,
  personKey,
  sessionKey,
  untilNow,
} from './cut-off.ts';
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

  it('appends again what the store did not take, once, as soon as it answers, and while it matters', async () => {
    let failing = true;
    const flaky: Store = {
      ...store,
      append: (...entry) =>
        failing ? Promise.reject(new StoreError('append', undefined)) : store.append(...entry),
    };
    const here = create(flaky);
    for (const id of ['g1', 'g1', 'g2']) await expect(here.revoke(id)).rejects.toThrow(StoreError);
    await here.refresh();
    expect(errors).toHaveLength(1);
    failing = false;
    await here.refresh();
    await here.refresh();
    const entries = async () => (await store.read('revocations', '')).entries;
    expect(await entries()).toHaveLength(2);
    const there = create();
    await there.refresh();
    expect([there.isRevoked('g1'), there.isRevoked('g2')]).toEqual([true, true]);

    failing = true;
    await expect(here.revoke('g3')).rejects.toThrow(StoreError);
    clock.advance(accessTokenTtlSeconds + 60);
    failing = false;
    await here.refresh();
    expect((await entries()).join()).not.toContain('g3');
  });

  it('keeps a bounded number of them, however long the store is away', async () => {
    let failing = true;
    const flaky: Store = {
      ...store,
      append: (...entry) =>
        failing ? Promise.reject(new StoreError('append', undefined)) : store.append(...entry),
    };
    const here = create(flaky);
    for (let at = 0; at < 10_050; at += 1) await here.revoke(`g${at}`).catch(() => {});
    failing = false;
    for (let round = 0; round < 102; round += 1) await here.refresh();
    const kept: string[] = [];
    for (let cursor = ''; ;) {
      const page = await store.read('revocations', cursor);
      if (page.entries.length === 0) break;
      kept.push(...page.entries);
      cursor = page.cursor;
    }
    expect(kept).toHaveLength(10_000);
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

  it('reads the entries of the first release, and leaves alone what it does not know', async () => {
    await store.append('revocations', 'g1', clock.nowSeconds() + 60);
    await store.append('revocations', '["planet","x",1,1]', clock.nowSeconds() + 60);
    await store.append('revocations', '[broken', clock.nowSeconds() + 60);
    await store.append('revocations', '["grant","g2",1,1]', clock.nowSeconds() + 60);
    const there = create();
    await there.refresh();
    expect([there.isRevoked('g1'), there.isRevoked('g2')]).toEqual([true, true]);
    expect(errors).toHaveLength(2);
  });

  it('stops listening when it is closed', async () => {
    const [here, there] = [create(), create()];
    there.close();
    await here.revoke('g1');
    await new Promise((resolve) => setImmediate(resolve));
    expect(there.isRevoked('g1')).toBe(false);
  });
});

describe('a cut-off', () => {
  const issuer = 'https://login.test';
  const grant = (changes: Partial<JudgedGrant> = {}): JudgedGrant => ({
    grantId: 'g1',
    identityIssuer: issuer,
    subject: 'alice',
    sessionId: 's1',
    client: fingerprintClientId('c1'),
    grantedAt: clock.nowSeconds(),
    ...changes,
  });
  const nextSecond = (): number => clock.nowSeconds() + 1;
  const kinds: ReadonlyArray<[CutOffKind, string, Partial<JudgedGrant>]> = [
    ['subject', personKey(issuer, 'alice'), { subject: 'bob' }],
    ['subject', personKey(issuer, 'alice'), { identityIssuer: 'https://other.test' }],
    ['session', sessionKey(issuer, 's1'), { sessionId: 's2' }],
    ['session', sessionKey(issuer, 's1'), { sessionId: undefined }],
    ['session', sessionKey(issuer, 's1'), { identityIssuer: 'https://other.test' }],
    ['client', fingerprintClientId('c1'), { client: fingerprintClientId('c2') }],
    ['grant', 'g1', { grantId: 'g2' }],
  ];

  it.each(kinds)('of a %s ends its grants everywhere, and no other', async (kind, key, other) => {
    const [here, there] = [create(), create()];
    expect(here.judge(grant())).toBe(false);
    await here.cutOff({ kind, key, before: nextSecond() });
    await there.refresh();
    const later = create();
    await later.refresh();
    for (const reader of [here, there, later]) {
      expect([reader.judge(grant()), reader.judge(grant(other))]).toEqual([true, false]);
    }
  });

  it('of everything ends every grant', async () => {
    const here = create();
    await here.cutOff({ kind: 'everything', key: '', before: nextSecond() });
    expect(here.judge(grant({ grantId: 'g9', subject: 'zoe', client: fingerprintClientId('c9') }))).toBe(
      true,
    );
  });

  it.each(kinds.filter(([kind]) => kind !== 'grant'))(
    'of a %s leaves what is granted later alone',
    async (kind, key) => {
      const here = create();
      await here.cutOff({ kind, key, before: nextSecond() });
      expect(here.judge(grant({ grantedAt: nextSecond() }))).toBe(false);
      expect(here.judge(grant({ grantedAt: nextSecond(), issuedAt: nextSecond() - 1 }))).toBe(true);
    },
  );

  it.each<[CutOffKind, string]>([
    ['subject', personKey(issuer, 'alice')],
    ['everything', ''],
  ])(
    'of a %s ends what a replica had granted whose clock is ahead, as far as they may differ',
    async (kind, key) => {
      const ahead = new FakeClock();
      ahead.advance(clock.nowSeconds() - ahead.nowSeconds() + clockSlackSeconds);
      const there = createRevocations({ store, clock: ahead, onError: (error) => errors.push(error) });
      open.push(there);
      const [before, after] = [ahead.nowSeconds(), ahead.nowSeconds() + 1];
      await create().cutOff({ kind, key, before: untilNow(clock.nowSeconds()) });
      await there.refresh();
      expect(there.judge(grant({ grantedAt: before, issuedAt: before }))).toBe(true);
      expect(there.judge(grant({ grantedAt: after, issuedAt: after }))).toBe(false);
    },
  );

  it('is not weakened by an earlier one that comes later', async () => {
    const here = create();
    const key = personKey(issuer, 'alice');
    await here.cutOff({ kind: 'subject', key, before: nextSecond() });
    await here.cutOff({ kind: 'subject', key, before: nextSecond() - 100 });
    await here.cutOff({ kind: 'everything', key: '', before: nextSecond() - 100 });
    expect(here.judge(grant())).toBe(true);
  });

  it('lasts as long as a grant, and what is older than that is over anyway', async () => {
    const grantLifetimeSeconds = 7200;
    const here = createRevocations({ store, clock, grantLifetimeSeconds, onError: () => {} });
    open.push(here);
    const old = grant();
    const other = grant({ subject: 'bob' });
    await here.cutOff({ kind: 'subject', key: personKey(issuer, 'alice'), before: nextSecond() });
    clock.advance(grantLifetimeSeconds);
    await here.refresh();
    expect([here.judge(old), here.judge(other)]).toEqual([true, false]);
    clock.advance(60);
    await here.refresh();
    expect([here.judge(old), here.judge(other)]).toEqual([true, true]);
    expect((await store.read('revocations', '')).entries).toEqual([]);
  });

  it('tells who listens when it was made, here and there, until they stop', async () => {
    const [here, there] = [create(), create()];
    const heard: number[] = [];
    const stop = here.onCutOff((at) => heard.push(at));
    there.onCutOff((at) => heard.push(at));
    const madeAt = clock.nowMilliseconds();
    await here.cutOff({ kind: 'everything', key: '', before: nextSecond() });
    clock.advance(5);
    await there.refresh();
    await here.refresh();
    expect(new Set(heard)).toEqual(new Set([madeAt]));
    expect(heard.length).toBeGreaterThanOrEqual(2);
    stop();
    const before = heard.length;
    there.close();
    await here.cutOff({ kind: 'everything', key: '', before: nextSecond() });
    expect(heard).toHaveLength(before);
  });
});

describe('cut-offs that the store has forgotten', () => {
  const issuer = 'https://login.test';
  const grantLifetimeSeconds = 7200;
  const kinds: ReadonlyArray<[CutOffKind, string]> = [
    ['everything', ''],
    ['subject', personKey(issuer, 'alice')],
    ['session', sessionKey(issuer, 's1')],
    ['sessionless', personKey(issuer, 'alice')],
    ['client', fingerprintClientId('c1')],
    ['grant', 'g1'],
  ];
  let forgetful: ForgetfulStore;

  beforeEach(() => {
    forgetful = createForgetfulStore(clock);
    ({ store } = forgetful);
  });

  function createShort(over: Store = store): Revocations {
    const deps = {
      store: over,
      clock,
      grantLifetimeSeconds,
      onError: (error: unknown) => errors.push(error),
    };
    const revocations = createRevocations(deps);
    open.push(revocations);
    return revocations;
  }

  const stored = async (): Promise<readonly string[]> => (await store.read('revocations', '')).entries;

  function grantOf(kind: CutOffKind): JudgedGrant {
    return {
      grantId: 'g1',
      identityIssuer: issuer,
      subject: 'alice',
      sessionId: kind === 'sessionless' ? undefined : 's1',
      client: fingerprintClientId('c1'),
      grantedAt: clock.nowSeconds(),
    };
  }

  it.each(kinds)('hold for a process that starts later: %s', async (kind, key) => {
    const grant = grantOf(kind);
    const [here, there] = [createShort(), createShort()];
    await here.refresh();
    await there.refresh();
    await here.cutOff({ kind, key, before: clock.nowSeconds() + 1 });
    await there.refresh();
    clock.advance(100);
    forgetful.forget();
    const early = createShort();
    await early.refresh();
    expect(early.judge(grant)).toBe(false);
    here.close();
    await there.refresh();
    const later = createShort();
    await later.refresh();
    await early.refresh();
    expect([later.judge(grant), early.judge(grant)]).toEqual([true, true]);
    expect(later.judge({ ...grant, grantId: 'g2', grantedAt: clock.nowSeconds() })).toBe(false);
    expect(errors).toEqual([]);
  });

  it.each(kinds)('end when they would have ended, however often they come back: %s', async (kind, key) => {
    const here = createShort();
    await here.refresh();
    await here.cutOff({ kind, key, before: clock.nowSeconds() + 1 });
    const end =
      clock.nowSeconds() + (kind === 'grant' ? accessTokenTtlSeconds + 60 : grantLifetimeSeconds + 1);
    while (clock.nowSeconds() < end) {
      forgetful.forget();
      await here.refresh();
      expect(await stored()).toHaveLength(1);
      clock.advance(Math.min(1000, end - clock.nowSeconds()));
    }
    expect(await stored()).toEqual([]);
    forgetful.forget();
    await here.refresh();
    expect(await stored()).toEqual([]);
  });

  it('come back once or more when several processes see to it, and count as once', async () => {
    const processes = [createShort(), createShort(), createShort()];
    for (const one of processes) await one.refresh();
    for (let at = 0; at < 200; at += 1) await processes[0]?.revoke(`g${at}`);
    for (const one of processes) await one.refresh();
    for (let losses = 0; losses < 3; losses += 1) {
      forgetful.forget();
      await Promise.all(processes.map((one) => one.refresh()));
      expect(new Set(await stored()).size).toBe(200);
      expect((await stored()).length).toBeLessThanOrEqual(600);
    }
  });

  it('come back by the next poll when the store failed halfway', async () => {
    let left = 70;
    const failing: Store = {
      ...store,
      append: (...entry) =>
        (left -= 1) < 0 ? Promise.reject(new StoreError('append', undefined)) : store.append(...entry),
    };
    const [here, there] = [createShort(failing), createShort()];
    await here.refresh();
    await there.refresh();
    for (let at = 0; at < 200; at += 1) await there.revoke(`g${at}`);
    await here.refresh();
    there.close();
    forgetful.forget();
    await expect(here.refresh()).rejects.toThrow(StoreError);
    left = Infinity;
    await here.refresh();
    const later = createShort();
    await later.refresh();
    const missing = Array.from({ length: 200 }, (_, at) => `g${at}`).filter((id) => !later.isRevoked(id));
    expect(missing).toEqual([]);
  });
});
