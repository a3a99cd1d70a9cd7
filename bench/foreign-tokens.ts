/** What admission costs a call: with a known token of ours, with a known one of another issuer, and with one nobody knows yet. */
import { generateKeyPairSync } from 'node:crypto';

import { SignJWT } from 'jose';

import { systemClock as clock } from '../src/platform/clock.ts';
import { systemRandom as random } from '../src/platform/random.ts';
import { createSealer } from '../src/platform/sealing/sealer.ts';
import { createAdmissions } from '../src/resource-server/admission/admit.ts';
import { createForeignAdmission } from '../src/resource-server/admission/foreign-admission.ts';
import { type ClientKey, fingerprintClientId } from '../src/services/clients/client.ts';
import { createJwtTokens } from '../src/services/identity/foreign/jwt-tokens.ts';
import { parseStrictJson } from '../src/services/requests/strict-json.ts';
import { noScopes } from '../src/services/resources/resource.ts';
import { sealAccessToken } from '../src/services/tokens/access-token.ts';
import { times } from './effort.ts';
import { makeTerms } from './issue-code.ts';
import { ownCpuSeconds, spread, type Spread } from './measure.ts';

const calls = times(100_000, 100);
const checks = times(2_000, 10);
const rounds = times(7, 1);
const issuer = 'https://login.example';
const resource = {
  identifier: 'https://gatehouse.example/mcp',
  metadataUrl: 'https://gatehouse.example/.well-known/oauth-protected-resource/mcp',
  scopes: noScopes,
};
const shared = { clock, revocations: { judge: () => false }, revokeBefore: undefined };

export interface ForeignTokensBench {
  readonly ownKnownMicroseconds: Spread;
  readonly foreignKnownMicroseconds: Spread;
  /** CPU of all threads. */
  readonly es256CheckMicroseconds: Spread;
  readonly rs256CheckMicroseconds: Spread;
}

export async function benchForeignTokens(): Promise<ForeignTokensBench> {
  const es256 = openForeign('ES256');
  const known = `Bearer ${await es256.sign()}`;
  await es256.check(known);
  const own = openOwn();
  return {
    ownKnownMicroseconds: await measure(calls, () => own()),
    foreignKnownMicroseconds: await measure(calls, () => es256.admitKnown(known)),
    es256CheckMicroseconds: await measureChecks(es256),
    rs256CheckMicroseconds: await measureChecks(openForeign('RS256')),
  };
}

function openOwn(): () => void {
  const sealer = createSealer({
    secrets: ['a benchmark secret of thirty-two bytes or more'],
    context: 'https://gatehouse.example',
    random,
  });
  const admission = createAdmissions({ ...shared, sealer }).forResource(resource);
  const issuedAt = clock.nowSeconds();
  const terms = makeTerms(fingerprintClientId('bench'), resource.identifier);
  const authorization = `Bearer ${sealAccessToken(sealer, { terms, issuedAt, expiresAt: issuedAt + 3600 })}`;
  return () => {
    if (admission.admit(authorization).outcome !== 'admitted') throw new Error('a good token was refused');
  };
}

function openForeign(algorithm: 'ES256' | 'RS256') {
  const { privateKey, publicKey } =
    algorithm === 'ES256'
      ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
      : generateKeyPairSync('rsa', { modulusLength: 2048 });
  const keys: readonly ClientKey[] = [{ id: 'one', algorithms: [algorithm], key: publicKey }];
  const find = (): Promise<readonly ClientKey[]> => Promise.resolve(keys);
  const authority = {
    kind: 'jwt',
    issuer,
    audiences: [resource.identifier],
    clockSkewSeconds: 30,
    claims: { subject: 'sub', email: 'email', groups: 'groups', scope: ['scope'], client: ['client_id'] },
    trustUnverifiedEmail: false,
    jwksUri: undefined,
    algorithms: [algorithm],
    tokenType: 'at+jwt',
  } as const;
  const verify = createJwtTokens(authority, {
    keys: { find, renew: find },
    parseJson: parseStrictJson,
    clock,
  });
  const admission = createForeignAdmission(resource, {
    ...shared,
    verify,
    fingerprintClient: fingerprintClientId,
    admits: () => true,
    onError: () => undefined,
  });
  const claims = {
    email: 'jane.doe@example.com',
    email_verified: true,
    groups: ['engineering', 'mcp-users'],
  };
  return {
    sign: () =>
      new SignJWT({ ...claims, client_id: 'bench', jti: random.token(16) })
        .setProtectedHeader({ alg: algorithm, typ: 'at+jwt', kid: 'one' })
        .setIssuer(issuer)
        .setAudience(resource.identifier)
        .setSubject('248289761001')
        .setIssuedAt()
        .setExpirationTime('1h')
        .sign(privateKey),
    async check(authorization: string): Promise<void> {
      const admitted = admission.admit(authorization);
      const settled = admitted.outcome === 'pending' ? await admitted.check() : admitted;
      if (settled.outcome !== 'admitted') throw new Error('a good token was refused');
    },
    admitKnown(authorization: string): void {
      if (admission.admit(authorization).outcome !== 'admitted')
        throw new Error('a known token was forgotten');
    },
  };
}

async function measureChecks({ sign, check }: ReturnType<typeof openForeign>): Promise<Spread> {
  const tokens = await Promise.all(Array.from({ length: checks * rounds }, () => sign()));
  return measure(checks, () => check(`Bearer ${tokens.pop() ?? ''}`));
}

async function measure(count: number, once: () => void | Promise<void>): Promise<Spread> {
  const microseconds: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const before = ownCpuSeconds();
    for (let at = 0; at < count; at += 1) {
      const pending = once();
      if (pending !== undefined) await pending;
    }
    microseconds.push(((ownCpuSeconds() - before) / count) * 1e6);
  }
  return spread(microseconds, 2);
}
