import { beforeEach, describe, expect, it } from 'vitest';

import { FakeClock } from '../../../test/support/fake-clock.ts';
import { createMemoryStore } from '../../platform/store/memory-store.ts';
import { type Store, StoreError } from '../../platform/store/store.ts';
import { fingerprintClientId } from '../clients/client.ts';
import type { GrantTerms } from './grant-terms.ts';
import { parseCutOff } from './cut-off.ts';
import { createGrants, type Grants, type Successor } from './grants.ts';
import type { RefreshToken } from './refresh-token.ts';
import { createRevocations, type Revocations } from './revocations.ts';

const windowSeconds = 30;
const codeSeconds = 60;
const key = 'grant:grant-1';

let clock: FakeClock;
let store: Store;
let revocations: Revocations;
let grants: Grants;
let terms: GrantTerms;

beforeEach(() => {
  clock = new FakeClock();
  store = createMemoryStore({ clock });
  revocations = createRevocations({ store, clock, onError: () => {} });
  grants = createGrants({ store, clock, revocations, refreshWindowSeconds: windowSeconds });
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
  return () => revocations.close();
});

function token(tokenId: string): RefreshToken {
  return { terms, tokenId, expiresAt: clock.nowSeconds() + 3600 };
}

function successor(tokenId: string): () => Successor {
  return () => ({ tokenId, sealed: `sealed ${tokenId}` });
}

async function openAndRedeem(): Promise<void> {
  await grants.open(terms, clock.nowSeconds() + codeSeconds);
  expect(await grants.redeem(terms, 'r0')).toBe('redeemed');
}

describe('redeem', () => {
  it('gives nobody tokens for a code from before the store may have forgotten', async () => {
    const forgetful: Store = { ...store, rememberedSince: async () => terms.grantedAt };
    const later = createGrants({ store: forgetful, clock, revocations, refreshWindowSeconds: windowSeconds });
    await grants.open(terms, clock.nowSeconds() + codeSeconds);
    expect(await later.redeem(terms, 'r0')).toBe('unknown');
    expect(await store.get(key)).toBeUndefined();
    expect(await later.redeem(terms, 'r0')).toBe('unknown');
  });

  it.each([1, 2])('calls nobody a replay whose store did not answer the %s. question', async (failing) => {
    let questions = 0;
    const moody: Store = {
      ...store,
      rememberedSince: async () => {
        questions += 1;
        if (questions === failing) throw new StoreError('epoch', undefined);
        return 0;
      },
    };
    const there = createGrants({ store: moody, clock, revocations, refreshWindowSeconds: windowSeconds });
    await grants.open(terms, clock.nowSeconds() + codeSeconds);
    const first = await there.redeem(terms, 'r0').catch(() => 'try again');
    const second = first === 'try again' ? await there.redeem(terms, 'r0') : first;
    expect([first, second]).toEqual([failing === 1 ? 'try again' : 'redeemed', 'redeemed']);
  });

  it('redeems a code once, and calls every later attempt a replay', async () => {
    await openAndRedeem();
    expect(await grants.redeem(terms, 'r1')).toBe('replayed');
    clock.advance(3600);
    expect(await grants.redeem(terms, 'r2')).toBe('replayed');
    expect((await grants.rotate(token('r1'), successor('x'))).outcome).toBe('reused');
  });

  it('redeems for one of 256 callers at the same time', async () => {
    await grants.open(terms, clock.nowSeconds() + codeSeconds);
    const outcomes = await Promise.all(
      Array.from({ length: 256 }, (_, at) => grants.redeem(terms, `r${at}`)),
    );
    expect(outcomes.filter((outcome) => outcome === 'redeemed')).toHaveLength(1);
    expect(outcomes.filter((outcome) => outcome === 'replayed')).toHaveLength(255);
  });

  it('knows no code that was never given out, and none that ran out', async () => {
    expect(await grants.redeem(terms, 'r0')).toBe('unknown');
    await grants.open(terms, clock.nowSeconds() + codeSeconds);
    clock.advance(codeSeconds);
    expect(await grants.redeem(terms, 'r0')).toBe('unknown');
  });

  it('redeems no code of a revoked grant', async () => {
    await grants.open(terms, clock.nowSeconds() + codeSeconds);
    await grants.revoke(terms, 'test');
    expect(await grants.redeem(terms, 'r0')).toBe('revoked');
  });

  it('does not open a grant over one that exists', async () => {
    await openAndRedeem();
    const record = await store.get(key);
    await expect(grants.open(terms, clock.nowSeconds() + codeSeconds)).rejects.toThrow('taken');
    expect(await store.get(key)).toBe(record);
  });
});

