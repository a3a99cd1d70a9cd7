/** The cache of verified tokens: what it holds when it is full, and that three times as many tokens make it no larger. */
import { systemClock as clock } from '../src/platform/clock.ts';
import { systemRandom as random } from '../src/platform/random.ts';
import { createSealer, type Sealer } from '../src/platform/sealing/sealer.ts';
import { type AdmissionControl, createAdmissions } from '../src/resource-server/admission/admit.ts';
import { fingerprintClientId } from '../src/services/clients/client.ts';
import { noScopes } from '../src/services/resources/resource.ts';
import { sealAccessToken } from '../src/services/tokens/access-token.ts';
import { times } from './effort.ts';
import { heldMegabytes } from './heap.ts';
import { makeTerms } from './issue-code.ts';

const issuer = 'https://gatehouse.example';
const resource = `${issuer}/mcp`;
/** The cache's own cap. */
const cap = times(10_000, 50);

export interface VerifiedTokensBench {
  readonly cap: number;
  readonly megabytesAtCap: number;
  readonly megabytesAfterThreeTimesTheCap: number;
  readonly bytesPerToken: number;
}

export async function benchVerifiedTokens(): Promise<VerifiedTokensBench> {
  const sealer = createSealer({
    secrets: ['a benchmark secret of thirty-two bytes or more'],
    context: issuer,
    random,
  });
  const admission = createAdmissions({
    sealer,
    clock,
    revocations: { judge: () => false },
    revokeBefore: undefined,
    cacheEntries: cap,
  }).forResource({
    identifier: resource,
    metadataUrl: `${issuer}/.well-known/oauth-protected-resource/mcp`,
    scopes: noScopes,
  });
  // What the first admission allocates is not the cache's.
  admit(admission, sealer);
  const empty = await heldMegabytes();
  for (let count = 0; count < cap; count += 1) admit(admission, sealer);
  const full = (await heldMegabytes()) - empty;
  for (let count = 0; count < 2 * cap; count += 1) admit(admission, sealer);
  const overfull = (await heldMegabytes()) - empty;
  // Used once more, so that nobody collects it before it is measured.
  admit(admission, sealer);
  return {
    cap,
    megabytesAtCap: Number(full.toFixed(1)),
    megabytesAfterThreeTimesTheCap: Number(overfull.toFixed(1)),
    bytesPerToken: Math.round((full * 1e6) / cap),
  };
}

/** A call of somebody new. */
function admit(admission: AdmissionControl, sealer: Sealer): void {
  const terms = makeTerms(fingerprintClientId('bench'), resource);
  const issuedAt = clock.nowSeconds();
  const token = sealAccessToken(sealer, { terms, issuedAt, expiresAt: issuedAt + 600 });
  const { outcome } = admission.admit(`Bearer ${token}`);
  if (outcome !== 'admitted') throw new Error('a good token was refused');
}
