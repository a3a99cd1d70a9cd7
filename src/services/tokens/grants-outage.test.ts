import { beforeEach, describe, expect, it } from 'vitest';

import { FakeClock } from '../../../test/support/fake-clock.ts';
import { createMemoryStore } from '../../platform/store/memory-store.ts';
import { type Store, StoreError } from '../../platform/store/store.ts';
import { fingerprintClientId } from '../clients/client.ts';
import type { GrantTerms } from './grant-terms.ts';
import { createGrants, type Grants, type Successor } from './grants.ts';
import type { RefreshToken } from './refresh-token.ts';
import { createRevocations, type Revocations } from './revocations.ts';

const windowSeconds = 30;
const outageSeconds = 600;

let clock: FakeClock;
let state: 'well' | 'away' | 'answers get lost';
let rememberedSince: number;
let revocations: Revocations;
let terms: GrantTerms;
let store: Store;

/** What a client asks while the store may be away. */
let grants: Grants;
/** The same, of a replica that nobody asked anything meanwhile. */
let otherReplica: Grants;

beforeEach(async () => {
  clock = new FakeClock();
  state = 'well';
  rememberedSince = 0;
  const memory = createMemoryStore({ clock });
  const checked = <Result>(answer: Result): Result => {
    if (state === 'well') return answer;
    throw new StoreError('replace', new Error('no answer in time'));
  };
  store = {
    ...memory,
    get: async (key) => (state === 'away' ? checked(undefined) : memory.get(key)),
    replace: async (...change) => checked(state !== 'away' && (await memory.replace(...change))),
    rememberedSince: async () => checked(rememberedSince),
  };
  revocations = createRevocations({ store, clock, onError: () => {} });
  const make = () => createGrants({ store, clock, revocations, refreshWindowSeconds: windowSeconds });
  [grants, otherReplica] = [make(), make()];
  terms = {
    grantId: 'grant-1',
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
  await grants.open(terms, clock.nowSeconds() + 60);
  await grants.redeem(terms, 'r0');
  return () => revocations.close();
});

function token(tokenId: string): RefreshToken {
  return { terms, tokenId, expiresAt: clock.nowSeconds() + 3600 };
}

function successor(tokenId: string): () => Successor {
  return () => ({ tokenId, sealed: `sealed ${tokenId}` });
}

/** The rotation is done, nobody heard of it, and the client cannot come again for longer than the window. */
async function loseAnswer(): Promise<void> {
  state = 'answers get lost';
  await expect(grants.rotate(token('r0'), successor('r1'))).rejects.toThrow(StoreError);
  state = 'away';
  clock.advance(outageSeconds);
}

describe('a rotation whose answer was lost with the store', () => {
  it('is answered again when the store is back, by the process that said it was away', async () => {
    await loseAnswer();
    await expect(grants.rotate(token('r0'), successor('r2'))).rejects.toThrow(StoreError);
    state = 'well';
    expect(await grants.rotate(token('r0'), successor('r2'))).toEqual({
      outcome: 'repeated',
      sealed: 'sealed r1',
    });
  });

  it('is answered again by every process when the store was restarted meanwhile', async () => {
    await loseAnswer();
    state = 'well';
    rememberedSince = clock.nowSeconds() + 1;
    expect(await otherReplica.rotate(token('r0'), successor('r2'))).toEqual({
      outcome: 'repeated',
      sealed: 'sealed r1',
    });
  });

  it('is reuse once the window is over that began when the store came back', async () => {
    await loseAnswer();
    await expect(grants.rotate(token('r0'), successor('r2'))).rejects.toThrow(StoreError);
    state = 'well';
    rememberedSince = clock.nowSeconds();
    clock.advance(windowSeconds);
    expect(await grants.rotate(token('r0'), successor('r2'))).toEqual({ outcome: 'reused' });
    expect(await otherReplica.rotate(token('r0'), successor('r2'))).toEqual({ outcome: 'reused' });
  });

  it('is reuse once the successor was used, whatever became of the store', async () => {
    await loseAnswer();
    await expect(grants.rotate(token('r0'), successor('r2'))).rejects.toThrow(StoreError);
    state = 'well';
    rememberedSince = clock.nowSeconds();
    await grants.rotate(token('r1'), successor('r2'));
    expect(await grants.rotate(token('r0'), successor('r3'))).toEqual({ outcome: 'reused' });
  });

  it('is reuse when it was long before the outage: no trouble of the store gives a thief another window', async () => {
    await grants.rotate(token('r0'), successor('r1'));
    clock.advance(1800);
    state = 'away';
    await expect(grants.rotate(token('r0'), successor('r2'))).rejects.toThrow(StoreError);
    state = 'well';
    rememberedSince = clock.nowSeconds();
    expect(await grants.rotate(token('r0'), successor('r2'))).toEqual({ outcome: 'reused' });
    expect(await otherReplica.rotate(token('r0'), successor('r2'))).toEqual({ outcome: 'reused' });
  });

  it('is reuse when the store was away before it, not after', async () => {
    state = 'away';
    await expect(grants.rotate(token('r0'), successor('r1'))).rejects.toThrow(StoreError);
    state = 'well';
    rememberedSince = clock.nowSeconds();
    clock.advance(10);
    await grants.rotate(token('r0'), successor('r1'));
    clock.advance(windowSeconds);
    expect(await grants.rotate(token('r0'), successor('r2'))).toEqual({ outcome: 'reused' });
  });
});

describe('a refresh window of 0', () => {
  it('stays closed, whatever became of the store', async () => {
    const strict = createGrants({ store, clock, revocations, refreshWindowSeconds: 0 });
    await strict.rotate(token('r0'), successor('r1'));
    rememberedSince = clock.nowSeconds() + 1;
    expect(await strict.rotate(token('r0'), successor('r2'))).toEqual({ outcome: 'reused' });
  });
});
