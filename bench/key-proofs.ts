/**
 * What a proof of a key costs a call: admission with a bound token and a fresh proof, against admission of a bearer token.
 * Each proof is another one, as it has to be; they are signed before the clock runs.
 */
import { createHash, generateKeyPairSync, randomUUID, sign } from 'node:crypto';

import { systemClock } from '../src/platform/clock.ts';
import { systemRandom } from '../src/platform/random.ts';
import { createSealer } from '../src/platform/sealing/sealer.ts';
import { createAdmissions } from '../src/resource-server/admission/admit.ts';
import { createProvenAdmission } from '../src/resource-server/admission/proven-admission.ts';
import { createProofCheck } from '../src/services/dpop/proof.ts';
import { createReplayMemory } from '../src/services/dpop/replay-memory.ts';
import { noScopes } from '../src/services/resources/resource.ts';
import { sealAccessToken } from '../src/services/tokens/access-token.ts';
import type { GrantTerms } from '../src/services/tokens/grant-terms.ts';
import { isShort } from './effort.ts';

const rounds = isShort ? 50 : 2_000;
const issuer = 'https://gatehouse.test';
const identifier = `${issuer}/mcp`;
const sealer = createSealer({
  secrets: ['a secret of thirty-two bytes or more'],
  context: issuer,
  random: systemRandom,
});
const resource = { identifier, metadataUrl: `${issuer}/metadata`, scopes: noScopes };
const admission = createAdmissions({
  sealer,
  clock: systemClock,
  revocations: { judge: () => false },
  revokeBefore: undefined,
}).forResource(resource);
const proven = createProvenAdmission(
  admission,
  { ...resource, publicOrigin: issuer, dpop: 'optional' },
  {
    check: createProofCheck(),
    used: createReplayMemory({ clock: systemClock }),
    clock: systemClock,
  },
);

const hash = (text: string): string => createHash('sha256').update(text).digest('base64url');
const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

function issue(keyThumbprint: string | undefined): string {
  const now = systemClock.nowSeconds();
  const terms: GrantTerms = {
    grantId: 'grant',
    identityIssuer: 'https://login.test',
    subject: 'alice',
    email: 'alice@example.com',
    name: undefined,
    groups: ['staff'],
    client: 'fingerprint' as GrantTerms['client'],
    keyThumbprint,
    resource: identifier,
    scope: [],
    grantedAt: now,
    absoluteEnd: now + 86_400,
  };
  return sealAccessToken(sealer, { terms, issuedAt: now, expiresAt: now + 3600 });
}

type Pair = Pick<ReturnType<typeof generateKeyPairSync>, 'publicKey' | 'privateKey'>;

const pairs: Readonly<Record<string, () => Pair>> = {
  ES256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  EdDSA: () => generateKeyPairSync('ed25519'),
  RS256: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
};

/** Calls of a client with a key of its own: what comes in `Authorization`, and the head of each. */
function prepare(alg: string) {
  const { publicKey, privateKey } = pairs[alg]?.() ?? generateKeyPairSync('ed25519');
  const jwk = publicKey.export({ format: 'jwk' });
  const members = ['crv', 'e', 'kty', 'n', 'x', 'y'].filter((name) => jwk[name] !== undefined);
  const token = issue(hash(JSON.stringify(Object.fromEntries(members.map((name) => [name, jwk[name]])))));
  const calls = Array.from({ length: rounds }, () => {
    const claims = { htm: 'POST', htu: identifier, jti: randomUUID(), ath: hash(token) };
    const header = { typ: 'dpop+jwt', alg, jwk };
    const signed = `${encode(header)}.${encode({ ...claims, iat: systemClock.nowSeconds() })}`;
    const digest = alg === 'EdDSA' ? null : 'sha256';
    const signature = sign(digest, Buffer.from(signed), { key: privateKey, dsaEncoding: 'ieee-p1363' });
    const rawHeaders = ['DPoP', `${signed}.${signature.toString('base64url')}`];
    return { method: 'POST', target: '/mcp', rawHeaders };
  });
  return { authorization: [`DPoP ${token}`], calls };
}

type Prepared = ReturnType<typeof prepare>;

/** Microseconds of processor time for each call. */
function measure({ authorization, calls }: Prepared): number {
  const before = process.cpuUsage();
  for (const call of calls) {
    if (proven.admit(authorization, call, []).outcome !== 'admitted') throw new Error('a call was refused');
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / calls.length;
}

/** Microseconds of processor time that a call with such a credential costs. */
export function benchKeyProofs(): Promise<Readonly<Record<string, number>>> {
  const bearer: Prepared = {
    authorization: [`Bearer ${issue(undefined)}`],
    calls: Array.from({ length: rounds * 50 }, () => ({ method: 'POST', target: '/mcp', rawHeaders: [] })),
  };
  measure(bearer);
  const figures: Record<string, number> = { bearerMicros: measure(bearer) };
  for (const alg of Object.keys(pairs)) {
    measure(prepare(alg));
    figures[`proof${alg}Micros`] = measure(prepare(alg));
  }
  return Promise.resolve(figures);
}