describe('rotate', () => {
  it('gives every generation its successor', async () => {
    await openAndRedeem();
    for (let at = 0; at < 5; at += 1) {
      expect(await grants.rotate(token(`r${at}`), successor(`r${at + 1}`))).toEqual({
        outcome: 'rotated',
        sealed: `sealed r${at + 1}`,
      });
      clock.advance(3600);
    }
  });

  it('gives 256 callers at the same time one successor', async () => {
    await openAndRedeem();
    let made = 0;
    const rotations = await Promise.all(
      Array.from({ length: 256 }, (_, at) =>
        grants.rotate(token('r0'), () => {
          made += 1;
          return { tokenId: `s${at}`, sealed: `sealed s${at}` };
        }),
      ),
    );
    const sealed = rotations.map((rotation) => ('sealed' in rotation ? rotation.sealed : rotation.outcome));
    expect(new Set(sealed).size).toBe(1);
    expect(rotations.filter(({ outcome }) => outcome === 'rotated')).toHaveLength(1);
    expect(rotations.filter(({ outcome }) => outcome === 'repeated')).toHaveLength(255);
    expect(made).toBeGreaterThanOrEqual(1);
  });

  it('repeats the successor inside the window, without making another', async () => {
    await openAndRedeem();
    await grants.rotate(token('r0'), successor('r1'));
    clock.advance(windowSeconds - 1);
    const never = (): Successor => {
      throw new Error('made a second successor');
    };
    expect(await grants.rotate(token('r0'), never)).toEqual({ outcome: 'repeated', sealed: 'sealed r1' });
  });

  it('calls it reuse at the end of the window', async () => {
    await openAndRedeem();
    await grants.rotate(token('r0'), successor('r1'));
    clock.advance(windowSeconds);
    expect(await grants.rotate(token('r0'), successor('x'))).toEqual({ outcome: 'reused' });
  });

  it('calls it reuse inside the window once the successor was used', async () => {
    await openAndRedeem();
    await grants.rotate(token('r0'), successor('r1'));
    await grants.rotate(token('r1'), successor('r2'));
    expect(await grants.rotate(token('r0'), successor('x'))).toEqual({ outcome: 'reused' });
    expect(await grants.rotate(token('r1'), successor('x'))).toEqual({
      outcome: 'repeated',
      sealed: 'sealed r2',
    });
  });

  it('repeats nothing when the window is closed by setting', async () => {
    grants = createGrants({ store, clock, revocations, refreshWindowSeconds: 0 });
    await openAndRedeem();
    await grants.rotate(token('r0'), successor('r1'));
    expect(await grants.rotate(token('r0'), successor('x'))).toEqual({ outcome: 'reused' });
  });

  it('does not open the window again for a clock that was set back', async () => {
    await openAndRedeem();
    await grants.rotate(token('r0'), successor('r1'));
    clock.advance(-(windowSeconds - 1));
    expect(await grants.rotate(token('r0'), successor('x'))).toEqual({
      outcome: 'repeated',
      sealed: 'sealed r1',
    });
    clock.advance(-1);
    expect(await grants.rotate(token('r0'), successor('x'))).toEqual({ outcome: 'reused' });
    const closed = createGrants({ store, clock, revocations, refreshWindowSeconds: 0 });
    expect(await closed.rotate(token('r0'), successor('x'))).toEqual({ outcome: 'reused' });
  });

  it('takes a caller for no thief whom two rotations overtook', async () => {
    await openAndRedeem();
    let isOvertaken = false;
    const slow: Store = {
      ...store,
      async replace(...change) {
        if (!isOvertaken) {
          isOvertaken = true;
          await grants.rotate(token('r0'), successor('r1'));
          await grants.rotate(token('r1'), successor('r2'));
        }
        return store.replace(...change);
      },
    };
    const late = createGrants({ store: slow, clock, revocations, refreshWindowSeconds: windowSeconds });
    expect(await late.rotate(token('r0'), successor('r9'))).toEqual({ outcome: 'busy' });
    expect(await late.rotate(token('r0'), successor('r9'))).toEqual({ outcome: 'reused' });
  });

  it('changes nothing on reuse: ending the grant is the caller’s to do', async () => {
    await openAndRedeem();
    const record = await store.get(key);
    expect(await grants.rotate(token('stranger'), successor('x'))).toEqual({ outcome: 'reused' });
    expect(await store.get(key)).toBe(record);
  });

  it('knows no refresh token before its code was redeemed, nor after its record is gone', async () => {
    expect(await grants.rotate(token('r0'), successor('x'))).toEqual({ outcome: 'unknown' });
    await grants.open(terms, clock.nowSeconds() + codeSeconds);
    expect(await grants.rotate(token('r0'), successor('x'))).toEqual({ outcome: 'unknown' });
    await grants.redeem(terms, 'r0');
    await store.delete(key);
    expect(await grants.rotate(token('r0'), successor('x'))).toEqual({ outcome: 'unknown' });
    expect(await grants.redeem(terms, 'r0')).toBe('unknown');
  });

  it('rotates nothing past the absolute end', async () => {
    await openAndRedeem();
    clock.advance(90 * 24 * 3600);
    expect(await grants.rotate(token('r0'), successor('x'))).toEqual({ outcome: 'unknown' });
  });
});

