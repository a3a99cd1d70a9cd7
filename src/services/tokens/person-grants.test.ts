import { beforeEach, describe, expect, it } from 'vitest';

import { FakeClock } from '../../../test/support/fake-clock.ts';
import { systemRandom as random } from '../../platform/random.ts';
import { createSealer, type Sealer } from '../../platform/sealing/sealer.ts';
import { createMemoryStore } from '../../platform/store/memory-store.ts';
import { type Store, StoreError } from '../../platform/store/store.ts';
import { fingerprintClientId } from '../clients/client.ts';
import { formatGrantRecord, grantKey, type GrantRecord } from './grant-record.ts';
import type { GrantDetails } from './person-grant.ts';
import { createPersonGrants, mostListed, type PersonGrants } from './person-grants.ts';

const alice = { identityIssuer: 'https://login.test', subject: 'alice' };
const context = 'https://gatehouse.test';

let clock: FakeClock;
let store: Store;
let lists: PersonGrants;

function sealerOf(secret: string): Sealer {
  return createSealer({ secrets: [secret.repeat(32)], context, random });
}

beforeEach(() => {
  clock = new FakeClock();
  store = createMemoryStore({ clock });
  lists = createPersonGrants({ store, clock, sealer: sealerOf('s') });
});

function detailsOf(clientName: string | undefined): GrantDetails {
  const resource = 'https://gatehouse.test/mcp';
  return { clientName, resource, scope: [], grantedAt: clock.nowSeconds() };
}

function add(grantId: string, lifetime = 1000, to: PersonGrants = lists): Promise<void> {
  const absoluteEnd = clock.nowSeconds() + lifetime;
  return to.add(alice, { grantId, absoluteEnd }, detailsOf(grantId));
}

async function idsOf(person = alice): Promise<readonly string[]> {
  return (await lists.list(person)).map(({ grantId }) => grantId);
}

