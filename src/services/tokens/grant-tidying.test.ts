import { beforeEach, describe, expect, it } from 'vitest';

import { FakeClock } from '../../../test/support/fake-clock.ts';
import { createMemoryStore } from '../../platform/store/memory-store.ts';
import { type Store, StoreError } from '../../platform/store/store.ts';
import { fingerprintClientId } from '../clients/client.ts';
import { parseGrantRecord } from './grant-record.ts';
import type { GrantTerms } from './grant-terms.ts';
import { createGrantTidying, type GrantTidying } from './grant-tidying.ts';
import { createGrants, type Grants } from './grants.ts';
import type { RefreshToken } from './refresh-token.ts';
import { createRevocations } from './revocations.ts';

const refreshWindowSeconds = 30;
/** The window, and what clocks may differ by. */
const tidyAfterSeconds = 60;

let clock: FakeClock;
let store: Store;
let isStoreAway: boolean;
let tidying: GrantTidying;
let grants: Grants;

beforeEach(() => {
  clock = new FakeClock();
  store = createMemoryStore({ clock });
  isStoreAway = false;
  const reachable: Pick<Store, 'get' | 'replace'> = {
    get: async (key) => {
      if (isStoreAway) throw new StoreError('get', undefined);
      return store.get(key);
    },
    replace: (key, expected, next, expiresAt) => store.replace(key, expected, next, expiresAt),
  };
  const revocations = createRevocations({ store, clock, onError: () => {} });
  tidying = createGrantTidying({ store: reachable, clock, refreshWindowSeconds });
  grants = createGrants({ store, clock, revocations, refreshWindowSeconds, tidying });
  return () => {
    revocations.close();
    tidying.close();
  };
});

function termsOf(grantId: string): GrantTerms {
  return {
    grantId,
    identityIssuer: 'https://idp.test',
    subject: 'person-1',
    email: undefined,
    name: undefined,
    groups: [],
    client: fingerprintClientId('client-1'),
    resource: 'https://gatehouse.test/mcp',
    scope: [],
    grantedAt: clock.nowSeconds(),
    absoluteEnd: clock.nowSeconds() + 90 * 24 * 3600,
  };
}

/** A grant whose first refresh token, `r0`, has been rotated to `r1`. */
async function openRotated(grantId = 'grant-1'): Promise<(tokenId: string) => RefreshToken> {
  const terms = termsOf(grantId);
  await grants.open(terms, clock.nowSeconds() + 60);
  await grants.redeem(terms, 'r0');
  const token = (tokenId: string) => ({ terms, tokenId, expiresAt: clock.nowSeconds() + 3600 });
  expect(await rotate(token('r0'), 'r1')).toEqual({ outcome: 'rotated', sealed: 'sealed r1' });
  return token;
}

function rotate(token: RefreshToken, next: string) {
  return grants.rotate(token, () => ({ tokenId: next, sealed: `sealed ${next}` }));
}

async function readRecord(grantId = 'grant-1') {
  return parseGrantRecord((await store.get(`grant:${grantId}`)) ?? '');
}

describe('createGrantTidying', () => {
  it('takes the successor out of the record once its window is over by every clock', async () => {
    const refreshedAtMs = clock.nowMilliseconds();
    await openRotated();
    clock.advance(tidyAfterSeconds);
    await tidying.sweep();
    const { subject, client } = termsOf('grant-1');
    expect(await readRecord()).toEqual({ stage: 'active', subject, client, current: 'r1', refreshedAtMs });
  });

  it('leaves it there before that, so that a lost answer can be repeated', async () => {
    const token = await openRotated();
    clock.advance(refreshWindowSeconds - 1);
    await tidying.sweep();
    expect(await rotate(token('r0'), 'other')).toEqual({ outcome: 'repeated', sealed: 'sealed r1' });
  });

  it('changes nothing about what the tokens are good for', async () => {
    const token = await openRotated();
    clock.advance(tidyAfterSeconds);
    expect(await rotate(token('r0'), 'other')).toEqual({ outcome: 'reused' });
    await tidying.sweep();
    expect(await rotate(token('r0'), 'other')).toEqual({ outcome: 'reused' });
    expect(await rotate(token('r1'), 'r2')).toEqual({ outcome: 'rotated', sealed: 'sealed r2' });
    expect(await rotate(token('r1'), 'other')).toEqual({ outcome: 'repeated', sealed: 'sealed r2' });
  });

  it('keeps the record until the same end', async () => {
    await openRotated();
    clock.advance(tidyAfterSeconds);
    await tidying.sweep();
    clock.advance(90 * 24 * 3600 - tidyAfterSeconds - 1);
    expect(await store.get('grant:grant-1')).toBeDefined();
    clock.advance(1);
    expect(await store.get('grant:grant-1')).toBeUndefined();
  });

  it('leaves a newer rotation alone until its own time', async () => {
    const token = await openRotated();
    clock.advance(tidyAfterSeconds - 10);
    await rotate(token('r1'), 'r2');
    clock.advance(10);
    await tidying.sweep();
    expect(await rotate(token('r1'), 'other')).toEqual({ outcome: 'repeated', sealed: 'sealed r2' });
    clock.advance(tidyAfterSeconds - 10);
    await tidying.sweep();
    expect(await readRecord()).not.toHaveProperty('previous');
  });

  it('keeps the lease of whoever is about to rotate', async () => {
    const token = await openRotated();
    clock.advance(tidyAfterSeconds);
    await grants.lease(token('r1'), 'holder');
    await tidying.sweep();
    expect(await readRecord()).toMatchObject({ rotating: { holder: 'holder' } });
    expect(await readRecord()).not.toHaveProperty('previous');
  });

  it('touches neither a revoked grant nor one that the store has lost', async () => {
    const token = await openRotated();
    await openRotated('grant-2');
    await grants.revoke(token('r1').terms, 'test');
    await store.delete('grant:grant-2');
    clock.advance(tidyAfterSeconds);
    await tidying.sweep();
    expect(await readRecord()).toMatchObject({ stage: 'revoked', cause: 'test' });
    expect(await store.get('grant:grant-2')).toBeUndefined();
  });

  it('tidies many at once, and the rest later when the store was away', async () => {
    const ids = Array.from({ length: 40 }, (_, at) => `grant-${at}`);
    for (const grantId of ids) await openRotated(grantId);
    clock.advance(tidyAfterSeconds);
    isStoreAway = true;
    await tidying.sweep();
    isStoreAway = false;
    await tidying.sweep();
    const records = await Promise.all(ids.map(readRecord));
    const left = records.filter((record) => 'previous' in record);
    // Those that were asked for while the store was away wait for their next rotation.
    expect(left).toHaveLength(8);
  });

  it('does nothing more once it is closed', async () => {
    await openRotated();
    clock.advance(tidyAfterSeconds);
    tidying.close();
    await tidying.sweep();
    expect(await readRecord()).toHaveProperty('previous');
  });
});