describe('lease', () => {
  async function leaseAs(holder: string): Promise<string> {
    const lease = await grants.lease(token('r0'), holder);
    if (lease.outcome !== 'leased') throw new Error('not leased');
    return lease.record;
  }

  it('lets one of 64 callers at the same time go on', async () => {
    await openAndRedeem();
    const leases = await Promise.all(
      Array.from({ length: 64 }, (_, at) => grants.lease(token('r0'), `holder-${at}`)),
    );
    expect(leases.filter(({ outcome }) => outcome === 'leased')).toHaveLength(1);
    expect(leases.filter(({ outcome }) => outcome === 'busy')).toHaveLength(63);
  });

  it('ends with the rotation, and the others get its successor', async () => {
    await openAndRedeem();
    await grants.lease(token('r0'), 'a');
    await grants.rotate(token('r0'), successor('r1'));
    expect(await grants.lease(token('r0'), 'b')).toEqual({ outcome: 'repeated', sealed: 'sealed r1' });
    expect(await grants.lease(token('r1'), 'b')).toMatchObject({ outcome: 'leased' });
    expect(await grants.lease(token('r0'), 'b')).toEqual({ outcome: 'repeated', sealed: 'sealed r1' });
  });

  it('spares its rotation the reading of the record', async () => {
    await openAndRedeem();
    const record = await leaseAs('a');
    let reads = 0;
    const { get } = store;
    const counted: Store = {
      ...store,
      get: (name) => {
        reads += 1;
        return get(name);
      },
    };
    const there = createGrants({ store: counted, clock, revocations, refreshWindowSeconds: windowSeconds });
    const rotation = await there.rotate(token('r0'), successor('r1'), record);
    expect([rotation, reads]).toEqual([{ outcome: 'rotated', sealed: 'sealed r1' }, 0]);
  });

  it('whose record has changed since is judged by what it is now', async () => {
    await openAndRedeem();
    const record = await leaseAs('a');
    clock.advance(10);
    await leaseAs('b');
    await grants.rotate(token('r0'), successor('of b'));
    const overtaken = await grants.rotate(token('r0'), successor('of a'), record);
    expect(overtaken).toEqual({ outcome: 'repeated', sealed: 'sealed of b' });
    await grants.rotate(token('of b'), successor('r2'));
    expect(await grants.rotate(token('r0'), successor('of a'), record)).toEqual({ outcome: 'busy' });
  });

  it('does not outlive the end of the grant, were it known or not', async () => {
    await openAndRedeem();
    const record = await leaseAs('a');
    await grants.revoke(terms, 'test');
    expect(await grants.rotate(token('r0'), successor('r1'), record)).toEqual({ outcome: 'revoked' });
    expect((await store.get(key)) ?? '').toContain('"revoked"');
  });

  it('ends when it is given back, by its holder alone', async () => {
    await openAndRedeem();
    const before = await store.get(key);
    await grants.lease(token('r0'), 'a');
    await grants.release(token('r0'), 'b');
    expect(await grants.lease(token('r0'), 'b')).toEqual({ outcome: 'busy' });
    await grants.release(token('r0'), 'a');
    expect(await store.get(key)).toBe(before);
    expect(await grants.lease(token('r0'), 'b')).toMatchObject({ outcome: 'leased' });
  });

  it('ends by itself after ten seconds, and no earlier', async () => {
    await openAndRedeem();
    await grants.lease(token('r0'), 'a');
    clock.advance(9.999);
    expect(await grants.lease(token('r0'), 'b')).toEqual({ outcome: 'busy' });
    clock.advance(0.001);
    expect(await grants.lease(token('r0'), 'b')).toMatchObject({ outcome: 'leased' });
    expect(await grants.lease(token('r0'), 'a')).toEqual({ outcome: 'busy' });
  });

  it('is renewed by its holder', async () => {
    await openAndRedeem();
    await grants.lease(token('r0'), 'a');
    clock.advance(9);
    expect(await grants.lease(token('r0'), 'a')).toMatchObject({ outcome: 'leased' });
    clock.advance(9);
    expect(await grants.lease(token('r0'), 'b')).toEqual({ outcome: 'busy' });
  });

  it('of a clock far ahead holds nobody up', async () => {
    await openAndRedeem();
    clock.advance(3600);
    await grants.lease(token('r0'), 'a');
    clock.advance(-3600);
    expect(await grants.lease(token('r0'), 'b')).toMatchObject({ outcome: 'leased' });
  });

  it('keeps the successor of the generation before', async () => {
    await openAndRedeem();
    await grants.rotate(token('r0'), successor('r1'));
    await grants.lease(token('r1'), 'a');
    expect(await grants.rotate(token('r0'), successor('x'))).toEqual({
      outcome: 'repeated',
      sealed: 'sealed r1',
    });
  });

  it('is not had for a token that cannot rotate', async () => {
    expect(await grants.lease(token('r0'), 'a')).toEqual({ outcome: 'unknown' });
    await grants.release(token('r0'), 'a');
    await openAndRedeem();
    expect(await grants.lease(token('stranger'), 'a')).toEqual({ outcome: 'reused' });
    await grants.revoke(terms, 'test');
    expect(await grants.lease(token('r0'), 'a')).toEqual({ outcome: 'revoked' });
    await grants.release(token('r0'), 'a');
    expect(JSON.parse((await store.get(key)) ?? '')).toMatchObject({ stage: 'revoked' });
  });
});

