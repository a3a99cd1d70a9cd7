/**
 * What a live grant costs Redis: after its code was redeemed, right after a refresh, when its record holds the
 * successor too, and at rest, when the window for that is over. Written by the code that does it in the gatehouse;
 * measured by what Redis allocated.
 */
import { wrapSuccessor } from '../src/authorization-server/token/stored-successor.ts';
import { makeRefreshToken } from '../src/authorization-server/token/seal-tokens.ts';
import { type Clock, systemClock as clock } from '../src/platform/clock.ts';
import { systemRandom as random } from '../src/platform/random.ts';
import { createSealer } from '../src/platform/sealing/sealer.ts';
import { fingerprintClientId } from '../src/services/clients/client.ts';
import { createGrantTidying } from '../src/services/tokens/grant-tidying.ts';
import { createGrants } from '../src/services/tokens/grants.ts';
import { createPersonGrants } from '../src/services/tokens/person-grants.ts';
import type { RefreshToken } from '../src/services/tokens/refresh-token.ts';
import { createRevocations } from '../src/services/tokens/revocations.ts';
import { type RedisProcess, startRedis } from '../test/support/redis.ts';
import { times } from './effort.ts';
import { makeTerms } from './issue-code.ts';
import { ownCpuSeconds, runAll } from './measure.ts';
import { keyPrefix, openBenchStore, readHoldings } from './redis-memory.ts';

const grants = times(100_000, 50);
const samples = times(1_000, 10);
const atOnce = 64;
const refreshWindowSeconds = 30;
const issuer = 'https://gatehouse.example';

export interface GrantsAtRestBench {
  readonly grants: number;
  readonly redeemed: AtRest;
  readonly refreshed: AtRest;
  readonly atRest: AtRest;
  /** What tidying adds to the cost of a refresh. */
  readonly tidyingsPerCpuSecond: number;
}

interface AtRest {
  /** All that Redis allocated more, for each grant: tables and expiry included. */
  readonly bytesPerGrant: number;
  /** Mean of `MEMORY USAGE`, which leaves the table of expiries out. */
  readonly sampledBytesPerGrant: number;
  readonly recordBytes: number;
  readonly megabytesForAMillion: number;
}

export async function benchGrantsAtRest(): Promise<GrantsAtRestBench> {
  const redis = await startRedis();
  try {
    return await measureGrants(redis);
  } finally {
    await redis.dispose();
  }
}

async function measureGrants(redis: RedisProcess): Promise<GrantsAtRestBench> {
  const writer = await openWriter(redis);
  const empty = (await readHoldings(redis)).bytes;
  const tokens: RefreshToken[] = [];
  await runAll(Array.from({ length: grants }), async () => void tokens.push(await writer.redeem()), atOnce);
  const redeemed = await measureAtRest(redis, empty, tokens);
  await runAll(tokens, (token) => writer.refresh(token), atOnce);
  const refreshed = await measureAtRest(redis, empty, tokens);
  const tidyingsPerCpuSecond = await writer.tidyAll();
  const atRest = await measureAtRest(redis, empty, tokens);
  await writer.close();
  return { grants, redeemed, refreshed, atRest, tidyingsPerCpuSecond };
}

async function openWriter(redis: RedisProcess) {
  const store = await openBenchStore(redis);
  const sealer = createSealer({
    secrets: ['a benchmark secret of thirty-two bytes or more'],
    context: issuer,
    random,
  });
  const revocations = createRevocations({ store, clock, onError: () => {} });
  let ahead = 0;
  const tidyingClock: Clock = {
    nowSeconds: () => clock.nowSeconds() + ahead,
    nowMilliseconds: () => clock.nowMilliseconds() + ahead * 1000,
  };
  const tidying = createGrantTidying({ store, clock: tidyingClock, refreshWindowSeconds });
  const lists = createPersonGrants({ store, clock, sealer });
  const records = createGrants({ store, clock, revocations, refreshWindowSeconds, tidying });
  return {
    async tidyAll(): Promise<number> {
      ahead = 2 * refreshWindowSeconds + 60;
      const before = ownCpuSeconds();
      await tidying.sweep();
      return Math.round(grants / (ownCpuSeconds() - before));
    },
    async redeem(): Promise<RefreshToken> {
      const terms = makeTerms(fingerprintClientId(random.token(300)), `${issuer}/mcp`);
      const now = clock.nowSeconds();
      await records.open(terms, now + 600);
      const first = random.token(16);
      const { resource, scope, grantedAt } = terms;
      const recipient = 'https://client.example';
      await lists.add(terms, terms, { clientName: 'Claude', recipient, resource, scope, grantedAt });
      const outcome = await records.redeem(terms, first);
      if (outcome !== 'redeemed') throw new Error(`a code is ${outcome}`);
      return { terms, tokenId: first, expiresAt: now + 3600 };
    },
    async refresh(token: RefreshToken): Promise<void> {
      const next = makeRefreshToken(sealer, token.terms, random.token(16), clock.nowSeconds());
      const { outcome } = await records.rotate(token, () => wrapSuccessor(sealer, next));
      if (outcome !== 'rotated') throw new Error(`a refresh token is ${outcome}`);
    },
    async close(): Promise<void> {
      tidying.close();
      revocations.close();
      await store.close();
    },
  };
}

async function measureAtRest(
  redis: RedisProcess,
  emptyBytes: number,
  tokens: readonly RefreshToken[],
): Promise<AtRest> {
  const { bytes } = await readHoldings(redis);
  const bytesPerGrant = (bytes - emptyBytes) / tokens.length;
  let sampled = 0;
  let recorded = 0;
  const some = tokens.slice(0, samples);
  for (const { terms } of some) {
    const key = `${keyPrefix}r:grant:${terms.grantId}`;
    sampled += Number(await redis.command('MEMORY', 'USAGE', key));
    recorded += Number(await redis.command('STRLEN', key));
  }
  return {
    bytesPerGrant: Math.round(bytesPerGrant),
    sampledBytesPerGrant: Math.round(sampled / some.length),
    recordBytes: Math.round(recorded / some.length),
    megabytesForAMillion: Math.round(bytesPerGrant),
  };
}
