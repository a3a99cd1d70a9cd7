import { describe, expect, it } from 'vitest';

import { describeAsResource } from '../../../test/support/one-resource.ts';
import { systemRandom } from '../../platform/random.ts';
import { createKeyring, scheduleSecrets } from '../../platform/sealing/keyring.ts';
import { createSealer } from '../../platform/sealing/sealer.ts';
import type { ClientFingerprint } from '../../services/clients/client.ts';
import { sealAccessToken } from '../../services/tokens/access-token.ts';
import { type AdmittedCall, createAdmissions } from './admit.ts';

const [oldSecret, newSecret] = [
  'the old secret, thirty-two bytes or more',
  'the new secret, thirty-two bytes or more',
];
const now = 1_800_000_000;
const clock = { nowSeconds: () => now, nowMilliseconds: () => now * 1000 };

function open(cacheEntries: number) {
  const keyring = createKeyring(scheduleSecrets([oldSecret]), { clock });
  let opened = 0;
  const sealer = createSealer({ keyring, context: 'https://gatehouse.test', random: systemRandom });
  const admission = createAdmissions({
    sealer: {
      ...sealer,
      open: (purpose, token) => {
        opened += 1;
        return sealer.open(purpose, token);
      },
    },
    keyGeneration: () => keyring.current().generation,
    clock,
    revocations: { judge: () => false },
    revokeBefore: undefined,
    cacheEntries,
  }).forResource(describeAsResource('https://gatehouse.test/mcp'));
  const terms = {
    grantId: 'grant-1',
    identityIssuer: 'https://login.test',
    subject: 'alice',
    email: undefined,
    name: undefined,
    groups: [],
    client: 'fingerprint' as ClientFingerprint,
    resource: 'https://gatehouse.test/mcp',
    scope: [],
    grantedAt: now,
    absoluteEnd: now + 86_400,
  };
  const issue = (): string =>
    `Bearer ${sealAccessToken(sealer, { terms, issuedAt: now, expiresAt: now + 3600 })}`;
  const admit = (authorization: string): AdmittedCall => {
    const call = admission.admit(authorization);
    if (call.outcome !== 'admitted') throw new Error(call.reason);
    return call;
  };
  return { keyring, admission, issue, admit, opened: () => opened };
}

describe.each([10, 0])('admission when keys change, with a cache of %i', (cacheEntries) => {
  it('refuses a token it admitted once its key is destroyed, and ends its streams', () => {
    const { keyring, admission, issue, admit } = open(cacheEntries);
    const token = issue();
    const stream = admit(token);
    expect(admission.recheck(stream)).toBeUndefined();
    keyring.replace(scheduleSecrets([newSecret]));
    const refused = { outcome: 'refused', status: 401, reason: 'invalid_token' };
    expect(admission.recheck(stream)).toMatchObject(refused);
    expect(admission.admit(token)).toMatchObject(refused);
    expect(admission.recheck(stream)).toMatchObject(refused);
  });

  it('goes on with the tokens and streams of a key that still opens', () => {
    const { keyring, admission, issue, admit } = open(cacheEntries);
    const token = issue();
    const stream = admit(token);
    keyring.replace(scheduleSecrets([newSecret, oldSecret]));
    expect(admission.recheck(stream)).toBeUndefined();
    expect(admission.recheck(admit(token))).toBeUndefined();
    admit(issue());
  });
});

describe('admission while keys stay', () => {
  it('opens a token once', () => {
    const { admission, issue, admit, opened } = open(10);
    const token = issue();
    for (let call = 0; call < 5; call += 1) admission.recheck(admit(token));
    expect(opened()).toBe(1);
  });
});
