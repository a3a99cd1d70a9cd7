import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { FakeClock } from '../../../test/support/fake-clock.ts';
import { createMemoryStore } from '../../platform/store/memory-store.ts';
import { type Store, StoreError } from '../../platform/store/store.ts';
import { fingerprintClientId } from '../clients/client.ts';
import { grantKey } from './grant-record.ts';
import type { GrantTerms } from './grant-terms.ts';
import { createGrants, type Grants } from './grants.ts';
import type { RefreshToken } from './refresh-token.ts';
import { createRevocations, type Revocations } from './revocations.ts';
import { createRotationJournal, type RotationJournal } from './rotation-journal.ts';

const refreshWindowSeconds = 30;

let clock: FakeClock;
let store: Store;
let revocations: Revocations;
let open: RotationJournal[];
let isStoreAway: boolean;

interface Process {
  readonly journal: RotationJournal;
  readonly grants: Grants;
}

function createProcess(): Process {
  const reachable: Store = {
    ...store,
    get: (key) => (isStoreAway ? Promise.reject(new StoreError('get', undefined)) : store.get(key)),
  };
  const journal = createRotationJournal({ store: reachable, clock });
  open.push(journal);
  const grants = createGrants({ store: journal.store, clock, revocations, refreshWindowSeconds });
  return { journal, grants };
}

let terms: GrantTerms;
let here: Process;
let there: Process;

beforeEach(async () => {
  clock = new FakeClock();
  store = createMemoryStore({ clock });
  revocations = createRevocations({ store, clock, onError: () => {} });
  open = [];
  isStoreAway = false;
  terms = {
    grantId: 'g1',
    identityIssuer: 'https://idp.test',
    subject: 'alice',
    email: undefined,
    name: undefined,
    groups: [],
    client: fingerprintClientId('client-1'),
    resource: 'https://gatehouse.test/mcp',
    scope: [],
    grantedAt: clock.nowSeconds(),
    absoluteEnd: clock.nowSeconds() + 90 * 86_400,
  };
  [here, there] = [createProcess(), createProcess()];
  await here.grants.open(terms, clock.nowSeconds() + 60);
  await here.grants.redeem(terms, 'r0');
});

afterEach(() => {
  for (const journal of open) journal.close();
  revocations.close();
});

const token = (tokenId: string): RefreshToken => ({ terms, tokenId, expiresAt: terms.absoluteEnd });

const rotate = async ({ grants }: Process, from: string, to: string): Promise<string> =>
  (await grants.rotate(token(from), () => ({ tokenId: to, sealed: `sealed-${to}` }))).outcome;

const record = async (): Promise<string> => (await store.get(grantKey('g1'))) ?? '';

/** The store has this again, instead of what it was told since. */
async function bringBack(copy: string): Promise<void> {
  await store.delete(grantKey('g1'));
  await store.putIfAbsent(grantKey('g1'), copy, terms.absoluteEnd);
}

describe('a rotation that the store forgot', () => {
  it('is done again: the spent token is theft, and its successor goes on', async () => {
    const copy = await record();
    await rotate(here, 'r0', 'r1');
    const lost = await record();
    await bringBack(copy);
    here.journal.putBack();
    await here.journal.sweep();
    expect(await record()).toBe(lost);
    clock.advance(refreshWindowSeconds);
    expect(await rotate(there, 'r0', 'r9')).toBe('reused');
    expect(await rotate(there, 'r1', 'r2')).toBe('rotated');
  });

  it('still gives its own successor to who repeats it inside the window', async () => {
    const copy = await record();
    await rotate(here, 'r0', 'r1');
    await bringBack(copy);
    here.journal.putBack();
    await here.journal.sweep();
    const again = await there.grants.rotate(token('r0'), () => ({ tokenId: 'r9', sealed: 'sealed-r9' }));
    expect(again).toEqual({ outcome: 'repeated', sealed: 'sealed-r1' });
  });

  it('is done again in turn by all who did one, in whichever order they come', async () => {
    const copy = await record();
    await rotate(here, 'r0', 'r1');
    await rotate(there, 'r1', 'r2');
    await rotate(here, 'r2', 'r3');
    const lost = await record();
    await bringBack(copy);
    for (const { journal } of [there, here]) journal.putBack();
    for (let sweeps = 0; sweeps < 3; sweeps += 1) {
      for (const { journal } of [there, here]) await journal.sweep();
      clock.advance(1);
    }
    expect(await record()).toBe(lost);
  });

  it('is not done again over what came since: whoever was first has the grant, and the other ends it', async () => {
    const copy = await record();
    await rotate(here, 'r0', 'r1');
    await bringBack(copy);
    await rotate(there, 'r0', 'thief');
    const present = await record();
    here.journal.putBack();
    await here.journal.sweep();
    expect(await record()).toBe(present);
    clock.advance(refreshWindowSeconds);
    expect(await rotate(there, 'r1', 'r2')).toBe('reused');
  });

  it('brings back neither a grant that was ended nor one that is gone', async () => {
    await rotate(here, 'r0', 'r1');
    await there.grants.revoke(terms, 'test');
    const ended = await record();
    here.journal.putBack();
    await here.journal.sweep();
    expect(await record()).toBe(ended);
    await store.delete(grantKey('g1'));
    await here.journal.sweep();
    expect(await record()).toBe('');
  });

  it('is done again when the store is back, should it fail meanwhile', async () => {
    const copy = await record();
    await rotate(here, 'r0', 'r1');
    const lost = await record();
    await bringBack(copy);
    isStoreAway = true;
    here.journal.putBack();
    for (let seconds = 0; seconds < 120; seconds += 5) {
      await here.journal.sweep();
      clock.advance(5);
    }
    isStoreAway = false;
    await here.journal.sweep();
    expect(await record()).toBe(lost);
  });

  it('is left alone when it is longer ago, and without a loss', async () => {
    const copy = await record();
    await rotate(here, 'r0', 'r1');
    await bringBack(copy);
    await here.journal.sweep();
    expect(await record()).toBe(copy);
    clock.advance(61);
    await here.journal.sweep();
    here.journal.putBack();
    await here.journal.sweep();
    expect(await record()).toBe(copy);
  });
});