describe('revoke', () => {
  it('ends every generation, and the access tokens', async () => {
    await openAndRedeem();
    await grants.rotate(token('r0'), successor('r1'));
    await grants.revoke(terms, 'refresh_reuse');
    for (const tokenId of ['r0', 'r1', 'x']) {
      expect(await grants.rotate(token(tokenId), successor('y'))).toEqual({ outcome: 'revoked' });
    }
    expect(revocations.isRevoked('grant-1')).toBe(true);
    expect(JSON.parse((await store.get(key)) ?? '')).toMatchObject({
      stage: 'revoked',
      cause: 'refresh_reuse',
    });
  });

  it('keeps the first cause, and revokes twice without complaint', async () => {
    await openAndRedeem();
    await grants.revoke(terms, 'first');
    await grants.revoke(terms, 'second');
    expect(JSON.parse((await store.get(key)) ?? '')).toMatchObject({ cause: 'first' });
  });

  it('kills the access tokens of a grant that has no record any more', async () => {
    await grants.revoke(terms, 'test');
    expect(revocations.isRevoked('grant-1')).toBe(true);
    expect(await store.get(key)).toBeUndefined();
  });

  it('stays revoked for as long as a refresh token could live', async () => {
    await openAndRedeem();
    await grants.revoke(terms, 'test');
    clock.advance(90 * 24 * 3600 - 1);
    expect((await grants.rotate(token('r0'), successor('x'))).outcome).toBe('revoked');
  });

  it('wins against rotations at the same time', async () => {
    await openAndRedeem();
    await Promise.all([
      ...Array.from({ length: 64 }, (_, at) => grants.rotate(token('r0'), successor(`s${at}`))),
      grants.revoke(terms, 'test'),
      ...Array.from({ length: 64 }, (_, at) => grants.rotate(token('r0'), successor(`t${at}`))),
    ]);
    expect((await grants.rotate(token('r0'), successor('x'))).outcome).toBe('revoked');
  });

  it('has ended the access tokens even when the record cannot be changed', async () => {
    await openAndRedeem();
    const broken: Store = { ...store, replace: () => Promise.reject(new StoreError('replace', undefined)) };
    const failing = createGrants({ store: broken, clock, revocations, refreshWindowSeconds: windowSeconds });
    await expect(failing.revoke(terms, 'test')).rejects.toThrow(StoreError);
    expect(revocations.isRevoked('grant-1')).toBe(true);
  });

  it.each([
    ['current', 'replace', 'r1'],
    ['current', 'append', 'r1'],
    ['previous', 'replace', 'r0'],
    ['previous', 'append', 'r0'],
  ] as const)(
    'is finished by the %s token when %s broke it off, everywhere and for good',
    async (_, verb, tokenId) => {
      await openAndRedeem();
      await grants.rotate(token('r0'), successor('r1'));
      const broken: Store = { ...store, [verb]: () => Promise.reject(new StoreError(verb, undefined)) };
      const ours = createRevocations({ store: broken, clock, onError: () => {} });
      const failing = { store: broken, clock, revocations: ours, refreshWindowSeconds: windowSeconds };
      await expect(createGrants(failing).revoke(terms, 'test')).rejects.toThrow(StoreError);
      const presented = token(tokenId);
      await expect(createGrants(failing).rotate(presented, successor('r2'))).rejects.toThrow(StoreError);
      const mended = createGrants({
        ...failing,
        store,
        revocations: { ...ours, revoke: revocations.revoke },
      });
      expect(await mended.rotate(presented, successor('r2'))).toEqual({ outcome: 'revoked' });
      expect(revocations.isRevoked('grant-1')).toBe(true);
      ours.close();
      clock.advance(2 * 3600);
      await revocations.refresh();
      expect(revocations.isRevoked('grant-1')).toBe(false);
      expect(await grants.rotate(token('r1'), successor('r2'))).toEqual({ outcome: 'revoked' });
    },
  );

  it('tells the feed once, however often a dead token comes back', async () => {
    await openAndRedeem();
    await grants.revoke(terms, 'test');
    for (let times = 0; times < 3; times += 1) await grants.rotate(token('r0'), successor('r1'));
    const { entries } = await store.read('revocations', '');
    expect(entries.map((entry) => parseCutOff(entry)?.cutOff.key)).toEqual(['grant-1']);
  });
});

