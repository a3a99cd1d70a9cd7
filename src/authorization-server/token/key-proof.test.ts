import { describe, expect, it } from 'vitest';

import { FakeClock } from '../../../test/support/fake-clock.ts';
import { createProvingKey, signProof } from '../../../test/support/key-proofs.ts';
import { createMemoryStore } from '../../platform/store/memory-store.ts';
import { StoreError } from '../../platform/store/store.ts';
import { createKeyProof, type KeyProofDeps } from './key-proof.ts';

const tokenUri = 'https://gatehouse.test/token';
const clock = new FakeClock();
const key = createProvingKey();

function asking(proof?: string): Request {
  const headers = proof === undefined ? {} : { DPoP: proof };
  return new Request(tokenUri, { method: 'POST', headers });
}

const good = (): Request =>
  asking(signProof(key, { claims: { htm: 'POST', htu: tokenUri, iat: clock.nowSeconds() } }));

describe('the proof of a token request', () => {
  it('names its key, and leaves a mark that is over when the proof is', async () => {
    const store = createMemoryStore({ clock });
    expect(await createKeyProof({ tokenUri, clock, store })(good())).toBe(key.thumbprint);
    const count = async (): Promise<number> =>
      (await store.list('dpop-proof:', { cursor: '', limit: 10 })).records.length;
    expect(await count()).toBe(1);
    clock.advance(62);
    expect(await count()).toBe(0);
  });

  it('is nobody’s where there is none, and nothing is written', async () => {
    const store = createMemoryStore({ clock });
    expect(await createKeyProof({ tokenUri, clock, store })(asking())).toBeUndefined();
    expect((await store.list('', { cursor: '', limit: 10 })).records).toEqual([]);
  });

  it('of another endpoint writes nothing', async () => {
    const store = createMemoryStore({ clock });
    const proof = signProof(key, { claims: { htm: 'POST', htu: `${tokenUri}/x`, iat: clock.nowSeconds() } });
    await expect(createKeyProof({ tokenUri, clock, store })(asking(proof))).rejects.toMatchObject({
      code: 'invalid_dpop_proof',
      reason: 'dpop_proof_invalid',
    });
    expect((await store.list('', { cursor: '', limit: 10 })).records).toEqual([]);
  });

  it('has to be made anew after the store may have forgotten that it was used', async () => {
    const store: KeyProofDeps['store'] = {
      putIfAbsent: () => Promise.resolve(true),
      rememberedSince: () => Promise.resolve(clock.nowSeconds()),
    };
    await expect(createKeyProof({ tokenUri, clock, store })(good())).rejects.toMatchObject({
      code: 'temporarily_unavailable',
      reason: 'dpop_proof_forgotten',
      retryAfterSeconds: 1,
    });
  });

  it('proves nothing while the store does not answer', async () => {
    const store: KeyProofDeps['store'] = {
      putIfAbsent: () => Promise.reject(new StoreError('putIfAbsent', undefined)),
      rememberedSince: () => Promise.resolve(0),
    };
    await expect(createKeyProof({ tokenUri, clock, store })(good())).rejects.toBeInstanceOf(StoreError);
  });
});