describe('createPersonGrants', () => {
  it('lists what was added, the newest first, each once', async () => {
    await add('g-1');
    await add('g-2');
    await add('g-1');
    expect(await idsOf()).toEqual(['g-2', 'g-1']);
  });

  it('gives back every detail, and those alone', async () => {
    const absoluteEnd = clock.nowSeconds() + 10;
    const whole: GrantDetails = {
      ...detailsOf('Desk'),
      clientHost: 'desk.example',
      preRegistered: true,
      recipient: 'http://127.0.0.1:8123',
      scope: ['read', 'write'],
      sessionId: 'session-1',
    };
    await lists.add(alice, { grantId: 'g-1', absoluteEnd }, whole);
    await lists.add(alice, { grantId: 'g-2', absoluteEnd }, detailsOf(undefined));
    expect(await lists.list(alice)).toEqual([
      { grantId: 'g-2', absoluteEnd, details: detailsOf(undefined) },
      { grantId: 'g-1', absoluteEnd, details: whole },
    ]);
  });

  it('keeps people apart, those of two issuers with one subject too', async () => {
    await add('g-1');
    expect(await idsOf({ ...alice, subject: 'bob' })).toEqual([]);
    expect(await idsOf({ ...alice, identityIssuer: 'https://other.test' })).toEqual([]);
    expect(await idsOf({ identityIssuer: 'https://login.test alice', subject: '' })).toEqual([]);
  });

  it('forgets a grant at its end, and the whole list with the last one', async () => {
    await add('g-1', 100);
    await add('g-2', 500);
    clock.advance(100);
    expect(await idsOf()).toEqual(['g-2']);
    clock.advance(400);
    expect((await store.list('grants_of:', { cursor: '', limit: 1 })).records).toEqual([]);
  });

  it('lives as long as its longest grant, in whichever order they came', async () => {
    await add('long', 500);
    await add('short', 100);
    clock.advance(499);
    expect(await idsOf()).toEqual(['long']);
  });

  async function record(grantId: string, stage: 'active' | 'revoked'): Promise<void> {
    const common = { stage, subject: alice.subject, client: fingerprintClientId('c') };
    const record: GrantRecord =
      stage === 'active' ? { ...common, stage, current: 'r-1' } : { ...common, stage, cause: 'revocation' };
    const end = clock.nowSeconds() + 1000;
    await store.putIfAbsent(grantKey(grantId), formatGrantRecord(record), end);
  }

  it('makes room by the lines of grants that are over, when it is full, before it lets go of live ones', async () => {
    for (let count = 0; count < mostListed; count += 1) {
      await add(`g-${count}`);
      if (count % 3 !== 0) await record(`g-${count}`, count % 3 === 1 ? 'active' : 'revoked');
    }
    await add('new');
    const ids = await idsOf();
    expect(ids).toEqual(['new', ...ids.filter((id) => id !== 'new' && Number(id.slice(2)) % 3 === 1)]);
    expect([ids.length, ids.at(-1)]).toEqual([68, 'g-1']);
  });

  it('holds the newest of too many', async () => {
    for (let count = 0; count < mostListed + 3; count += 1) {
      await record(`g-${count}`, 'active');
      await add(`g-${count}`);
    }
    const ids = await idsOf();
    expect(ids).toHaveLength(mostListed);
    expect([ids[0], ids.at(-1)]).toEqual([`g-${mostListed + 2}`, 'g-3']);
  });

  it('takes off what it is told to, and what is not on it does no harm', async () => {
    await add('g-1');
    await add('g-2');
    await lists.remove(alice, ['g-1', 'g-9']);
    await lists.remove(alice, ['g-9']);
    expect(await idsOf()).toEqual(['g-2']);
    await lists.remove(alice, ['g-2']);
    expect(await idsOf()).toEqual([]);
    await add('g-3');
    expect(await idsOf()).toEqual(['g-3']);
  });

  it('loses nothing when processes write at the same moment', async () => {
    const others = Array.from({ length: 8 }, () =>
      createPersonGrants({ store, clock, sealer: sealerOf('s') }),
    );
    await Promise.all(
      others.flatMap((each, process) => [0, 1, 2].map((at) => add(`g-${process}-${at}`, 1000, each))),
    );
    expect(new Set(await idsOf()).size).toBe(24);
  });

  it('gives up, and says the store did, when every write is overtaken', async () => {
    await add('g-1');
    const overtaken = createPersonGrants({
      store: { ...store, replace: () => Promise.resolve(false) },
      clock,
      sealer: sealerOf('s'),
    });
    await expect(add('g-2', 1000, overtaken)).rejects.toThrow(StoreError);
    expect(await idsOf()).toEqual(['g-1']);
  });

  it('rejects while the store is away, and goes on afterwards', async () => {
    let isAway = true;
    const get: Store['get'] = (key) =>
      isAway ? Promise.reject(new StoreError('get', undefined)) : store.get(key);
    lists = createPersonGrants({ store: { ...store, get }, clock, sealer: sealerOf('s') });
    const waiting = [add('g-1'), add('g-2')];
    const outcomes = await Promise.allSettled(waiting);
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    isAway = false;
    await add('g-3');
    expect(await idsOf()).toEqual(['g-3']);
  });

  it('still names grants whose details were sealed with a key that is gone, so that they can be ended', async () => {
    await add('g-1');
    const absoluteEnd = clock.nowSeconds() + 1000;
    const later = createPersonGrants({ store, clock, sealer: sealerOf('t') });
    expect(await later.list(alice)).toEqual([{ grantId: 'g-1', absoluteEnd, details: undefined }]);
  });

  it('passes over lines that are damaged: they keep nobody from logging in', async () => {
    await add('g-1');
    const [record] = (await store.list('grants_of:', { cursor: '', limit: 1 })).records;
    const { key = '', value = '' } = record ?? {};
    await store.replace(key, value, `\n{}\n${value}\ng-2 soon x\n`, clock.nowSeconds() + 1000);
    expect(await idsOf()).toEqual(['g-1']);
    await add('g-3');
    expect(await idsOf()).toEqual(['g-3', 'g-1']);
  });
});