describe('a cut-off of others', () => {
  const untilNow = () => clock.nowSeconds() + 1;

  it('kills a code that is out', async () => {
    await grants.open(terms, clock.nowSeconds() + 60);
    await revocations.cutOff({ kind: 'client', key: terms.client, before: untilNow() });
    expect(await grants.redeem(terms, 'r0')).toBe('revoked');
  });

  it('kills refresh tokens, and the record says what for', async () => {
    await openAndRedeem();
    await revocations.cutOff({ kind: 'everything', key: '', before: untilNow() });
    expect(await grants.rotate(token('r0'), successor('r1'))).toEqual({ outcome: 'revoked' });
    expect(JSON.parse((await store.get(key)) ?? '')).toMatchObject({ stage: 'revoked', cause: 'cut_off' });
  });
});

describe('a store that fails', () => {
  const failure = (): Promise<never> => Promise.reject(new StoreError('get', undefined));

  it('fails every step: nothing is redeemed or rotated on a guess', async () => {
    await openAndRedeem();
    const broken: Store = { ...store, get: failure, replace: failure, putIfAbsent: failure };
    const failing = createGrants({ store: broken, clock, revocations, refreshWindowSeconds: windowSeconds });
    await expect(failing.open(terms, clock.nowSeconds() + 1)).rejects.toThrow(StoreError);
    await expect(failing.redeem(terms, 'r0')).rejects.toThrow(StoreError);
    await expect(failing.rotate(token('r0'), successor('x'))).rejects.toThrow(StoreError);
    await expect(failing.revoke(terms, 'test')).rejects.toThrow(StoreError);
  });

  it('gives up after some attempts when the record never stands still', async () => {
    await openAndRedeem();
    let attempts = 0;
    const restless: Store = {
      ...store,
      replace: () => {
        attempts += 1;
        return Promise.resolve(false);
      },
    };
    const failing = createGrants({
      store: restless,
      clock,
      revocations,
      refreshWindowSeconds: windowSeconds,
    });
    await expect(failing.rotate(token('r0'), successor('x'))).rejects.toThrow('every attempt');
    await expect(failing.revoke(terms, 'test')).rejects.toThrow('every attempt');
    expect(attempts).toBe(16);
  });

  it.each([
    '',
    'no json',
    '{}',
    '{"stage":"active"}',
    '{"stage":"other","subject":"a","client":"b"}',
    'null',
  ])('does nothing for the corrupt record %j', async (corrupt) => {
    await store.putIfAbsent(key, corrupt, terms.absoluteEnd);
    await expect(grants.redeem(terms, 'r0')).rejects.toThrow();
    await expect(grants.rotate(token('r0'), successor('x'))).rejects.toThrow();
    expect(await store.get(key)).toBe(corrupt);
  });

  it('does not let a corrupt record keep a grant alive that is to end', async () => {
    await store.putIfAbsent(key, 'no json', terms.absoluteEnd);
    await grants.revoke(terms, 'test');
    expect(revocations.isRevoked('grant-1')).toBe(true);
    expect(await grants.rotate(token('r0'), successor('x'))).toEqual({ outcome: 'revoked' });
  });
});
