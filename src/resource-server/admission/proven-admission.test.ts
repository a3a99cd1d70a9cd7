import { describe, expect, it } from 'vitest';

import { FakeClock } from '../../../test/support/fake-clock.ts';
import { createProvingKey, hashToken, signProof } from '../../../test/support/key-proofs.ts';
import { createProofCheck } from '../../services/dpop/proof.ts';
import { createReplayMemory } from '../../services/dpop/replay-memory.ts';
import { noScopes } from '../../services/resources/resource.ts';
import type { GrantTerms } from '../../services/tokens/grant-terms.ts';
import type { AdmissionControl, AdmittedCall } from './admit.ts';
import { createProvenAdmission } from './proven-admission.ts';

const publicOrigin = 'https://gatehouse.test';
const resource = {
  identifier: `${publicOrigin}/mcp`,
  metadataUrl: `${publicOrigin}/metadata`,
  scopes: noScopes,
};
const clock = new FakeClock();
const key = createProvingKey();
const grant = { keyThumbprint: key.thumbprint } as unknown as GrantTerms;
const admitted = { outcome: 'admitted', grant } as AdmittedCall;
const admission: AdmissionControl = {
  admit: () => admitted,
  admitBound: () => admitted,
  recheck: () => undefined,
};

describe('admission with a proof', () => {
  it('asks for patience when no more proofs can be remembered, and takes none unremembered', () => {
    const used = createReplayMemory({ clock, maxEntries: 1 });
    const keyProofs = { check: createProofCheck(), used, clock };
    const proven = createProvenAdmission(
      admission,
      { ...resource, publicOrigin, dpop: 'optional' },
      keyProofs,
    );
    const call = () => {
      const claims = { htm: 'POST', htu: resource.identifier, ath: hashToken('token') };
      const proof = signProof(key, { claims: { ...claims, iat: clock.nowSeconds() } });
      const presented = { method: 'POST', target: '/mcp', rawHeaders: ['dpop', proof] };
      return proven.admit(['DPoP token'], presented, []);
    };
    expect(call()).toBe(admitted);
    const refused = call();
    expect(refused).toMatchObject({ status: 503, reason: 'dpop_proofs_exceeded', retryAfterSeconds: 10 });
    expect(refused).not.toHaveProperty('challenge');
    clock.advance(122);
    expect(call()).toBe(admitted);
  });

  it('makes no refusal twice: each is the same object for every call', () => {
    const keyProofs = { check: createProofCheck(), used: createReplayMemory({ clock }), clock };
    const proven = createProvenAdmission(
      admission,
      { ...resource, publicOrigin, dpop: 'required' },
      keyProofs,
    );
    const call = { method: 'POST', target: '/mcp', rawHeaders: [] };
    expect(proven.admit(['DPoP token'], call, [])).toBe(proven.admit(['dpop token'], call, []));
  });
});
